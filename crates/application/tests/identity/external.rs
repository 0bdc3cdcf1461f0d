//! Sign-in through an identity provider.

use crate::world::*;
use application::Error;
use application::identity::*;
use application::ports::identity::{ExternalIdentity, ExternalPerson};
use domain::Email;

fn person(subject: &str, email: Option<Email>, groups: &[&str]) -> ExternalPerson {
    ExternalPerson {
        identity: ExternalIdentity { issuer: "https://corp.example".to_owned(), subject: subject.to_owned() },
        email,
        name: Some("Ann".to_owned()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

async fn come(world: &World, code: &str) -> Result<SignedIn, Error> {
    let went = world.people().external.begin(&visitor(), "corp").await?;
    finish(world, &went.state, code).await
}

async fn finish(world: &World, state: &secrecy::SecretString, code: &str) -> Result<SignedIn, Error> {
    finish_at(world, "corp", state, code).await
}

async fn finish_at(
    world: &World,
    provider: &str,
    state: &secrecy::SecretString,
    code: &str,
) -> Result<SignedIn, Error> {
    let request = FinishExternal {
        provider: provider.to_owned(),
        state: state.clone(),
        code: code.into(),
        device: String::new(),
        browser: true,
    };
    world.people().external.finish(&visitor(), request).await
}

fn signed(came: SignedIn) -> Signed {
    match came {
        SignedIn::Signed(signed) => *signed,
        SignedIn::Challenge(_) => panic!("no second factor"),
    }
}

fn open() -> IdentityRules {
    IdentityRules { registration: RegistrationMode::Open, ..rules() }
}

#[tokio::test]
async fn people_are_found_by_issuer_and_subject() {
    let world = World::with(open()).await;
    world.id.provider.say("first", person("7", Some(email("ann")), &[]));
    world.id.provider.say("moved", person("7", Some(email("other")), &[]));
    let first = signed(come(&world, "first").await.expect("open to all"));
    assert_eq!(first.session.method, "oidc:corp");
    assert!(first.csrf.is_some());
    let again = signed(come(&world, "moved").await.expect("the same person"));
    assert_eq!((again.user.id, again.user.email), (first.user.id, email("ann")));
}

#[tokio::test]
async fn one_without_a_password_sets_up_a_second_factor_soon_after_the_sign_in() {
    let world = World::with(open()).await;
    world.id.provider.say("ann", person("7", Some(email("ann")), &[]));
    let came = signed(come(&world, "ann").await.expect("open to all"));
    let ctx = world.with_token(&came).await.expect("good");
    world.test.clock.advance(10 * 60 * 1000);
    assert_eq!(refused(world.people().factors.begin(&ctx, None).await), "Unauthenticated");
    let any = world.people().factors.begin(&ctx, Some(&PASSWORD.into())).await;
    assert_eq!(refused(any), "Unauthenticated", "there is no password to show");
    let came = signed(come(&world, "ann").await.expect("known"));
    let ctx = world.with_token(&came).await.expect("good");
    world.test.clock.advance(10 * 60 * 1000 - 1);
    world.people().factors.begin(&ctx, None).await.expect("just before");
}

#[tokio::test]
async fn an_address_alone_is_nobodys_proof() {
    let world = World::with(open()).await;
    let root_address = person("evil", Some(email("root")), &[]);
    world.id.provider.say("evil", root_address);
    world.id.provider.say("none", person("8", None, &[]));
    assert_eq!(refused(come(&world, "evil").await), "Taken", "the administrator's address opens nothing");
    assert_eq!(refused(come(&world, "evil").await), "Taken");
    assert_eq!(refused(come(&world, "none").await), "RegistrationClosed", "no verified address");
}

#[tokio::test]
async fn the_mode_of_registration_holds_here_too() {
    let world = World::with(IdentityRules { registration: RegistrationMode::Closed, ..rules() }).await;
    world.id.provider.say("ann", person("7", Some(email("ann")), &[]));
    assert_eq!(refused(come(&world, "ann").await), "RegistrationClosed");
    assert_eq!(world.audited("auth.register").await.len(), 1, "it is written down");

    let world = World::new().await;
    world.id.provider.say("ann", person("7", Some(email("ann")), &[]));
    assert_eq!(refused(come(&world, "ann").await), "RegistrationClosed");
    let invite = Invite { email: email("ann"), role: Some((role("editor"), in_project("a"))) };
    world.people().users.invite(&world.test.admin, invite).await.expect("may");
    let came = signed(come(&world, "ann").await.expect("invited by that address"));
    let ctx = world.with_token(&came).await.expect("good");
    assert_eq!(ctx.person.as_ref().expect("a person").grants.len(), 1);
    assert!(world.people().users.invitations(&world.test.admin).await.expect("may").is_empty(), "used up");
}

#[tokio::test]
async fn a_sign_in_comes_back_once_in_time_and_with_its_state() {
    let world = World::with(open()).await;
    world.id.provider.say("ann", person("7", Some(email("ann")), &[]));
    let external = &world.people().external;
    assert_eq!(external.providers(), ["corp"]);
    assert_eq!(refused(external.begin(&visitor(), "other").await), "NotFound");
    let went = external.begin(&visitor(), "corp").await.expect("there");
    assert!(went.location.starts_with("https://corp.example/"));
    finish(&world, &went.state, "ann").await.expect("once");
    assert_eq!(refused(finish(&world, &went.state, "ann").await), "ProviderRefused", "only once");
    assert_eq!(refused(finish(&world, &"challenge-forged".into(), "ann").await), "ProviderRefused");
    assert_eq!(refused(finish(&world, &"nonsense".into(), "ann").await), "ProviderRefused");
    assert_eq!(refused(come(&world, "wrong").await), "ProviderRefused");
    for _ in 0..60 {
        assert_eq!(refused(come(&world, "silent").await), "ProviderUnavailable", "nobody's fault");
    }
    assert_eq!(world.audited("auth.external").await.len(), 4);
    world.test.clock.advance(60 * 60 * 1000);
    let late = external.begin(&visitor(), "corp").await.expect("there");
    world.test.clock.advance(600_000);
    assert_eq!(refused(finish(&world, &late.state, "ann").await), "ProviderRefused", "too late");
}

#[tokio::test]
async fn an_answer_at_another_providers_door_is_refused() {
    let world = World::with(open()).await;
    world.id.provider.say("ann", person("7", Some(email("ann")), &[]));
    let went = world.people().external.begin(&visitor(), "corp").await.expect("there");
    assert_eq!(refused(finish_at(&world, "other", &went.state, "ann").await), "ProviderRefused");
    assert_eq!(refused(finish(&world, &went.state, "ann").await), "ProviderRefused", "it is used up");
    let audited = world.audited("auth.external").await;
    assert_eq!(audited.len(), 2);
}

#[tokio::test]
async fn one_network_cannot_drive_out_the_sign_ins_of_others() {
    let world = World::new().await;
    for _ in 0..301 {
        world.people().external.begin(&visitor(), "corp").await.expect("begun");
    }
    assert_eq!(refused(world.people().external.begin(&visitor(), "corp").await), "TooManyAttempts");
    world.people().external.begin(&from("203.0.113.9"), "corp").await.expect("another network");
    world.test.clock.advance(1000);
    world.people().external.begin(&visitor(), "corp").await.expect("one a second");
}

#[tokio::test]
async fn groups_of_the_provider_are_mirrored() {
    let world = World::with(open()).await;
    let key = &world.test.admin;
    for name in ["engineers", "own"] {
        let request = PutGroup { name: group(name), label: label(name), parent: None };
        world.people().groups.put(key, request).await.expect("may");
    }
    world.id.provider.map("eng", group("engineers"));
    world.id.provider.say("in", person("7", Some(email("ann")), &["eng", "unmapped"]));
    world.id.provider.say("out", person("7", Some(email("ann")), &[]));
    let came = signed(come(&world, "in").await.expect("open"));
    world.people().groups.add(key, &group("own"), &came.user.id).await.expect("may");
    let people = async |name: &str| {
        world.people().groups.people(key, &group(name), None, 10).await.expect("may").items.len()
    };
    assert_eq!((people("engineers").await, people("own").await), (1, 1));
    let before = world.with_token(&signed(come(&world, "in").await.expect("known"))).await.expect("good");
    come(&world, "out").await.expect("known");
    assert_eq!((people("engineers").await, people("own").await), (0, 1), "only what is mapped");
    let told: Vec<_> = world.audited("group.mirror").await.into_iter().map(|one| one.record.detail).collect();
    assert_eq!(
        told,
        [
            r#"{"joined":"","left":"engineers","provider":"corp"}"#,
            r#"{"joined":"engineers","left":"","provider":"corp"}"#
        ],
        "once for each change, the newest first"
    );
    assert_eq!(refused(world.people().account.me(&before).await), "Unauthenticated");
}

#[tokio::test]
async fn the_deactivated_do_not_come_in_and_a_second_factor_is_asked_for() {
    let world = World::with(open()).await;
    world.id.provider.say("ann", person("7", Some(email("ann")), &[]));
    let came = signed(come(&world, "ann").await.expect("open"));
    let ctx = world.with_token(&came).await.expect("good");
    world.enrol(&ctx).await;
    let SignedIn::Challenge(challenge) = come(&world, "ann").await.expect("known") else {
        panic!("she has a second factor");
    };
    world.test.clock.advance(60_000);
    let answer = FactorAnswer::Code(world.code());
    let request = AnswerChallenge { challenge: challenge.challenge, answer };
    let in_now = world.people().sign_in.second_factor(&visitor(), request).await.expect("the code");
    assert_eq!(in_now.session.method, "oidc:corp+totp");
    world.people().users.deactivate(&world.test.admin, &came.user.id).await.expect("may");
    assert_eq!(refused(come(&world, "ann").await), "ProviderRefused");
}
