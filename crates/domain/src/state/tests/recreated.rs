//! Tests of projects and environments that are created again under the name of a deleted one, whose rights
//! must not apply to them; and of the validity of rotated secrets.

use super::{accept, by, by_system, create_project, environment, project};
use crate::access::{Denied, Principal, authorize, holds, may_grant};
use crate::limits::API_KEY_OVERLAP_MS_MAX;
use crate::{
    Actor, ApiKey, ApiKeyId, BuiltInRole, Command, Digest, EnvironmentId, Grant, KeyLabel, KeyRef, NewApiKey,
    Outcome, Permission, Person, Rejection, Resource, Revision, RoleName, State, Timestamp, UserId,
};
use std::collections::BTreeSet;

const READ: Permission = Permission::DocumentRead;

fn ann() -> Actor {
    Actor::User(UserId::parse("ann").expect("an id"))
}

/// An administrator of the project `p` in the given environments, or in all, as resolved at a revision.
fn admin(as_of: Option<Revision>, environments: Option<&[&EnvironmentId]>) -> Person {
    let grant = Grant {
        role: RoleName::parse("admin").expect("a name"),
        permissions: BuiltInRole::Admin.permissions(),
        project: Some(project("p")),
        environments: environments.map(|all| all.iter().map(|id| id.name.clone()).collect()),
        key_prefixes: None,
    };
    Person { grants: vec![grant], as_of, ..Person::default() }
}

fn may(state: &State, person: &Person, resource: Resource<'_>) -> Result<(), Denied> {
    let actor = ann();
    authorize(state, Principal { actor: &actor, person: Some(person) }, READ, resource, Timestamp(0))
}

fn new_key(id: &str, secret: u8, environments: Option<&[&EnvironmentId]>) -> NewApiKey {
    NewApiKey {
        id: ApiKeyId::parse(id).expect("an id"),
        name: KeyLabel::parse(id).expect("a label"),
        hash: Digest([secret; 32]),
        prefix: "gdn_sk_".to_owned(),
        permissions: BTreeSet::from([READ, Permission::EnvironmentRead]),
        environments: environments.map(|all| all.iter().map(|id| id.name.clone()).collect()),
        key_prefixes: None,
        expires_at: None,
    }
}

fn key_ref(id: &str) -> KeyRef {
    KeyRef { project: Some(project("p")), id: ApiKeyId::parse(id).expect("an id") }
}

#[test]
fn members_of_a_deleted_project_are_nobody_in_a_later_one() {
    let mut state = State::default();
    let created = accept(&mut state, create_project("p"));
    let member = admin(Some(created), None);
    let before_this_was_kept = admin(None, None);
    let here = project("p");
    assert_eq!(may(&state, &member, Resource::Project(&here)), Ok(()));
    accept(&mut state, Command::DeleteProject { name: here.clone() });
    let again = accept(&mut state, create_project("p"));
    let in_default = environment("p", "default");
    for resource in [Resource::Project(&here), Resource::Environment(&in_default)] {
        assert_eq!(may(&state, &member, resource), Err(Denied::OutOfScope));
        assert_eq!(may(&state, &admin(Some(again), None), resource), Ok(()));
        assert_eq!(may(&state, &before_this_was_kept, resource), Ok(()));
    }
    // Nor can they issue API keys or grant roles in it, which would outlast their rights.
    let actor = ann();
    let who = Principal { actor: &actor, person: Some(&member) };
    let make = Command::CreateApiKey { project: Some(here.clone()), key: new_key("k", 1, None) };
    let mut stamped = by(ann(), make, 1000);
    stamped.person = Some(member.clone().into());
    let outcome = state.apply(&stamped).outcome;
    let denied = Rejection::Denied(Denied::OutOfScope);
    assert!(matches!(&outcome, Outcome::Rejected { rejection, .. } if *rejection == denied), "{outcome:?}");
    stamped.person = Some(admin(Some(again), None).into());
    assert!(matches!(state.apply(&stamped).outcome, Outcome::Accepted { .. }));
    let created = state.api_key(&key_ref("k")).cloned().expect("a key");
    assert_eq!(may_grant(&state, who, &created, Timestamp(0)), Ok(false));
    let permissions = BTreeSet::from([READ]);
    assert_eq!(holds(&state, who, &permissions, created.scope(), Timestamp(0)), Ok(false));
}

#[test]
fn a_role_in_a_deleted_environment_does_not_reach_a_later_one() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    let [dev, prod] = ["dev", "prod"].map(|name| environment("p", name));
    accept(&mut state, Command::CreateEnvironment { id: dev.clone() });
    let known = accept(&mut state, Command::CreateEnvironment { id: prod.clone() });
    let member = admin(Some(known), Some(&[&dev, &prod]));
    let whole = admin(Some(known), None);
    accept(&mut state, Command::DeleteEnvironment { id: dev.clone() });
    let again = accept(&mut state, Command::CreateEnvironment { id: dev.clone() });
    assert_eq!(may(&state, &member, Resource::Environment(&dev)), Err(Denied::OutOfScope));
    assert_eq!(may(&state, &member, Resource::Environment(&prod)), Ok(()));
    assert_eq!(may(&state, &whole, Resource::Environment(&dev)), Ok(()), "the whole project is theirs");
    assert_eq!(may(&state, &admin(Some(again), Some(&[&dev])), Resource::Environment(&dev)), Ok(()));
}

#[test]
fn a_key_for_a_deleted_environment_does_not_reach_a_later_one() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    let [dev, prod] = ["dev", "prod"].map(|name| environment("p", name));
    for (id, secret, environments) in
        [("both", 1, Some([&dev, &prod].as_slice())), ("dev", 2, Some(&[&dev])), ("all", 3, None)]
    {
        let key = new_key(id, secret, environments);
        accept(&mut state, Command::CreateApiKey { project: Some(project("p")), key });
    }
    for id in [&dev, &prod] {
        accept(&mut state, Command::CreateEnvironment { id: id.clone() });
    }
    let reaches = |state: &State, key: &str, environment: &EnvironmentId| {
        let actor = Actor::ApiKey(key_ref(key));
        let who = Principal { actor: &actor, person: None };
        authorize(state, who, READ, Resource::Environment(environment), Timestamp(0)).is_ok()
    };
    assert!(reaches(&state, "both", &dev) && reaches(&state, "dev", &dev), "also named before it existed");
    accept(&mut state, Command::DeleteEnvironment { id: dev.clone() });
    accept(&mut state, Command::CreateEnvironment { id: dev.clone() });
    assert!(!reaches(&state, "both", &dev) && !reaches(&state, "dev", &dev));
    assert!(reaches(&state, "both", &prod) && reaches(&state, "all", &dev));
    assert_eq!(
        state.api_key(&key_ref("dev")).and_then(|key| key.environments.clone()),
        Some(BTreeSet::new())
    );
}

#[test]
fn the_secret_before_a_rotation_is_good_for_as_long_as_was_said() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    accept(&mut state, Command::CreateApiKey { project: Some(project("p")), key: new_key("k", 1, None) });
    let rotate = |secret: u8, overlap_ms: u64| Command::RotateApiKey {
        key: key_ref("k"),
        hash: Digest([secret; 32]),
        prefix: "gdn_sk_".to_owned(),
        overlap_ms,
    };
    let opens = |state: &State, secret: u8, at: i64| {
        state.api_key_by_secret(&Digest([secret; 32]), Timestamp(at)).map(|key: &ApiKey| key.key.clone())
    };
    // `accept` stamps commands with the time 1000.
    accept(&mut state, rotate(2, 500));
    assert_eq!(opens(&state, 1, 1499), Some(key_ref("k")));
    assert_eq!(opens(&state, 1, 1500), None);
    assert_eq!(opens(&state, 2, 9999), Some(key_ref("k")));
    accept(&mut state, rotate(3, 500));
    assert_eq!((opens(&state, 1, 1001), opens(&state, 2, 1001)), (None, Some(key_ref("k"))), "one at a time");
    accept(&mut state, rotate(4, 0));
    assert_eq!((opens(&state, 2, 1001), opens(&state, 3, 1001)), (None, None), "at once");
    assert_eq!(state.api_key(&key_ref("k")).and_then(|key| key.previous.clone()), None);
    let long = state.apply(&by_system(rotate(5, API_KEY_OVERLAP_MS_MAX + 1))).outcome;
    assert!(matches!(long, Outcome::Rejected { rejection: Rejection::LimitReached { .. }, .. }), "{long:?}");
    accept(&mut state, rotate(6, 500));
    accept(&mut state, Command::RevokeApiKey { key: key_ref("k") });
    assert_eq!((opens(&state, 4, 1001), opens(&state, 6, 1001)), (None, None));
}

#[test]
fn keys_made_with_the_keys_of_a_person_are_found() {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    let maker = |state: &mut State, actor: Actor, id: &str, secret: u8| {
        let key = NewApiKey {
            permissions: BTreeSet::from([READ, Permission::KeyWrite]),
            ..new_key(id, secret, None)
        };
        let mut stamped = by(actor, Command::CreateApiKey { project: Some(project("p")), key }, 1000);
        stamped.person = Some(admin(None, None).into());
        assert!(matches!(state.apply(&stamped).outcome, Outcome::Accepted { .. }));
    };
    maker(&mut state, ann(), "one", 1);
    maker(&mut state, Actor::ApiKey(key_ref("one")), "two", 2);
    maker(&mut state, Actor::ApiKey(key_ref("two")), "three", 3);
    maker(&mut state, Actor::System, "other", 4);
    let made: BTreeSet<KeyRef> =
        state.api_keys_made_by(&ann()).into_iter().map(|key| key.key.clone()).collect();
    assert_eq!(made, ["one", "two", "three"].map(key_ref).into());
}
