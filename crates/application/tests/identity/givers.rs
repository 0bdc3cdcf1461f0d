//! Tokens that are redeemed later: invitations and password resets.

use crate::world::*;
use application::identity::*;
use application::ports::identity::{Place, UserChange, UserStatus};
use application::{CreateApiKey, Error, RequestContext};
use domain::{Actor, BuiltInRole, KeyLabel, Permission};
use secrecy::SecretString;

async fn invited(world: &World, ctx: &RequestContext, name: &str, to: Option<(&str, Place)>) -> SecretString {
    let role = to.map(|(name, place)| (role(name), place));
    let invited = world.people().users.invite(ctx, Invite { email: email(name), role }).await;
    invited.expect("the giver may").token
}

async fn register(world: &World, name: &str, token: &SecretString) -> Result<(), Error> {
    let request = Register {
        email: email(name),
        name: label(name),
        password: PASSWORD.into(),
        invitation: Some(token.clone()),
    };
    world.people().sign_in.register(&visitor(), request).await.map(drop)
}

#[tokio::test]
async fn an_invitation_counts_while_its_giver_may_give_the_role() {
    let world = World::new().await;
    let (ann, of_a) = world.member("ann", "admin", in_project("a")).await;
    let token = invited(&world, &of_a, "bob", Some(("editor", in_project("a")))).await;
    let key = &world.test.admin;
    world.give(key, &ann.id, "viewer", in_project("a")).await.expect("the key may");
    assert_eq!(refused(register(&world, "bob", &token).await), "RegistrationClosed");
    world.give(key, &ann.id, "admin", in_project("a")).await.expect("the key may");
    register(&world, "bob", &token).await.expect("she may again");

    let (helper, ctx) = world.member("helper", "platform-admin", Place::Platform).await;
    let bare = invited(&world, &ctx, "cid", None).await;
    let into = invited(&world, &ctx, "dan", Some(("viewer", in_project("b")))).await;
    let change = |status| UserChange { status: Some(status), ..UserChange::default() };
    let users = &world.people().users;
    users.change(key, &helper.id, change(UserStatus::Deactivated)).await.expect("the key may");
    assert!(users.invitations(key).await.expect("the key may").is_empty());
    users.change(key, &helper.id, change(UserStatus::Active)).await.expect("the key may");
    for (name, token) in [("cid", &bare), ("dan", &into)] {
        assert_eq!(refused(register(&world, name, token).await), "RegistrationClosed", "{name}");
    }
    assert_eq!(world.audited("auth.register").await[0].record.actor, "anonymous");
}

#[tokio::test]
async fn an_invitation_to_the_platform_takes_the_right_to_that() {
    let world = World::new().await;
    let (helper, ctx) = world.member("helper", "platform-admin", Place::Platform).await;
    let bare = invited(&world, &ctx, "cid", None).await;
    let mine = application::ports::identity::Subject::User(helper.id.clone());
    let key = &world.test.admin;
    world.people().members.delete(key, &Place::Platform, &mine).await.expect("root is left");
    assert_eq!(refused(register(&world, "cid", &bare).await), "RegistrationClosed");
}

#[tokio::test]
async fn an_invitation_of_a_key_ends_with_the_key() {
    let world = World::new().await;
    let access = &world.test.application.access;
    let mut permissions = BuiltInRole::Viewer.permissions();
    permissions.extend([Permission::MemberRead, Permission::MemberWrite]);
    let request = CreateApiKey {
        project: project("a"),
        name: KeyLabel::parse("inviter").expect("a label"),
        permissions,
        environments: None,
        key_prefixes: None,
        expires_at: None,
    };
    let key = access.create(&world.test.admin, request).await.expect("the key may").item.key.key;
    let ctx = RequestContext::new(Actor::ApiKey(key.clone()), request_id());
    let first = invited(&world, &ctx, "ann", Some(("viewer", in_project("a")))).await;
    let second = invited(&world, &ctx, "bob", Some(("viewer", in_project("a")))).await;
    register(&world, "ann", &first).await.expect("the key is there");
    access.revoke(&world.test.admin, project("a"), key.id).await.expect("revoked");
    assert_eq!(refused(register(&world, "bob", &second).await), "RegistrationClosed");
    let by_platform = invited(&world, &world.test.admin, "cid", None).await;
    register(&world, "cid", &by_platform).await.expect("the key is there");
}

async fn reset(world: &World, token: &SecretString) -> Result<(), Error> {
    let request = ResetPassword { token: token.clone(), new: "another password, just as long".into() };
    world.people().account.reset_password(&visitor(), request).await
}

#[tokio::test]
async fn a_reset_counts_while_its_giver_may_reset() {
    let world = World::new().await;
    let key = &world.test.admin;
    let people_admin = PutRole {
        name: role("people-admin"),
        description: String::new(),
        permissions: [Permission::UserRead, Permission::UserWrite].into(),
    };
    world.people().roles.put(key, people_admin).await.expect("the key may");
    let (helper, ctx) = world.member("helper", "people-admin", Place::Platform).await;
    let ann = world.person("ann").await;
    let users = &world.people().users;
    let token = users.reset_password(&ctx, &ann.id).await.expect("she has no more").token;
    world.give(key, &ann.id, "viewer", in_project("a")).await.expect("the key may");
    assert_eq!(refused(reset(&world, &token).await), "Invalid", "she has more by now");
    let anns = application::ports::identity::Subject::User(ann.id.clone());
    world.people().members.delete(key, &in_project("a"), &anns).await.expect("the key may");
    users.deactivate(key, &helper.id).await.expect("the key may");
    assert_eq!(refused(reset(&world, &token).await), "Invalid", "the giver is gone");
    let back = UserChange { status: Some(UserStatus::Active), ..UserChange::default() };
    users.change(key, &helper.id, back).await.expect("the key may");
    reset(&world, &token).await.expect("the giver may again");
    assert_eq!(refused(reset(&world, &token).await), "Invalid", "once");
}

#[tokio::test]
async fn a_role_in_an_organisation_without_projects_counts_too() {
    let world = World::new().await;
    let key = &world.test.admin;
    let request =
        PutOrganisation { name: organisation("o"), label: label("O"), second_factor_required: false };
    world.people().organisations.put(key, request).await.expect("the key may");
    let people_admin = PutRole {
        name: role("people-admin"),
        description: String::new(),
        permissions: [Permission::UserRead, Permission::UserWrite].into(),
    };
    world.people().roles.put(key, people_admin).await.expect("the key may");
    let (_, helper) = world.member("helper", "people-admin", Place::Platform).await;
    let place = Place::Organisation(organisation("o"));
    let (ann, ctx) = world.member("ann", "admin", place).await;
    assert!(ctx.person.expect("a person").grants.is_empty(), "it owns nothing yet");
    let users = &world.people().users;
    assert_eq!(refused(users.reset_password(&helper, &ann.id).await), "BeyondOwnRights");
    users.reset_password(key, &ann.id).await.expect("the key may");
}

#[tokio::test]
async fn nobody_takes_back_or_replaces_an_invitation_for_more_than_they_have() {
    let world = World::new().await;
    let key = &world.test.admin;
    let people_admin = PutRole {
        name: role("people-admin"),
        description: String::new(),
        permissions: [Permission::UserRead, Permission::UserWrite, Permission::MemberWrite].into(),
    };
    world.people().roles.put(key, people_admin).await.expect("the key may");
    let viewer = PutRole {
        name: role("user-reader"),
        description: String::new(),
        permissions: [Permission::UserRead].into(),
    };
    world.people().roles.put(key, viewer).await.expect("the key may");
    let (_, helper) = world.member("helper", "people-admin", Place::Platform).await;
    let users = &world.people().users;
    let invite = |name: &str, to: Option<&str>| Invite {
        email: email(name),
        role: to.map(|name| (role(name), Place::Platform)),
    };
    let strong = users.invite(key, invite("ann", Some("platform-admin"))).await.expect("the key may");
    let taken_back = users.revoke_invitation(&helper, &strong.invitation.token).await;
    assert_eq!(refused(taken_back), "BeyondOwnRights");
    let replaced = users.invite(&helper, invite("ann", Some("user-reader"))).await;
    assert_eq!(refused(replaced), "BeyondOwnRights");
    register(&world, "ann", &strong.token).await.expect("it is still good");

    let weak = users.invite(key, invite("bob", Some("user-reader"))).await.expect("the key may");
    users.invite(&helper, invite("bob", Some("user-reader"))).await.expect("no more than the helper has");
    assert_eq!(refused(register(&world, "bob", &weak.token).await), "RegistrationClosed", "replaced");
    let bare = users.invite(&helper, invite("cid", None)).await.expect("may");
    users.revoke_invitation(&helper, &bare.invitation.token).await.expect("gives nothing");
}

#[tokio::test]
async fn nobody_revokes_a_key_with_more_than_they_have() {
    let world = World::new().await;
    let access = &world.test.application.access;
    let request = |name: &str, permissions: &[Permission]| CreateApiKey {
        project: project("a"),
        name: KeyLabel::parse(name).expect("a label"),
        permissions: permissions.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: None,
    };
    let keys = [Permission::KeyRead, Permission::KeyWrite];
    let strong = request("strong", &BuiltInRole::Admin.permissions().into_iter().collect::<Vec<_>>());
    let strong = access.create(&world.test.admin, strong).await.expect("may").item.key.key;
    let weak = access.create(&world.test.admin, request("weak", &keys)).await.expect("may").item.key.key;
    let own = access.create(&world.test.admin, request("own", &keys)).await.expect("may").item.key.key;
    let ctx = RequestContext::new(Actor::ApiKey(own.clone()), request_id());
    let exceeds = |error: Error| {
        assert!(matches!(error, Error::Rejected(domain::Rejection::GrantExceedsOwn)), "{error:?}");
    };
    exceeds(access.rotate(&ctx, project("a"), strong.id.clone(), 0).await.map(drop).expect_err("beyond"));
    exceeds(access.revoke(&ctx, project("a"), strong.id.clone()).await.map(drop).expect_err("beyond"));
    access.revoke(&ctx, project("a"), weak.id).await.expect("no more than it has");
    access.revoke(&ctx, project("a"), own.id).await.expect("its own");
    access.revoke(&world.test.admin, project("a"), strong.id).await.expect("the key may");
}
