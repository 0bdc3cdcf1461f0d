//! Failed sign-ins of others do not delay a user with the right credentials.

use crate::world::*;
use application::Error;
use application::identity::*;
use secrecy::ExposeSecret as _;

/// A client in the same network as [`visitor`].
fn neighbour(n: usize) -> Visitor {
    from(&format!("192.0.2.{}", 100 + n % 100))
}

#[tokio::test]
async fn random_accounts_from_a_network_hold_up_nobody_who_has_signed_in_there() {
    let world = World::new().await;
    world.person("ann").await;
    world.person("new").await;
    world.signed("ann").await;
    let sign_in = &world.people().sign_in;
    let mut throttled = 0;
    for n in 0..300 {
        let guess = sign_in.login(&neighbour(n), login(&format!("random-{n}"), "wrong")).await;
        throttled += usize::from(refused(guess) == "TooManyAttempts");
    }
    assert!(throttled > 200, "guesses at unknown accounts are slowed down: {throttled}");
    world.signed("ann").await;
    sign_in.login(&neighbour(0), login("ann", PASSWORD)).await.expect("her network, another address");
    let never_here = sign_in.login(&visitor(), login("new", PASSWORD)).await;
    assert_eq!(
        refused(never_here),
        "TooManyAttempts",
        "who never signed in here is counted with the network"
    );
    sign_in.login(&from("203.0.113.4"), login("new", PASSWORD)).await.expect("another network");
}

#[tokio::test]
async fn guesses_of_neighbours_at_an_account_hold_up_nobody_at_a_known_address() {
    let world = World::new().await;
    world.person("ann").await;
    world.signed("ann").await;
    let sign_in = &world.people().sign_in;
    for n in 0..5 {
        assert_eq!(refused(sign_in.login(&neighbour(n), login("ann", "wrong")).await), "SignInFailed");
    }
    let guess = sign_in.login(&neighbour(9), login("ann", "wrong")).await;
    assert_eq!(refused(guess), "TooManyAttempts", "the neighbours are slowed down");
    world.signed("ann").await;
    for _ in 0..5 {
        assert_eq!(refused(sign_in.login(&visitor(), login("ann", "wrong")).await), "SignInFailed");
    }
    let guess = sign_in.login(&visitor(), login("ann", "wrong")).await;
    assert_eq!(refused(guess), "TooManyAttempts", "guesses from the known address are slowed down too");
}

#[tokio::test]
async fn a_network_is_known_for_thirty_days() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let world = World::new().await;
    world.person("ann").await;
    world.signed("ann").await;
    let sign_in = &world.people().sign_in;
    let known = async || sign_in.signed_in_from(&email("ann"), &visitor()).await.expect("an answer");
    assert!(known().await);
    assert!(!sign_in.signed_in_from(&email("nobody"), &visitor()).await.expect("an answer"));
    assert!(!sign_in.signed_in_from(&email("ann"), &from("198.51.100.1")).await.expect("an answer"));
    world.test.clock.advance(30 * DAY_MS);
    assert!(known().await);
    world.test.clock.advance(1);
    assert!(!known().await);
}

#[tokio::test]
async fn twelve_correct_sign_ins_at_once_all_come_in() {
    let world = World::with(IdentityRules { sessions_max: 100, ..rules() }).await;
    let ann = world.person("ann").await;
    for here in ["192.0.2.7", "192.0.2.7", "198.51.100.1"] {
        let visitor = from(here);
        let gate = world.id.passwords.hold().await;
        let sign_ins = (0..12).map(|_| world.people().sign_in.login(&visitor, login("ann", PASSWORD)));
        let (all, ()) = futures::join!(futures::future::join_all(sign_ins), async { drop(gate) });
        for one in all {
            one.expect("the password is right");
        }
    }
    assert_eq!(world.sessions(&ann.id).await.len(), 36);
}

#[tokio::test]
async fn sixty_people_of_an_office_come_in_at_once() {
    let world = World::new().await;
    let names: Vec<String> = (0..60).map(|n| format!("person-{n}")).collect();
    for name in &names {
        world.person(name).await;
    }
    let visitor = visitor();
    let sign_ins = names.iter().map(|name| world.people().sign_in.login(&visitor, login(name, PASSWORD)));
    for one in futures::future::join_all(sign_ins).await {
        one.expect("60 first sign-ins of one network at once");
    }
}

#[tokio::test]
async fn guesses_at_once_are_no_cheaper_than_one_after_the_other() {
    let world = World::new().await;
    world.person("ann").await;
    world.signed("ann").await;
    let (visitor, before) = (visitor(), world.id.passwords.checks());
    let guesses = (0..50).map(|_| world.people().sign_in.login(&visitor, login("ann", "wrong")));
    let all = futures::future::join_all(guesses).await;
    let looked_at = all.into_iter().filter(|one| matches!(one, Err(Error::SignInFailed))).count();
    assert_eq!((looked_at, world.id.passwords.checks() - before), (5, 5));
}

#[tokio::test]
async fn made_up_refresh_tokens_refuse_no_good_one() {
    let world = World::new().await;
    world.person("ann").await;
    let mut signed = world.signed("ann").await;
    let sign_in = &world.people().sign_in;
    let mut throttled = 0;
    for n in 0..400 {
        let made_up = if n % 2 == 0 { format!("refresh-{n}") } else { format!("junk {n}") };
        let answer = sign_in.refresh(&visitor(), refresh(&made_up.as_str().into())).await;
        throttled += usize::from(refused(answer) == "TooManyAttempts");
    }
    assert!(throttled > 50, "what is made up is slowed down: {throttled}");
    for _ in 0..5 {
        signed = sign_in.refresh(&visitor(), refresh(&signed.refresh)).await.expect("a good token");
    }
    sign_in.logout_by_refresh(&visitor(), &signed.refresh).await.expect("a good token ends its session too");
}

#[tokio::test]
async fn junk_in_place_of_other_tokens_refuses_no_good_one() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let account = &world.people().account;
    let sign_in = &world.people().sign_in;
    let invite = Invite { email: email("eve"), role: None };
    let invitation = world.people().users.invite(&world.test.admin, invite).await.expect("may");
    let reset = world.people().users.reset_password(&world.test.admin, &ann.id).await.expect("may");
    let register = |name: &str, token: &str| Register {
        email: email(name),
        name: label(name),
        password: PASSWORD.into(),
        invitation: Some(token.into()),
    };
    let set = |token: &str| ResetPassword { token: token.into(), new: "another password, as long".into() };
    let challenge = AnswerChallenge { challenge: "junk".into(), answer: FactorAnswer::Code("123456".into()) };
    let mut throttled = [0; 3];
    for n in 0..400 {
        let count_of = |error: &str| usize::from(error == "TooManyAttempts");
        throttled[0] += count_of(&refused(account.reset_password(&visitor(), set("junk")).await));
        let junk = format!("invitation-x{n}");
        throttled[1] += count_of(&refused(sign_in.register(&visitor(), register("eve", &junk)).await));
        throttled[2] += count_of(&refused(sign_in.second_factor(&visitor(), challenge.clone()).await));
    }
    assert!(throttled.iter().all(|count| *count > 50), "{throttled:?}");
    account.reset_password(&visitor(), set(reset.token.expose_secret())).await.expect("a good token");
    let good = register("eve", invitation.token.expose_secret());
    sign_in.register(&visitor(), good).await.expect("a good invitation");
}

#[tokio::test]
async fn who_knows_the_password_elsewhere_does_not_use_up_the_second_factor_here() {
    let world = World::new().await;
    world.person("ann").await;
    let ctx = world.ctx("ann").await;
    world.enrol(&ctx).await;
    let challenged = async |visitor: &Visitor| match world
        .people()
        .sign_in
        .login(visitor, login("ann", PASSWORD))
        .await
        .expect("the password")
    {
        SignedIn::Challenge(challenge) => challenge.challenge,
        SignedIn::Signed(_) => panic!("a second factor is needed"),
    };
    let answer = async |visitor: &Visitor, code: secrecy::SecretString| {
        let challenge = challenged(visitor).await;
        let answer = AnswerChallenge { challenge, answer: FactorAnswer::Code(code) };
        world.people().sign_in.second_factor(visitor, answer).await
    };
    let mut guesses = 0;
    for n in 0..20 {
        let thief = from(&format!("198.51.{n}.1"));
        guesses += usize::from(refused(answer(&thief, "1".into()).await) == "SecondFactorFailed");
    }
    assert_eq!(guesses, 6, "from wherever they come, they count together");
    world.test.clock.advance(30_000);
    answer(&visitor(), world.code()).await.expect("the right code where she has signed in");
}

#[tokio::test]
async fn a_session_in_wrong_hands_does_not_keep_its_user_from_proving_the_password() {
    let world = World::new().await;
    world.person("ann").await;
    let (stolen, own) = (world.ctx("ann").await, world.ctx("ann").await);
    let change = |current: &str| ChangePassword {
        current: current.into(),
        new: "another password, just as long".into(),
    };
    let account = &world.people().account;
    for _ in 0..5 {
        assert_eq!(refused(account.change_password(&stolen, change("guess")).await), "Invalid");
    }
    assert_eq!(refused(account.change_password(&stolen, change("guess")).await), "TooManyAttempts");
    world.signed("ann").await;
    account.change_password(&own, change(PASSWORD)).await.expect("hers");
}
