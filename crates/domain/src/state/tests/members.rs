//! Tests of removed members, which never join again.

use super::*;
use crate::access::{Denied, Permission};
use crate::{ApiKeyId, Digest, KeyLabel, KeyRef, MemberAddress, MemberId, MemberName, NewApiKey, NewMember};

fn id(number: u64) -> MemberId {
    MemberId::new(number).expect("an id")
}

fn admit(number: u64) -> Command {
    let address = |text: &str| MemberAddress::parse(text).expect("an address");
    let name = MemberName::parse("m").expect("a name");
    let member = NewMember { id: id(number), name, peer_addr: address("m:1"), api_url: address("m:2") };
    Command::AdmitMember { member }
}

#[test]
fn a_retired_id_is_never_admitted_again() {
    let mut state = State::default();
    accept(&mut state, admit(4));
    accept(&mut state, admit(4));
    accept(&mut state, Command::RetireMember { id: id(4) });
    assert_eq!(reject(&mut state, admit(4)), Rejection::MemberRetired(id(4)));
    // An interrupted removal can be repeated.
    accept(&mut state, Command::RetireMember { id: id(4) });
    accept(&mut state, admit(5));
    assert!(state.is_retired_member(id(4)) && !state.is_retired_member(id(5)));
    let mut again = State::default();
    state.rows().for_each(|row| again.insert(row));
    assert_eq!(reject(&mut again, admit(4)), Rejection::MemberRetired(id(4)), "it is kept");
}

#[test]
fn members_are_the_business_of_platform_keys() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    let mut check = |owner: Option<&str>, permission, expected: Option<Denied>| {
        let key = KeyRef { project: owner.map(project), id: ApiKeyId::parse("k").expect("an id") };
        let new = NewApiKey {
            id: key.id.clone(),
            name: KeyLabel::parse("key").expect("a label"),
            hash: Digest::of(&[&[u8::from(owner.is_some())]]),
            prefix: String::new(),
            permissions: [permission].into(),
            environments: None,
            key_prefixes: None,
            expires_at: None,
        };
        accept(&mut state, Command::CreateApiKey { project: key.project.clone(), key: new });
        for command in [admit(9), Command::RetireMember { id: id(8) }] {
            let refused = match state.apply(&by(Actor::ApiKey(key.clone()), command, 1)).outcome {
                Outcome::Rejected { rejection, .. } => Some(rejection),
                Outcome::Accepted { .. } | Outcome::Replayed { .. } => None,
            };
            assert_eq!(refused, expected.clone().map(Rejection::Denied), "{owner:?} {permission:?}");
        }
        accept(&mut state, Command::RevokeApiKey { key });
    };
    check(None, Permission::ClusterWrite, None);
    let read = Permission::ClusterRead;
    check(None, read, Some(Denied::MissingPermission(Permission::ClusterWrite)));
    check(Some("p"), Permission::ClusterWrite, Some(Denied::OutOfScope));
}
