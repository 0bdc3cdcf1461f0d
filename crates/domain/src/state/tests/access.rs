//! Who may do what, one line a case.

use super::*;
use crate::access::{Denied, Permission, Resource, authorize, may_grant};
use crate::{ApiKey, ApiKeyId, Digest, KeyLabel, KeyRef};
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
    }
}

fn environments(names: &[&str]) -> BTreeSet<EnvironmentName> {
    names.iter().map(|name| EnvironmentName::parse(name).expect("a name")).collect()
}

fn prefixes(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

type Verdict = Result<(), Denied>;

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "one line a case reads better without borrows")]
fn check(key: &ApiKey, permission: Permission, resource: Resource<'_>, expected: Verdict) {
    let mut state = State::default();
    state.insert(Row::ApiKey(key.clone()));
    let actor = Actor::ApiKey(key.key.clone());
    assert_eq!(authorize(&state, &actor, permission, resource, Timestamp(100)), expected);
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
    let denied = authorize(&State::default(), &unknown, READ, Resource::Project(&p), Timestamp(0));
    assert_eq!(denied, Err(Denied::UnknownKey));
    assert_eq!(authorize(&State::default(), &Actor::System, READ, Resource::Platform, Timestamp(0)), Ok(()));
}

#[test]
fn no_key_grants_more_than_it_has() {
    let parent = ApiKey {
        environments: Some(environments(&["dev", "test"])),
        key_prefixes: Some(prefixes(&["app.", "lib"])),
        expires_at: Some(Timestamp(100)),
        ..key(Some("p"), &[READ, Permission::KeyWrite])
    };
    let grants =
        |child: ApiKey, expected: bool| assert_eq!(may_grant(&parent, &child), expected, "{child:?}");
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
