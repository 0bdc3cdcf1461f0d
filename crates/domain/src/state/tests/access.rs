//! Tests of authorisation, one case a line.

use super::*;
use crate::access::{Denied, Permission, Principal, Resource, Scope, authorize, holds, identify, may_grant};
use crate::{
    ApiKey, ApiKeyId, BuiltInRole, Digest, Epoch, Grant, KeyLabel, KeyRef, Person, RoleName, UserId,
};
use std::collections::BTreeSet;

fn key(owner: Option<&str>, permissions: &[Permission]) -> ApiKey {
    ApiKey {
        key: KeyRef { project: owner.map(project), id: ApiKeyId::parse("k").expect("an id") },
        name: KeyLabel::parse("key").expect("a label"),
        hash: Digest::default(),
        prefix: String::new(),
        permissions: permissions.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
        created_at: Timestamp(0),
        created_by: Actor::System,
        revision: Revision(1),
        previous: None,
    }
}

fn environments(names: &[&str]) -> BTreeSet<EnvironmentName> {
    names.iter().map(|name| EnvironmentName::parse(name).expect("a name")).collect()
}

fn prefixes(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A principal without resolved rights of a user.
fn alone(actor: &Actor) -> Principal<'_> {
    Principal { actor, person: None }
}

type Verdict = Result<(), Denied>;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "one line a case reads better without borrows")]
fn check(key: &ApiKey, permission: Permission, resource: Resource<'_>, expected: Verdict) {
    let mut state = State::default();
    state.insert(Row::ApiKey(key.clone()));
    let actor = Actor::ApiKey(key.key.clone());
    assert_eq!(authorize(&state, alone(&actor), permission, resource, Timestamp(100)), expected);
}

const READ: Permission = Permission::DocumentRead;
const OUT: Verdict = Err(Denied::OutOfScope);

#[test]
fn keys_reach_what_they_name_and_nothing_else() {
    let (p, q) = (project("p"), project("q"));
    let (here, prod, there) = (environment("p", "dev"), environment("p", "prod"), environment("q", "dev"));
    let own = key(Some("p"), &[READ]);
    check(&own, READ, Resource::Project(&p), Ok(()));
    check(&own, READ, Resource::Project(&q), OUT);
    check(&own, READ, Resource::Platform, OUT);
    check(&own, READ, Resource::Environment(&there), OUT);
    check(&own, READ, Resource::Config(&config("q", "dev", "a")), OUT);
    check(&own, Permission::DocumentWrite, Resource::Project(&p), {
        Err(Denied::MissingPermission(Permission::DocumentWrite))
    });
    let platform = key(None, &[READ]);
    check(&platform, READ, Resource::Platform, Ok(()));
    check(&platform, READ, Resource::Config(&config("q", "dev", "a")), Ok(()));
    let narrow = ApiKey { environments: Some(environments(&["dev"])), ..own.clone() };
    check(&narrow, READ, Resource::Environment(&here), Ok(()));
    check(&narrow, READ, Resource::Environment(&prod), OUT);
    check(&narrow, READ, Resource::Configs(&prod, ""), OUT);
    let nothing = ApiKey { environments: Some(environments(&[])), ..own.clone() };
    check(&nothing, READ, Resource::Environment(&here), OUT);
    let prefixed = ApiKey { key_prefixes: Some(prefixes(&["app."])), ..own };
    check(&prefixed, READ, Resource::Config(&config("p", "dev", "app.x")), Ok(()));
    check(&prefixed, READ, Resource::Config(&config("p", "dev", "app")), OUT);
    check(&prefixed, READ, Resource::Configs(&here, "app.x"), Ok(()));
    check(&prefixed, READ, Resource::Configs(&here, "ap"), OUT);
    check(&prefixed, READ, Resource::Configs(&here, ""), OUT);
}

#[test]
fn scoped_keys_see_their_project_and_change_nothing_that_others_share() {
    use Permission::{EnvironmentDelete, KeyWrite, ProjectRead, SchemaRead, SchemaWrite};
    let (p, dev) = (project("p"), environment("p", "dev"));
    let all = key(Some("p"), Permission::ALL);
    let scoped = ApiKey { environments: Some(environments(&["dev"])), ..all.clone() };
    let prefixed = ApiKey { key_prefixes: Some(prefixes(&["app."])), ..all.clone() };
    for permission in [SchemaWrite, KeyWrite, Permission::ProjectDelete] {
        check(&all, permission, Resource::Project(&p), Ok(()));
        check(&scoped, permission, Resource::Project(&p), OUT);
        check(&prefixed, permission, Resource::Project(&p), OUT);
    }
    for permission in [ProjectRead, SchemaRead] {
        check(&scoped, permission, Resource::Project(&p), Ok(()));
    }
    check(&scoped, EnvironmentDelete, Resource::Environment(&dev), Ok(()));
    check(&prefixed, EnvironmentDelete, Resource::Environment(&dev), OUT);
}

#[test]
fn keys_end() {
    let p = project("p");
    let until = |at| ApiKey { expires_at: Some(Timestamp(at)), ..key(Some("p"), &[READ]) };
    check(&until(101), READ, Resource::Project(&p), Ok(()));
    check(&until(100), READ, Resource::Project(&p), Err(Denied::ExpiredKey));
    let unknown = Actor::ApiKey(key(Some("p"), &[]).key);
    let denied = authorize(&State::default(), alone(&unknown), READ, Resource::Project(&p), Timestamp(0));
    assert_eq!(denied, Err(Denied::UnknownKey));
    let system = authorize(&State::default(), alone(&Actor::System), READ, Resource::Platform, Timestamp(0));
    assert_eq!(system, Ok(()));
}

#[test]
fn no_key_grants_more_than_it_has() {
    let parent = ApiKey {
        environments: Some(environments(&["dev", "test"])),
        key_prefixes: Some(prefixes(&["app.", "lib"])),
        expires_at: Some(Timestamp(100)),
        ..key(Some("p"), &[READ, Permission::KeyWrite])
    };
    let mut state = State::default();
    state.insert(Row::ApiKey(parent.clone()));
    let actor = Actor::ApiKey(parent.key.clone());
    let grants = |child: ApiKey, expected: bool| {
        let may = may_grant(&state, alone(&actor), &child, Timestamp(0));
        assert_eq!(may, Ok(expected), "{child:?}");
    };
    let same = || parent.clone();
    grants(same(), true);
    grants(ApiKey { permissions: BTreeSet::from([READ]), ..same() }, true);
    grants(ApiKey { permissions: BTreeSet::from([READ, Permission::DocumentWrite]), ..same() }, false);
    grants(ApiKey { environments: Some(environments(&["dev"])), ..same() }, true);
    grants(ApiKey { environments: Some(environments(&["prod"])), ..same() }, false);
    grants(ApiKey { environments: None, ..same() }, false);
    grants(ApiKey { key_prefixes: Some(prefixes(&["app.x"])), ..same() }, true);
    grants(ApiKey { key_prefixes: Some(prefixes(&["app"])), ..same() }, false);
    grants(ApiKey { key_prefixes: None, ..same() }, false);
    grants(ApiKey { expires_at: Some(Timestamp(99)), ..same() }, true);
    grants(ApiKey { expires_at: Some(Timestamp(101)), ..same() }, false);
    grants(ApiKey { expires_at: None, ..same() }, false);
}

#[test]
fn permissions_read_back_as_written() {
    for permission in Permission::ALL {
        assert_eq!(Permission::parse(permission.as_str()), Some(*permission));
        let json = format!("\"{}\"", permission.as_str());
        assert_eq!(serde_json::to_string(permission).ok().as_deref(), Some(json.as_str()));
    }
    assert_eq!(Permission::parse("config:*"), None);
}

fn ann() -> UserId {
    UserId::parse("ann").expect("an id")
}

fn grant(owner: Option<&str>, role: BuiltInRole) -> Grant {
    Grant {
        role: RoleName::parse(role.as_str()).expect("a name"),
        permissions: role.permissions(),
        project: owner.map(project),
        environments: None,
        key_prefixes: None,
    }
}

#[track_caller]
fn check_person(grants: &[Grant], permission: Permission, resource: Resource<'_>, expected: &Verdict) {
    let (actor, person) =
        (Actor::User(ann()), Person { epoch: Epoch(0), grants: grants.to_vec(), as_of: None });
    let who = Principal { actor: &actor, person: Some(&person) };
    assert_eq!(&authorize(&State::default(), who, permission, resource, Timestamp(0)), expected);
}

#[test]
fn people_may_what_their_roles_give_them_and_nothing_else() {
    let (p, q) = (project("p"), project("q"));
    let (here, there) = (config("p", "dev", "a"), config("q", "dev", "a"));
    let missing = |permission| Err(Denied::MissingPermission(permission));
    check_person(&[], READ, Resource::Project(&p), &OUT);
    let viewer = [grant(Some("p"), BuiltInRole::Viewer)];
    check_person(&viewer, READ, Resource::Config(&here), &Ok(()));
    check_person(&viewer, READ, Resource::Config(&there), &OUT);
    check_person(&viewer, READ, Resource::Platform, &OUT);
    let write = Permission::DocumentWrite;
    check_person(&viewer, write, Resource::Config(&here), &missing(write));
    // The permissions of several roles add up, each within its scope.
    let both = [grant(Some("p"), BuiltInRole::Viewer), grant(Some("q"), BuiltInRole::Editor)];
    check_person(&both, write, Resource::Config(&here), &missing(write));
    check_person(&both, write, Resource::Config(&there), &Ok(()));
    check_person(&both, Permission::MemberWrite, Resource::Project(&q), &missing(Permission::MemberWrite));
    let narrow =
        Grant { environments: Some(environments(&["dev"])), ..grant(Some("p"), BuiltInRole::Editor) };
    check_person(std::slice::from_ref(&narrow), write, Resource::Config(&here), &Ok(()));
    check_person(&[narrow], write, Resource::Config(&config("p", "prod", "a")), &OUT);
    let platform = [grant(None, BuiltInRole::PlatformAdmin)];
    for permission in Permission::ALL {
        check_person(&platform, *permission, Resource::Platform, &Ok(()));
        check_person(&platform, *permission, Resource::Project(&q), &Ok(()));
    }
}

#[test]
fn a_narrow_role_on_the_platform_opens_nothing_of_the_platform() {
    let (p, dev) = (project("p"), environment("p", "dev"));
    let all: BTreeSet<Permission> = Permission::ALL.iter().copied().collect();
    let whole = Grant { permissions: all, ..grant(None, BuiltInRole::PlatformAdmin) };
    let in_dev = Grant { environments: Some(environments(&["dev"])), ..whole.clone() };
    let prefixed = Grant { key_prefixes: Some(prefixes(&["app."])), ..whole.clone() };
    let out = Err(Denied::OutOfScope);
    for permission in Permission::ALL.iter().copied() {
        check_person(std::slice::from_ref(&whole), permission, Resource::Platform, &Ok(()));
        let reads = [Permission::ProjectRead, Permission::EnvironmentRead, Permission::SchemaRead];
        let expected = if reads.contains(&permission) { Ok(()) } else { out.clone() };
        for narrow in [&in_dev, &prefixed] {
            let narrow = std::slice::from_ref(narrow);
            check_person(narrow, permission, Resource::Platform, &expected);
            check_person(narrow, permission, Resource::Project(&p), &expected);
        }
    }
    check_person(&[in_dev], Permission::DocumentWrite, Resource::Environment(&dev), &Ok(()));
    let narrow = ApiKey { key_prefixes: Some(prefixes(&["app."])), ..key(None, &[Permission::ClusterRead]) };
    check(&narrow, Permission::ClusterRead, Resource::Platform, OUT);
}

#[test]
fn each_role_may_all_that_the_one_before_may() {
    for (weaker, stronger) in BuiltInRole::ALL.into_iter().zip(BuiltInRole::ALL.into_iter().skip(1)) {
        assert!(weaker.permissions().is_subset(&stronger.permissions()));
        assert_ne!(weaker.permissions(), stronger.permissions());
    }
    assert!(Permission::ALL.iter().all(|one| BuiltInRole::PlatformAdmin.permissions().contains(one)));
}

#[test]
fn what_was_found_before_the_newest_epoch_counts_for_nothing() {
    let mut state = State::default();
    let (actor, p) = (Actor::User(ann()), project("p"));
    let known = |state: &State, epoch: Option<u64>| {
        let person = epoch.map(|epoch| Person {
            epoch: Epoch(epoch),
            grants: vec![grant(Some("p"), BuiltInRole::Admin)],
            as_of: None,
        });
        let who = Principal { actor: &actor, person: person.as_ref() };
        let may = authorize(state, who, READ, Resource::Project(&p), Timestamp(0));
        assert_eq!(may.is_ok(), identify(state, who, Timestamp(0)).is_ok());
        may
    };
    assert_eq!(known(&state, None), Err(Denied::Outdated), "a person of whom nothing is known");
    assert_eq!(known(&state, Some(0)), Ok(()));
    let other = UserId::parse("bob").expect("an id");
    accept(&mut state, Command::RaiseEpochs { users: vec![other.clone(), other.clone()] });
    assert_eq!(state.epoch(&other), Epoch(1));
    assert_eq!(known(&state, Some(0)), Ok(()));
    accept(&mut state, Command::RaiseEpochs { users: vec![ann(), other] });
    assert_eq!(known(&state, Some(0)), Err(Denied::Outdated));
    assert_eq!(known(&state, Some(1)), Ok(()));
    // Only the system actor raises epochs.
    let person =
        Person { epoch: Epoch(1), grants: vec![grant(None, BuiltInRole::PlatformAdmin)], as_of: None };
    let asked = Stamped {
        person: Some(person.into()),
        provenance: crate::Provenance::default(),
        ..by(actor.clone(), Command::RaiseEpochs { users: vec![ann()] }, 1)
    };
    assert!(matches!(state.apply(&asked).outcome, Outcome::Rejected { .. }));
    assert_eq!(state.epoch(&ann()), Epoch(1));
}

#[test]
fn a_command_carries_the_roles_that_can_count_for_it() {
    let of_platform = grant(None, BuiltInRole::Viewer);
    let of_project = grant(Some("p"), BuiltInRole::Editor);
    let all = vec![grant(Some("q"), BuiltInRole::Admin), of_platform.clone(), of_project.clone()];
    let person = Person { epoch: Epoch(7), grants: all, as_of: None };
    let check = |command: Command, expected: &[&Grant]| {
        let about = person.about(&command);
        assert_eq!(about.epoch, Epoch(7));
        assert_eq!(about.grants.iter().collect::<Vec<_>>(), expected, "{command:?}");
    };
    let (p, id) = (project("p"), environment("p", "dev"));
    let config = ConfigId {
        project: p.clone(),
        environment: id.name.clone(),
        key: crate::ConfigKey::parse("a").expect("a key"),
    };
    let delete = crate::Operation::Delete { id: config.clone(), expected: crate::Precondition::Present };
    let key = crate::KeyRef { project: Some(p.clone()), id: crate::ApiKeyId::parse("k").expect("an id") };
    let both = [&of_platform, &of_project];
    check(Command::DeleteProject { name: p }, &both);
    check(Command::CreateEnvironment { id }, &both);
    check(Command::Transact { operations: vec![delete], message: crate::Message::default() }, &both);
    check(
        Command::PruneHistory {
            pruned: vec![crate::Pruned {
                id: config,
                oldest: crate::Version(1),
                from: crate::Version(0),
                bytes: None,
            }],
        },
        &both,
    );
    check(Command::RevokeApiKey { key: key.clone() }, &both);
    check(Command::RevokeApiKey { key: crate::KeyRef { project: None, ..key } }, &both[..1]);
    check(Command::DeleteProject { name: project("other") }, &both[..1]);
    check(Command::RaiseEpochs { users: vec![ann()] }, &both[..1]);
    let many =
        Person { epoch: Epoch(7), grants: vec![of_platform; crate::limits::GRANTS_MAX + 1], as_of: None };
    assert_eq!(many.about(&Command::RaiseEpochs { users: vec![] }).grants.len(), crate::limits::GRANTS_MAX);
}

#[test]
fn people_hand_out_no_key_with_more_than_they_have() {
    let (state, actor) = (State::default(), Actor::User(ann()));
    let person = Person {
        epoch: Epoch(0),
        grants: vec![grant(Some("p"), BuiltInRole::Viewer), grant(Some("q"), BuiltInRole::Admin)],
        as_of: None,
    };
    let who = Principal { actor: &actor, person: Some(&person) };
    let may = |child: &ApiKey| may_grant(&state, who, child, Timestamp(0));
    assert_eq!(may(&key(Some("p"), &[READ])), Ok(true));
    assert_eq!(may(&key(Some("q"), &[READ, Permission::DocumentWrite])), Ok(true));
    assert_eq!(may(&key(Some("p"), &[Permission::DocumentWrite])), Ok(false));
    assert_eq!(may(&key(None, &[READ])), Ok(false));
    assert_eq!(may(&key(Some("q"), &[Permission::UserWrite])), Ok(false));
}

#[test]
fn who_gives_a_role_must_have_it_everywhere_and_for_good() {
    let grant = |owner: Option<&str>, environments: Option<&str>| Grant {
        role: RoleName::parse("admin").expect("a name"),
        permissions: BuiltInRole::Admin.permissions(),
        project: owner.map(project),
        environments: environments
            .map(|name| BTreeSet::from([EnvironmentName::parse(name).expect("a name")])),
        key_prefixes: None,
    };
    let (p, q) = (grant(Some("p"), None), grant(Some("q"), None));
    let (narrow, everywhere) = (grant(Some("p"), Some("dev")), grant(None, None));
    let actor = Actor::User(ann());
    let check = |own: &Grant, permissions: &BTreeSet<Permission>, scope: Scope<'_>| {
        let person = Person { epoch: Epoch(0), grants: vec![own.clone()], as_of: None };
        let who = Principal { actor: &actor, person: Some(&person) };
        holds(&State::default(), who, permissions, scope, Timestamp(0)).expect("known")
    };
    let admin = BuiltInRole::Admin.permissions();
    assert!(check(&p, &admin, p.scope()) && check(&p, &admin, narrow.scope()));
    assert!(!check(&p, &admin, q.scope()), "another project");
    assert!(!check(&p, &admin, everywhere.scope()) && !check(&narrow, &admin, p.scope()));
    assert!(check(&everywhere, &admin, q.scope()));
    assert!(!check(&p, &BTreeSet::from([Permission::ProjectDelete]), p.scope()), "more than the role has");
}
