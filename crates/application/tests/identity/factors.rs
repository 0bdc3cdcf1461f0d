//! Second factors.

use crate::world::*;
use application::identity::*;
use application::ports::identity::{AuditOutcome, Place, Subject};
use application::{Error, RequestContext};
use secrecy::SecretString;

async fn challenged(world: &World, name: &str) -> SecretString {
    match world.people().sign_in.login(&visitor(), login(name, PASSWORD)).await.expect("the password") {
        SignedIn::Challenge(challenge) => challenge.challenge,
        SignedIn::Signed(_) => panic!("{name} has a second factor"),
    }
}

async fn answer(world: &World, challenge: &SecretString, answer: FactorAnswer) -> Result<Signed, Error> {
    let request = AnswerChallenge { challenge: challenge.clone(), answer };
    world.people().sign_in.second_factor(&visitor(), request).await
}

fn code(text: &str) -> FactorAnswer {
    FactorAnswer::Code(text.into())
}

async fn enrolled(world: &World, name: &str) -> (Confirmed, RequestContext) {
    world.person(name).await;
    let signed = world.signed(name).await;
    let ctx = world.with_token(&signed).await.expect("good");
    let confirmed = world.enrol(&ctx).await;
    let again = world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await.expect("kept");
    world.test.clock.advance(60_000);
    (confirmed, world.with_token(&again).await.expect("good"))
}

#[tokio::test]
async fn a_code_is_asked_for_and_good_once() {
    let world = World::new().await;
    let (_, ctx) = enrolled(&world, "ann").await;
    assert!(world.people().account.me(&ctx).await.expect("known").second_factor);
    let challenge = challenged(&world, "ann").await;
    assert_eq!(refused(answer(&world, &challenge, code("1")).await), "SecondFactorFailed");
    let now = FactorAnswer::Code(world.code());
    let signed = answer(&world, &challenge, now.clone()).await.expect("the code");
    assert_eq!(signed.session.method, "password+totp");
    assert_eq!(refused(answer(&world, &challenge, now.clone()).await), "SecondFactorFailed", "used up");
    let other = challenged(&world, "ann").await;
    assert_eq!(refused(answer(&world, &other, now).await), "SecondFactorFailed", "the code was used");
    world.test.clock.advance(30_000);
    let next = FactorAnswer::Code(world.code());
    assert_eq!(refused(answer(&world, &challenge, next.clone()).await), "SecondFactorFailed", "used up");
    answer(&world, &other, next).await.expect("another code");
    let failures = world.audited("auth.second_factor").await;
    assert!(failures.iter().all(|one| one.record.outcome == AuditOutcome::Failure));
    assert_eq!(failures.len(), 4);
}

#[tokio::test]
async fn a_challenge_ends_with_its_time_its_tries_and_its_password() {
    let world = World::new().await;
    let (_, ctx) = enrolled(&world, "ann").await;
    let late = challenged(&world, "ann").await;
    world.test.clock.advance(5 * 60 * 1000);
    let now = || FactorAnswer::Code(world.code());
    assert_eq!(refused(answer(&world, &late, now()).await), "SecondFactorFailed");

    let changed = challenged(&world, "ann").await;
    let (current, new) = (PASSWORD.into(), "another password, just as long".into());
    world.people().account.change_password(&ctx, ChangePassword { current, new }).await.expect("hers");
    assert_eq!(refused(answer(&world, &changed, now()).await), "SecondFactorFailed");
    assert_eq!(refused(answer(&world, &"nonsense".into(), now()).await), "SecondFactorFailed");

    let world = World::new().await;
    enrolled(&world, "ann").await;
    let guessed = challenged(&world, "ann").await;
    for _ in 0..5 {
        assert_eq!(refused(answer(&world, &guessed, code("1")).await), "SecondFactorFailed");
    }
    let right = answer(&world, &guessed, FactorAnswer::Code(world.code())).await;
    assert_eq!(refused(right), "TooManyAttempts");
    world.test.clock.advance(4 * 60 * 1000);
    let right = answer(&world, &guessed, FactorAnswer::Code(world.code())).await;
    assert_eq!(refused(right), "TooManyAttempts", "five tries for one challenge, whatever the wait");
    let fresh = challenged(&world, "ann").await;
    answer(&world, &fresh, FactorAnswer::Code(world.code())).await.expect("another challenge");
}

#[tokio::test]
async fn recovery_codes_stand_in_once_each() {
    let world = World::new().await;
    let (confirmed, ctx) = enrolled(&world, "ann").await;
    assert_eq!(confirmed.recovery_codes.len(), RECOVERY_CODES);
    let recovery = |n: usize| FactorAnswer::Recovery(confirmed.recovery_codes[n].clone());
    let challenge = challenged(&world, "ann").await;
    let signed = answer(&world, &challenge, recovery(0)).await.expect("a recovery code");
    assert_eq!(signed.session.method, "password+recovery");
    let challenge = challenged(&world, "ann").await;
    assert_eq!(refused(answer(&world, &challenge, recovery(0)).await), "SecondFactorFailed");
    assert_eq!(world.people().account.me(&ctx).await.expect("known").recovery_left, 9);
    let factors = &world.people().factors;
    assert_eq!(refused(factors.regenerate(&ctx, &"wrong".into()).await), "Invalid");
    let others = factors.regenerate(&ctx, &PASSWORD.into()).await.expect("others");
    let challenge = challenged(&world, "ann").await;
    assert_eq!(refused(answer(&world, &challenge, recovery(1)).await), "SecondFactorFailed", "replaced");
    let other = FactorAnswer::Recovery(others.recovery_codes[0].clone());
    answer(&world, &challenge, other).await.expect("one of the others");
}

#[tokio::test]
async fn taking_it_away_needs_the_password_or_an_administrator() {
    let world = World::new().await;
    let (_, ctx) = enrolled(&world, "ann").await;
    let factors = &world.people().factors;
    assert_eq!(refused(factors.remove(&ctx, &"wrong".into()).await), "Invalid");
    challenged(&world, "ann").await;
    factors.remove(&ctx, &PASSWORD.into()).await.expect("hers");
    assert_eq!(refused(world.people().account.me(&ctx).await), "Unauthenticated", "the epoch was raised");
    world.signed("ann").await;

    let (_, bob) = enrolled(&world, "bob").await;
    let id = world.people().account.me(&bob).await.expect("known").user.id;
    assert_eq!(refused(factors.remove_of(&bob, &id).await), "Forbidden");
    factors.remove_of(&world.test.admin, &id).await.expect("the key may");
    world.signed("bob").await;
}

#[tokio::test]
async fn setting_it_up_needs_the_password() {
    let world = World::new().await;
    world.person("ann").await;
    let ctx = world.ctx("ann").await;
    let factors = &world.people().factors;
    let error = factors.begin(&ctx, None).await.expect_err("a session alone");
    assert!(matches!(error, Error::Invalid { field: "password", .. }), "{error:?}");
    assert_eq!(refused(factors.begin(&ctx, Some(&"wrong".into())).await), "Invalid");
    for _ in 0..4 {
        assert_eq!(refused(factors.begin(&ctx, Some(&"wrong".into())).await), "Invalid");
    }
    let right = factors.begin(&ctx, Some(&PASSWORD.into())).await;
    assert_eq!(refused(right), "TooManyAttempts", "guesses are slowed down");
    world.test.clock.advance(60_000);
    factors.begin(&ctx, Some(&PASSWORD.into())).await.expect("hers");
}

#[tokio::test]
async fn a_short_password_is_changed_before_the_second_factor_goes() {
    let world = World::new().await;
    let (_, ctx) = enrolled(&world, "ann").await;
    let short = "eight ch";
    let change = ChangePassword { current: PASSWORD.into(), new: short.into() };
    world.people().account.change_password(&ctx, change).await.expect("enough beside a second factor");
    let signed = match world.people().sign_in.login(&visitor(), login("ann", short)).await.expect("hers") {
        SignedIn::Challenge(challenge) => {
            answer(&world, &challenge.challenge, FactorAnswer::Code(world.code())).await.expect("the code")
        }
        SignedIn::Signed(_) => panic!("she has a second factor"),
    };
    let ctx = world.with_token(&signed).await.expect("good");
    let error = world.people().factors.remove(&ctx, &short.into()).await.expect_err("too short");
    assert!(error.to_string().contains("change it first"), "{error}");
    let change = ChangePassword { current: short.into(), new: PASSWORD.into() };
    world.people().account.change_password(&ctx, change).await.expect("longer again");
    let refreshed = world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await.expect("on");
    let ctx = world.with_token(&refreshed).await.expect("good");
    world.people().factors.remove(&ctx, &PASSWORD.into()).await.expect("hers");
}

#[tokio::test]
async fn administrators_prove_who_they_are_like_everybody() {
    let world = World::new().await;
    let (root, ctx) = world.member("ann", "platform-admin", Place::Platform).await;
    for refusal in [
        world.people().users.reset_password(&ctx, &root.id).await.map(drop),
        world.people().factors.remove_of(&ctx, &root.id).await,
    ] {
        let error = refusal.expect_err("not on themselves");
        assert!(matches!(error, Error::Invalid { field: "user", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn setting_it_up_ends_the_sessions_without_it() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let (other, mine) = (world.signed("ann").await, world.signed("ann").await);
    let ctx = world.with_token(&mine).await.expect("good");
    let factors = &world.people().factors;
    factors.begin(&ctx, Some(&PASSWORD.into())).await.expect("begun");
    assert_eq!(refused(factors.confirm(&ctx, &"1".into()).await), "Invalid");
    world.signed("ann").await;
    factors.confirm(&ctx, &world.code()).await.expect("the code");
    assert_eq!(
        refused(factors.begin(&ctx, Some(&PASSWORD.into())).await),
        "Unauthenticated",
        "the epoch was raised"
    );
    let ids: Vec<_> = world.sessions(&ann.id).await.into_iter().map(|session| session.id).collect();
    assert_eq!(ids, [mine.session.id]);
    let ended = world.people().sign_in.refresh(&visitor(), refresh(&other.refresh)).await;
    assert_eq!(refused(ended), "SessionOver");
}

#[tokio::test]
async fn nobodys_mistakes_hold_up_anybody_else() {
    let world = World::new().await;
    for n in 0..12 {
        let name = format!("clumsy-{n}");
        world.person(&name).await;
        let ctx = world.ctx(&name).await;
        world.people().factors.begin(&ctx, Some(&PASSWORD.into())).await.expect("begun");
        let wrong = world.people().factors.confirm(&ctx, &"1".into()).await;
        assert_eq!(refused(wrong), "Invalid", "{name}");
        let reset = ResetPassword { token: "nonsense".into(), new: PASSWORD.into() };
        for network in 0..4 {
            let from = from(&format!("10.{n}.{network}.1"));
            let wrong = world.people().account.reset_password(&from, reset.clone()).await;
            assert_eq!(refused(wrong), "Invalid", "{name}");
            let request = FinishExternal {
                provider: "corp".to_owned(),
                state: "nonsense".into(),
                code: "x".into(),
                device: String::new(),
                browser: false,
            };
            let wrong = world.people().external.finish(&from, request).await;
            assert_eq!(refused(wrong), "ProviderRefused", "{name}");
        }
    }
    enrolled(&world, "ann").await;
}

/// A user who must have a second factor and has none can only enrol one.
async fn must_enrol(world: &World, name: &str) {
    let signed = world.signed(name).await;
    assert!(signed.must_enrol);
    let ctx = world.with_token(&signed).await.expect("good");
    assert!(ctx.person.as_ref().expect("a person").grants.is_empty(), "the token carries no rights");
    assert!(world.people().account.me(&ctx).await.expect("known").must_enrol);
    let account = &world.people().account;
    assert_eq!(refused(account.sessions(&ctx).await), "SecondFactorRequired");
    assert_eq!(refused(account.end_all(&ctx, true).await), "SecondFactorRequired");
    let members = world.people().members.list(&ctx, &in_project("a"), None, 10).await;
    assert_eq!(refused(members), "Forbidden");
    // Rights that are resolved again are still empty.
    world.test.clock.advance(11 * 60 * 1000);
    let ctx = world.with_token(&signed).await.expect("good");
    assert!(ctx.person.as_ref().expect("a person").grants.is_empty());
    let refreshed =
        world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await.expect("goes on");
    assert!(refreshed.must_enrol);
    let ctx = world.with_token(&refreshed).await.expect("good");
    world.enrol(&ctx).await;
    let signed = world.people().sign_in.refresh(&visitor(), refresh(&refreshed.refresh)).await.expect("on");
    assert!(!signed.must_enrol);
    let ctx = world.with_token(&signed).await.expect("good");
    world.people().members.list(&ctx, &in_project("a"), None, 10).await.expect("an administrator of it");
}

#[tokio::test]
async fn one_who_must_have_it_can_only_set_it_up() {
    let world = World::new().await;
    let (ann, before) = world.member("ann", "admin", in_project("a")).await;
    let change =
        application::ports::identity::UserChange { second_factor_required: Some(true), ..Default::default() };
    world.people().users.change(&world.test.admin, &ann.id, change).await.expect("the key may");
    let members = world.people().members.list(&before, &in_project("a"), None, 10).await;
    assert_eq!(refused(members), "Unauthenticated", "the token from before is refused at once");
    must_enrol(&world, "ann").await;
}

#[tokio::test]
async fn an_organisation_can_ask_for_it() {
    let world = World::new().await;
    let (_, before) = world.member("ann", "admin", in_project("a")).await;
    let request = PutOrganisation {
        name: organisation("strict"),
        label: label("strict"),
        second_factor_required: true,
    };
    let organisations = &world.people().organisations;
    organisations.put(&world.test.admin, request).await.expect("the key may");
    world.signed("ann").await;
    let strict = organisation("strict");
    organisations.own(&world.test.admin, &project("a"), &strict).await.expect("the key may");
    assert_eq!(refused(world.people().account.me(&before).await), "Unauthenticated", "at once");
    must_enrol(&world, "ann").await;

    let bob = world.person("bob").await;
    let request = PutMember {
        place: Place::Organisation(strict),
        subject: Subject::User(bob.id),
        role: role("admin"),
        environments: None,
        key_prefixes: None,
    };
    world.people().members.put(&world.test.admin, request).await.expect("the key may");
    must_enrol(&world, "bob").await;
}
