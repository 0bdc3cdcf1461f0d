//! Deny by default: each use case needs exactly its permission, on exactly its resource.

use crate::world::*;
use application::ports::Freshness;
use application::testing::Fault;
use application::{
    ChangeProject, ConfigList, CreateApiKey, CreateSchema, DeleteConfig, Error, Moment, Patch, PatchConfig,
    RequestContext, Rollback, UpdateSchema,
};
use domain::access::Denied;
use domain::{
    Actor, ApiKeyId, BindingChange, DisplayName, KeyLabel, KeyRef, Message, Permission, Precondition,
    Rejection, Revision, SchemaMode, Timestamp, Version,
};
use std::collections::BTreeSet;

/// The use cases available to a project key, by number, with the required permission.
const USE_CASES: [(u8, Permission); 24] = [
    (0, Permission::ProjectRead),
    (1, Permission::ProjectRead),
    (2, Permission::ProjectWrite),
    (3, Permission::ProjectDelete),
    (4, Permission::EnvironmentWrite),
    (5, Permission::EnvironmentDelete),
    (6, Permission::EnvironmentRead),
    (7, Permission::EnvironmentRead),
    (8, Permission::SchemaWrite),
    (9, Permission::SchemaWrite),
    (10, Permission::SchemaDelete),
    (11, Permission::SchemaRead),
    (12, Permission::SchemaRead),
    (13, Permission::DocumentRead),
    (14, Permission::DocumentRead),
    (15, Permission::DocumentRead),
    (16, Permission::DocumentWrite),
    (17, Permission::DocumentWrite),
    (18, Permission::DocumentDelete),
    (19, Permission::KeyRead),
    (20, Permission::KeyWrite),
    (21, Permission::DocumentWrite),
    (22, Permission::DocumentRead),
    (23, Permission::DocumentRead),
];

/// Calls a use case on missing or protected objects, to test only its authorisation.
async fn call(world: &World, ctx: &RequestContext, use_case: u8) -> Result<(), Error> {
    let app = &world.test.application;
    let fresh = Freshness::LINEARIZABLE;
    let (p, id, missing) = (project("p"), config("missing"), schema("missing"));
    let (message, expected) = (Message::default(), at(77));
    match use_case {
        0 => app.projects.get(ctx, &p, fresh).await.map(drop),
        1 => app.projects.list(ctx, page(9, None, None), fresh).await.map(drop),
        2 => {
            let display_name = Some(DisplayName::default());
            let request = ChangeProject { name: p, display_name, quotas: None, retention: None };
            app.projects.change(ctx, request).await.map(drop)
        }
        3 => app.projects.delete(ctx, p).await.map(drop),
        4 => app.projects.create_environment(ctx, environment("default")).await.map(drop),
        5 => app.projects.delete_environment(ctx, environment("missing")).await.map(drop),
        6 => app.projects.environment(ctx, &environment("default"), fresh).await.map(drop),
        7 => app.projects.environments(ctx, &p, page(9, None, None), fresh).await.map(drop),
        8 => {
            let request = CreateSchema { id: schema("s"), schema: content("{}"), mode: SchemaMode::Strict };
            app.schemas.create(ctx, request).await.map(drop)
        }
        9 => {
            let request = UpdateSchema { id: missing, schema: content("{}"), mode: None, expected: None };
            app.schemas.update(ctx, request).await.map(drop)
        }
        10 => app.schemas.delete(ctx, missing, None).await.map(drop),
        11 => app.schemas.get(ctx, &missing, None, fresh).await.map(drop),
        12 => app.schemas.list(ctx, &p, page(9, None, None), fresh).await.map(drop),
        13 => app.configs.get(ctx, &id, Moment::Now, fresh).await.map(drop),
        14 => {
            let (environment, all) = (environment("default"), ConfigList::default());
            app.configs.list(ctx, &environment, &all, page(9, None, None), fresh).await.map(drop)
        }
        15 => app.configs.history(ctx, &id, page(9, None, None), fresh).await.map(drop),
        16 => {
            app.configs.put(ctx, put_request("missing", "1", BindingChange::Keep, expected)).await.map(drop)
        }
        17 => {
            let request = Rollback { id, to_version: Version(1), expected, message };
            app.configs.rollback(ctx, request).await.map(drop)
        }
        18 => app.configs.delete(ctx, DeleteConfig { id, expected, message }).await.map(drop),
        19 => app.access.list(ctx, &p, None, page(9, None, None), fresh).await.map(drop),
        21 => {
            let patch = Patch::merge("{}").expect("a patch");
            app.configs.patch(ctx, PatchConfig { id, patch, expected, message }).await.map(drop)
        }
        22 => app.configs.versions(ctx, &id, None, None, fresh).await.map(drop),
        23 => app.configs.differing(ctx, &environment("default"), Revision(1), 9).await.map(drop),
        _ => app.access.revoke(ctx, p, ApiKeyId::parse("missing").expect("an id")).await.map(drop),
    }
}

fn denial(result: &Result<(), Error>) -> Option<&Denied> {
    match result {
        Err(Error::Forbidden(denied) | Error::Rejected(Rejection::Denied(denied))) => Some(denied),
        _ => None,
    }
}

#[tokio::test]
async fn every_use_case_needs_its_permission() {
    for (use_case, permission) in USE_CASES {
        let world = World::new().await;
        world.put("live", "1").await;
        let others: Vec<_> = Permission::ALL.iter().copied().filter(|other| *other != permission).collect();
        let without = call(&world, &world.key(&others).await, use_case).await;
        let missing = Denied::MissingPermission(permission);
        assert_eq!(
            denial(&without),
            Some(&missing),
            "use case {use_case} without {permission:?}: {without:?}"
        );
        // A rollback also shows the earlier document, a patch the unchanged parts, and a project change the
        // whole project.
        let also = match use_case {
            17 | 21 => Permission::DocumentRead,
            2 => Permission::ProjectRead,
            _ => permission,
        };
        let with = call(&world, &world.key(&[permission, also]).await, use_case).await;
        assert_eq!(denial(&with), None, "use case {use_case} with {permission:?}: {with:?}");
        assert!(!matches!(with, Err(Error::Unauthenticated(_))), "use case {use_case}: {with:?}");
    }
}

#[tokio::test]
async fn a_key_of_another_project_gets_nowhere() {
    let world = World::new().await;
    let app = &world.test.application;
    app.projects.create(&world.test.admin, project("q"), DisplayName::default()).await.expect("new");
    let all = Permission::ALL.iter().copied().collect();
    let request = CreateApiKey { project: project("q"), ..key_request(all) };
    let created = app.access.create(&world.test.admin, request).await.expect("the administrator may");
    let stranger = context(Actor::ApiKey(created.item.key.key));
    for (use_case, _) in USE_CASES.into_iter().filter(|(use_case, _)| *use_case != 1) {
        let result = call(&world, &stranger, use_case).await;
        assert_eq!(denial(&result), Some(&Denied::OutOfScope), "use case {use_case}: {result:?}");
    }
    let seen = app.projects.list(&stranger, page(9, None, None), Freshness::LINEARIZABLE).await;
    let seen: Vec<_> = seen.expect("its own").items.into_iter().map(|found| found.name).collect();
    assert_eq!(seen, [project("q")], "the list of projects shows a key its own alone");
    let created = app.projects.create(&stranger, project("r"), DisplayName::default()).await.map(drop);
    assert_eq!(denial(&created), Some(&Denied::OutOfScope));
    let status = app.cluster.status(&stranger).await.map(drop);
    assert_eq!(denial(&status), Some(&Denied::OutOfScope));
}

#[tokio::test]
async fn an_unknown_key_gets_nowhere() {
    let world = World::new().await;
    let id = ApiKeyId::parse("nobody").expect("an id");
    let nobody = context(Actor::ApiKey(KeyRef { project: Some(project("p")), id }));
    for (use_case, _) in USE_CASES {
        let result = call(&world, &nobody, use_case).await;
        let refused = matches!(&result, Err(Error::Unauthenticated(_)));
        let refused = refused || denial(&result) == Some(&Denied::UnknownKey);
        assert!(refused, "use case {use_case}: {result:?}");
    }
}

fn key_request(permissions: BTreeSet<Permission>) -> CreateApiKey {
    CreateApiKey {
        project: project("p"),
        name: KeyLabel::parse("key").expect("a label"),
        permissions,
        environments: None,
        key_prefixes: None,
        expires_at: None,
    }
}

#[tokio::test]
async fn secrets_open_the_door_until_they_end() {
    let world = World::new().await;
    let access = &world.test.application.access;
    let now = domain::Timestamp(application::testing::EPOCH_MS);
    let expires_at = Some(Timestamp(now.0 + 1000));
    let request = CreateApiKey { expires_at, ..key_request(BTreeSet::new()) };
    let created = access.create(&world.test.admin, request).await.expect("the administrator may");
    assert!(!format!("{created:?}").contains(&created.item.secret));
    let actor = Actor::ApiKey(created.item.key.key.clone());
    assert_eq!(access.authenticate(&created.item.secret).await.ok(), Some(actor));
    world.test.clock.advance(1000);
    let expired = access.authenticate(&created.item.secret).await;
    assert!(matches!(expired, Err(Error::Unauthenticated(message)) if message.contains("expired")));
    for secret in ["", "gdn_sk_test99", "nonsense"] {
        assert!(matches!(access.authenticate(secret).await, Err(Error::Unauthenticated(_))));
    }
    let past = CreateApiKey { expires_at, ..key_request(BTreeSet::new()) };
    let refused = access.create(&world.test.admin, past).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "expires_at", .. })));
}

/// A node that is behind accepts API keys newer than its state. Without a leader the error is `NoLeader`, not
/// an unknown key.
#[tokio::test]
async fn a_new_key_works_on_a_node_that_is_behind() {
    let world = World::new().await;
    let access = &world.test.application.access;
    world.test.node.freeze_stale_views();
    let created = access.create(&world.test.admin, key_request(BTreeSet::new())).await.expect("allowed");
    assert!(access.authenticate(&created.item.secret).await.is_ok());
    world.test.node.set_fault(Some(Fault::NoLeader));
    assert!(matches!(access.authenticate(&created.item.secret).await, Err(Error::NoLeader)));
    assert!(access.authenticate(&world.test.admin_secret).await.is_ok(), "known keys go on");
}

#[tokio::test]
async fn no_key_makes_a_stronger_one() {
    let world = World::new().await;
    let weak = world.key(&[Permission::KeyWrite, Permission::DocumentRead]).await;
    let create = |permissions: &[Permission]| {
        let request = key_request(permissions.iter().copied().collect());
        let (access, weak) = (&world.test.application.access, &weak);
        async move { access.create(weak, request).await.map(drop) }
    };
    assert!(create(&[Permission::DocumentRead]).await.is_ok());
    let refused = create(&[Permission::DocumentWrite]).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::GrantExceedsOwn))));
}

/// Permissions are checked again when the command is applied.
#[tokio::test]
async fn a_key_revoked_on_the_way_writes_nothing() {
    let world = World::new().await;
    let ctx = world.key(&[Permission::DocumentWrite]).await;
    let Actor::ApiKey(key) = ctx.actor.clone() else { panic!("a key") };
    let revoke = world.test.ports.env.stamp(&world.test.admin, domain::Command::RevokeApiKey { key });
    world.test.node.inject_before_next_proposal(revoke);
    let request = put_request("a", "1", BindingChange::Keep, Precondition::Absent);
    let refused = world.test.application.configs.put(&ctx, request).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::Denied(Denied::UnknownKey)))), "{refused:?}");
    assert!(world.test.node.state().config(&config("a")).is_none());
}
