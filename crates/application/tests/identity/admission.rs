//! Registration, invitations and the first administrator.

use crate::world::*;
use application::identity::*;
use application::ports::identity::Observation;
use application::testing::identity::CommonPassword;
use secrecy::ExposeSecret;

fn bootstrap(token: &str) -> Bootstrap {
    Bootstrap { token: token.into(), email: email("x"), name: label("x"), password: PASSWORD.into() }
}

fn register(name: &str, invitation: Option<&str>) -> Register {
    let invitation = invitation.map(Into::into);
    Register { email: email(name), name: label(name), password: PASSWORD.into(), invitation }
}

#[tokio::test]
async fn the_first_administrator_comes_by_the_token_and_only_the_first() {
    let world = World::empty(rules()).await;
    let sign_in = &world.people().sign_in;
    assert_eq!(refused(sign_in.bootstrap(&visitor(), bootstrap("guess")).await), "RegistrationClosed");
    sign_in.bootstrap(&visitor(), bootstrap(BOOTSTRAP)).await.expect("nobody is there");
    let root = world.ctx("x").await;
    world.people().users.list(&root, None, 10).await.expect("an administrator");
    assert_eq!(refused(sign_in.bootstrap(&visitor(), bootstrap(BOOTSTRAP)).await), "RegistrationClosed");
    assert_eq!(world.audited("auth.bootstrap").await.len(), 3);

    let without = World::empty(IdentityRules::default()).await;
    let sign_in = &without.people().sign_in;
    assert_eq!(refused(sign_in.bootstrap(&visitor(), bootstrap(BOOTSTRAP)).await), "RegistrationClosed");
}

#[tokio::test]
async fn guesses_of_the_bootstrap_token_are_slowed_down() {
    let world = World::empty(rules()).await;
    for _ in 0..5 {
        let guessed = world.people().sign_in.bootstrap(&visitor(), bootstrap("guess")).await;
        assert_eq!(refused(guessed), "RegistrationClosed");
    }
    let right = world.people().sign_in.bootstrap(&visitor(), bootstrap(BOOTSTRAP)).await;
    assert_eq!(refused(right), "TooManyAttempts");
    assert_eq!(world.id.observed.count(Observation::Throttled), 1);
}

#[tokio::test]
async fn registration_follows_its_mode() {
    let mode = |registration| IdentityRules { registration, ..rules() };
    let closed = World::with(mode(RegistrationMode::Closed)).await;
    let refused_all = closed.people().sign_in.register(&visitor(), register("ann", None)).await;
    assert_eq!(refused(refused_all), "RegistrationClosed");
    let invite = Invite { email: email("ann"), role: None };
    assert_eq!(refused(closed.people().users.invite(&closed.test.admin, invite).await), "RegistrationClosed");
    closed.person("ann").await;

    let open = World::with(mode(RegistrationMode::Open)).await;
    open.people().sign_in.register(&visitor(), register("ann", None)).await.expect("anybody may");
    let again = open.people().sign_in.register(&visitor(), register("ann", None)).await;
    assert_eq!(refused(again), "Taken");

    let invited = World::with(mode(RegistrationMode::Invitation)).await;
    let without = invited.people().sign_in.register(&visitor(), register("ann", None)).await;
    assert_eq!(refused(without), "RegistrationClosed");
}

#[tokio::test]
async fn an_invitation_gives_its_role_once_and_to_its_address() {
    let world = World::new().await;
    let root = world.ctx("root").await;
    let invite = Invite { email: email("ann"), role: Some((role("editor"), in_project("a"))) };
    let invited = world.people().users.invite(&root, invite).await.expect("root may");
    let token = invited.token.expose_secret();
    let sign_in = &world.people().sign_in;
    let other = sign_in.register(&visitor(), register("eve", Some(token))).await;
    assert_eq!(refused(other), "RegistrationClosed");
    let ann = sign_in.register(&visitor(), register("ann", Some(token))).await.expect("invited");
    let again = sign_in.register(&visitor(), register("ann", Some(token))).await;
    assert_eq!(refused(again), "RegistrationClosed");
    let ctx = world.ctx("ann").await;
    let grants = &ctx.person.as_ref().expect("a person").grants;
    assert_eq!((grants.len(), grants[0].role.as_str()), (1, "editor"));
    assert_eq!(grants[0].project, Some(project("a")));
    let back = Invite { email: email("ann"), role: None };
    assert_eq!(refused(world.people().users.invite(&root, back).await), "Taken");
    assert_eq!(world.audited("user.invite").await[0].record.actor, format!("user:{}", root_id(&world).await));
    assert_eq!(world.audited("auth.register").await[0].record.actor, "anonymous");
    assert_eq!(world.audited("auth.register").await[1].record.actor, format!("user:{}", ann.id));
}

async fn root_id(world: &World) -> String {
    let users = world.people().users.list(&world.test.admin, None, 100).await.expect("the key may");
    let root = users.items.into_iter().find(|user| user.email == email("root"));
    root.expect("root is there").id.to_string()
}

#[tokio::test]
async fn an_invitation_ends_and_can_be_taken_back() {
    let world = World::new().await;
    for taken_back in [true, false] {
        let invite = Invite { email: email("ann"), role: None };
        let invited = world.people().users.invite(&world.test.admin, invite).await.expect("may");
        if taken_back {
            let users = &world.people().users;
            users.revoke_invitation(&world.test.admin, &invited.invitation.token).await.expect("there");
            let again = users.revoke_invitation(&world.test.admin, &invited.invitation.token).await;
            assert_eq!(refused(again), "NotFound");
        } else {
            assert_eq!(world.people().users.invitations(&world.test.admin).await.expect("may").len(), 1);
            world.test.clock.advance(72 * 60 * 60 * 1000);
            assert_eq!(world.people().users.invitations(&world.test.admin).await.expect("may").len(), 0);
        }
        let request = register("ann", Some(invited.token.expose_secret()));
        let late = world.people().sign_in.register(&visitor(), request).await;
        assert_eq!(refused(late), "RegistrationClosed");
    }
}

#[tokio::test]
async fn weak_passwords_are_refused_before_anything_is_made() {
    let world = World::with(IdentityRules { registration: RegistrationMode::Open, ..rules() }).await;
    for password in ["short", CommonPassword::TEXT, &"long".repeat(65)] {
        let request = Register { password: password.into(), ..register("ann", None) };
        let refusal = world.people().sign_in.register(&visitor(), request).await;
        assert_eq!(refused(refusal), "Invalid", "{password}");
        world.test.clock.advance(60 * 60 * 1000);
    }
    world.people().sign_in.register(&visitor(), register("ann", None)).await.expect("the name is free");
}
