//! The rights in tokens, and how soon a change of rights takes effect.

use crate::world::*;
use application::identity::*;
use application::ports::Freshness;
use application::ports::identity::{Place, Subject, UserChange};
use application::testing::identity::TOKEN_GRANTS_MAX;
use domain::{DisplayName, EnvironmentId, EnvironmentName, Permission};
use std::time::Duration;

#[tokio::test]
async fn a_role_opens_the_project_and_an_old_token_is_refused_after_a_change() {
    let world = World::new().await;
    let (ann, viewer) = world.member("ann", "viewer", in_project("a")).await;
    let projects = &world.test.application.projects;
    projects.get(&viewer, &project("a"), Freshness::LINEARIZABLE).await.expect("a viewer reads");
    let new = EnvironmentId { project: project("a"), name: EnvironmentName::parse("new").expect("a name") };
    assert_eq!(refused(projects.create_environment(&viewer, new.clone()).await), "Rejected");
    world.give(&world.test.admin, &ann.id, "admin", in_project("a")).await.expect("the key may");
    let get = projects.get(&viewer, &project("a"), Freshness::LINEARIZABLE).await;
    assert_eq!(refused(get), "Unauthenticated", "the next request of the old token");
    assert_eq!(refused(projects.create_environment(&viewer, new.clone()).await), "Rejected");
    let admin = world.ctx("ann").await;
    projects.create_environment(&admin, new).await.expect("an administrator of the project");
    world
        .people()
        .members
        .delete(&world.test.admin, &in_project("a"), &Subject::User(ann.id))
        .await
        .expect("may");
    let get = projects.get(&admin, &project("a"), Freshness::STALE).await;
    assert_eq!(refused(get), "Unauthenticated");
    let nobody = world.ctx("ann").await;
    let get = projects.get(&nobody, &project("a"), Freshness::LINEARIZABLE).await;
    assert_eq!(refused(get), "Forbidden");
}

#[tokio::test]
async fn deactivation_is_felt_at_once_and_leaves_the_name() {
    let world = World::new().await;
    let (ann, ctx) = world.member("ann", "viewer", in_project("a")).await;
    world.people().users.deactivate(&world.test.admin, &ann.id).await.expect("the key may");
    assert_eq!(refused(world.people().account.me(&ctx).await), "Unauthenticated");
    assert!(world.sessions(&ann.id).await.is_empty());
    let kept = world.people().users.get(&world.test.admin, &ann.id).await.expect("still there");
    assert_eq!(kept.email, email("ann"));
    assert_eq!(world.audited("user.deactivate").await.len(), 1);
}

#[tokio::test]
async fn rights_older_than_their_time_are_looked_up_again() {
    let world = World::new().await;
    let (ann, _) = world.member("ann", "viewer", in_project("a")).await;
    let signed = world.signed("ann").await;
    // A change without an outbox entry: only the age of cached rights leads to a new look-up.
    let binding = application::ports::identity::Binding {
        subject: Subject::User(ann.id.clone()),
        role: role("editor"),
        place: in_project("b"),
        environments: None,
        key_prefixes: None,
        given_by: "test".to_owned(),
        given_at: world.now(),
    };
    world.id.ports.roles.bind(&binding).await.expect("bound");
    world.test.clock.advance(10 * 60 * 1000 - 1);
    let grants = |ctx: &application::RequestContext| ctx.person.as_ref().expect("a person").grants.len();
    assert_eq!(grants(&world.with_token(&signed).await.expect("good")), 1);
    world.test.clock.advance(1);
    assert_eq!(grants(&world.with_token(&signed).await.expect("good")), 2);
    // The result is cached, so the database is not asked for each request.
    world.id.people.set_unavailable(true);
    assert_eq!(grants(&world.with_token(&signed).await.expect("remembered")), 2);
    world.id.people.set_unavailable(false);
    world.test.clock.advance(5 * 60 * 1000);
    assert_eq!(refused(world.with_token(&signed).await), "Unauthenticated", "tokens end after 15 minutes");
    let nonsense = world.people().sign_in.authenticate("nonsense").await;
    assert_eq!(refused(nonsense), "Unauthenticated");
    let fresh = world.signed("ann").await;
    world.test.clock.advance(10 * 60 * 1000);
    world.id.people.set_unavailable(true);
    assert_eq!(refused(world.with_token(&fresh).await), "IdentityUnavailable");
}

#[tokio::test]
async fn a_request_ends_with_its_token() {
    let world = World::new().await;
    let (_, ctx) = world.member("ann", "viewer", in_project("a")).await;
    world.test.clock.advance(15 * 60 * 1000);
    assert_eq!(refused(world.people().account.me(&ctx).await), "Unauthenticated");
}

#[tokio::test]
async fn a_token_ends_with_its_session_at_the_latest() {
    let world = World::with(IdentityRules { session_max: Duration::from_mins(20), ..rules() }).await;
    world.person("ann").await;
    let signed = world.signed("ann").await;
    assert_eq!(signed.expires_in_s, 900);
    world.test.clock.advance(15 * 60 * 1000);
    let visitor = visitor();
    let refreshed =
        world.people().sign_in.refresh(&visitor, refresh(&signed.refresh)).await.expect("it goes on");
    assert_eq!(refreshed.expires_in_s, 300, "no longer than the session");
    let ctx = world.with_token(&refreshed).await.expect("good");
    assert_eq!(ctx.expires_at, Some(refreshed.session.ends_at));
    world.test.clock.advance(5 * 60 * 1000);
    assert_eq!(refused(world.with_token(&refreshed).await), "Unauthenticated");
}

#[tokio::test]
async fn more_roles_than_a_token_carries_are_looked_up() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    for n in 0..TOKEN_GRANTS_MAX + 10 {
        let name = project(&format!("many-{n}"));
        let created =
            world.test.application.projects.create(&world.test.admin, name.clone(), DisplayName::default());
        created.await.expect("new");
        world.give(&world.test.admin, &ann.id, "viewer", Place::Project(name)).await.expect("may");
    }
    let ctx = world.ctx("ann").await;
    assert_eq!(ctx.person.as_ref().expect("a person").grants.len(), TOKEN_GRANTS_MAX + 10);
    let last = project(&format!("many-{}", TOKEN_GRANTS_MAX + 9));
    world
        .test
        .application
        .projects
        .get(&ctx, &last, Freshness::STALE)
        .await
        .expect("she may see each of them");
    // The database is needed for the look-up, once in ten minutes.
    let signed = world.signed("ann").await;
    world.id.people.set_unavailable(true);
    world.with_token(&signed).await.expect("looked up a moment ago");
    world.test.clock.advance(11 * 60_000);
    assert_eq!(refused(world.with_token(&signed).await), "IdentityUnavailable");
    world.id.people.set_unavailable(false);
    world.give(&world.test.admin, &ann.id, "platform-admin", Place::Platform).await.expect("may");
    let ctx = world.ctx("ann").await;
    assert_eq!(ctx.person.as_ref().expect("a person").grants.len(), 1, "one that covers all others");
}

#[tokio::test]
async fn nobody_raises_somebody_above_themselves() {
    let world = World::new().await;
    let request = PutRole {
        name: role("people-admin"),
        description: String::new(),
        permissions: [
            Permission::UserRead,
            Permission::UserWrite,
            Permission::MemberWrite,
            Permission::MemberRead,
        ]
        .into(),
    };
    world.people().roles.put(&world.test.admin, request).await.expect("the key may");
    let (_, helper) = world.member("helper", "people-admin", Place::Platform).await;
    let (boss, _) = world.member("boss", "platform-admin", Place::Platform).await;
    let ann = world.person("ann").await;
    let users = &world.people().users;
    // A caller that changes a user's address or password can take over the account.
    let change = UserChange { email: Some(email("mine")), ..UserChange::default() };
    assert_eq!(refused(users.change(&helper, &boss.id, change.clone()).await), "BeyondOwnRights");
    assert_eq!(refused(users.reset_password(&helper, &boss.id).await), "BeyondOwnRights");
    assert_eq!(refused(users.deactivate(&helper, &boss.id).await), "BeyondOwnRights");
    assert_eq!(refused(users.end_sessions(&helper, &boss.id, None).await), "BeyondOwnRights");
    let factors = &world.people().factors;
    assert_eq!(refused(factors.remove_of(&helper, &boss.id).await), "BeyondOwnRights");
    users.change(&helper, &ann.id, change).await.expect("she has no more");
    let given = world.give(&helper, &ann.id, "platform-admin", Place::Platform).await;
    assert_eq!(refused(given), "BeyondOwnRights");
    let given = world.give(&helper, &boss.id, "people-admin", Place::Platform).await;
    assert_eq!(refused(given), "BeyondOwnRights", "to take the role of somebody above");
    let taken =
        world.people().members.delete(&helper, &Place::Platform, &Subject::User(boss.id.clone())).await;
    assert_eq!(refused(taken), "BeyondOwnRights");
    let invite = Invite { email: email("x"), role: Some((role("admin"), in_project("a"))) };
    assert_eq!(refused(users.invite(&helper, invite).await), "BeyondOwnRights");
    world.give(&helper, &ann.id, "people-admin", Place::Platform).await.expect("what the helper has");

    // A deactivated user has the same rights after reactivation.
    users.deactivate(&world.test.admin, &boss.id).await.expect("the key may");
    let back = UserChange {
        status: Some(application::ports::identity::UserStatus::Active),
        ..UserChange::default()
    };
    assert_eq!(refused(users.change(&helper, &boss.id, back.clone()).await), "BeyondOwnRights");
    users.change(&world.test.admin, &boss.id, back).await.expect("the key may");
}

#[tokio::test]
async fn custom_roles_give_only_what_their_maker_has() {
    let world = World::new().await;
    let make = |name: &str, permissions: &[Permission]| PutRole {
        name: role(name),
        description: "for tests".to_owned(),
        permissions: permissions.iter().copied().collect(),
    };
    let roles = &world.people().roles;
    let key = &world.test.admin;
    for bad in [make("admin", &[Permission::DocumentRead]), make("none", &[])] {
        assert_eq!(refused(roles.put(key, bad).await), "Invalid");
    }
    let (maker, more) = ([Permission::RoleRead, Permission::RoleWrite], [Permission::DocumentWrite]);
    roles.put(key, make("maker", &maker)).await.expect("the key may");
    roles.put(key, make("writer", &more)).await.expect("the key may");
    let (_, ctx) = world.member("ann", "maker", Place::Platform).await;
    roles.put(&ctx, make("reader", &[Permission::RoleRead])).await.expect("within her own");
    assert_eq!(refused(roles.put(&ctx, make("reader", &more)).await), "BeyondOwnRights");
    assert_eq!(refused(roles.put(&ctx, make("writer", &maker)).await), "BeyondOwnRights");
    assert_eq!(refused(roles.delete(&ctx, &role("writer")).await), "BeyondOwnRights");
    roles.delete(&ctx, &role("reader")).await.expect("within her own");
    assert_eq!(refused(roles.get(&ctx, &role("reader")).await), "NotFound");
    // A change of a role takes effect at once for the users who have it.
    roles.put(key, make("maker", &[Permission::RoleRead])).await.expect("the key may");
    assert_eq!(refused(roles.list(&ctx).await), "Unauthenticated");
    let ctx = world.ctx("ann").await;
    roles.list(&ctx).await.expect("she may still read");
    assert_eq!(refused(roles.put(&ctx, make("reader", &[Permission::RoleRead])).await), "Forbidden");
}

#[tokio::test]
async fn nothing_here_can_be_tried() {
    let world = World::new().await;
    let mut ctx = world.ctx("root").await;
    ctx.dry_run = true;
    let request =
        CreateUser { email: email("ann"), name: label("ann"), password: None, second_factor_required: false };
    assert_eq!(refused(world.people().users.create(&ctx, request).await), "Invalid");
    assert_eq!(refused(world.people().account.end_all(&ctx, false).await), "Invalid");
    assert_eq!(refused(world.people().sign_in.logout(&ctx).await), "Invalid");
    assert_eq!(refused(world.people().factors.begin(&ctx, Some(&PASSWORD.into())).await), "Invalid");
}
