//! Refresh and revocation of sessions, and password changes.

use crate::world::*;
use application::identity::*;
use application::ports::identity::Observation;
use secrecy::ExposeSecret;

#[tokio::test]
async fn a_refresh_token_is_good_once_and_carries_the_session_on() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let first = world.signed("ann").await;
    world.test.clock.advance(20 * 60 * 1000);
    let second = world.people().sign_in.refresh(&visitor(), refresh(&first.refresh)).await.expect("fresh");
    assert_ne!(first.refresh.expose_secret(), second.refresh.expose_secret());
    assert_eq!((&second.session.id, &second.user.id), (&first.session.id, &ann.id));
    world.test.clock.advance(29 * 60 * 1000);
    let third = world.people().sign_in.refresh(&visitor(), refresh(&second.refresh)).await.expect("in time");
    world.test.clock.advance(30 * 60 * 1000);
    let late = world.people().sign_in.refresh(&visitor(), refresh(&third.refresh)).await;
    assert_eq!(refused(late), "SessionOver", "idle for too long");
    let nonsense = world.people().sign_in.refresh(&visitor(), refresh(&"nonsense".into())).await;
    assert_eq!(refused(nonsense), "SessionOver");
}

#[tokio::test]
async fn no_session_lasts_longer_than_a_day() {
    let world = World::new().await;
    world.person("ann").await;
    let mut token = world.signed("ann").await.refresh;
    for _ in 0..71 {
        world.test.clock.advance(20 * 60 * 1000);
        token = world.people().sign_in.refresh(&visitor(), refresh(&token)).await.expect("goes on").refresh;
    }
    world.test.clock.advance(20 * 60 * 1000);
    let over = world.people().sign_in.refresh(&visitor(), refresh(&token)).await;
    assert_eq!(refused(over), "SessionOver");
}

#[tokio::test]
async fn reuse_ends_the_session_raises_the_epoch_and_is_written_down() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let first = world.signed("ann").await;
    let second = world.people().sign_in.refresh(&visitor(), refresh(&first.refresh)).await.expect("fresh");
    let ctx = world.with_token(&second).await.expect("good");
    world.people().account.sessions(&ctx).await.expect("good");
    world.test.clock.advance(10_000);
    let stolen = world.people().sign_in.refresh(&from("198.51.100.66"), refresh(&first.refresh)).await;
    assert_eq!(refused(stolen), "SessionOver");
    assert_eq!(world.epoch(&ann.id), 1);
    assert!(world.sessions(&ann.id).await.is_empty());
    let newest = world.people().sign_in.refresh(&visitor(), refresh(&second.refresh)).await;
    assert_eq!(refused(newest), "SessionOver", "the newest went with the session");
    assert_eq!(refused(world.people().account.sessions(&ctx).await), "Unauthenticated");
    assert_eq!(world.id.observed.count(Observation::RefreshReused), 1);
    let forged = world.people().sign_in.refresh(&visitor(), refresh(&"nonsense".into())).await;
    assert_eq!(refused(forged), "SessionOver");
    let audited = world.audited("auth.refresh").await;
    let told: Vec<_> = audited.iter().map(|one| (&*one.record.address, &*one.record.resource)).collect();
    assert_eq!(
        told,
        [("192.0.2.7", "unknown"), ("192.0.2.7", "unknown"), ("198.51.100.66", ann.id.as_str())],
        "every refusal, the newest first"
    );
}

#[tokio::test]
async fn a_lost_answer_is_given_again_to_the_same_client_only() {
    let world = World::new().await;
    world.person("ann").await;
    let first = world.signed("ann").await;
    let second = world.people().sign_in.refresh(&visitor(), refresh(&first.refresh)).await.expect("fresh");
    world.test.clock.advance(9_999);
    let again = world.people().sign_in.refresh(&visitor(), refresh(&first.refresh)).await.expect("grace");
    assert_eq!(again.refresh.expose_secret(), second.refresh.expose_secret());
    let other = world.people().sign_in.refresh(&from("192.0.2.8"), refresh(&first.refresh)).await;
    assert_eq!(refused(other), "SessionOver");
}

#[tokio::test]
async fn fifty_refreshes_at_once_make_one_chain() {
    let world = std::sync::Arc::new(World::new().await);
    world.person("ann").await;
    let first = world.signed("ann").await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, token) = (world.clone(), first.refresh.clone());
        tasks.spawn(async move { world.people().sign_in.refresh(&visitor(), refresh(&token)).await });
    }
    let mut given: Vec<String> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|one| one.expect("grace").refresh.expose_secret().to_owned())
        .collect();
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 1, "one survivor");
    let next = world.people().sign_in.refresh(&visitor(), refresh(&given[0].as_str().into())).await;
    next.expect("the chain goes on");

    let stolen = world.signed("ann").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (world, token) = (world.clone(), stolen.refresh.clone());
        tasks.spawn(async move {
            let from = from(&format!("10.0.{n}.1"));
            world.people().sign_in.refresh(&from, refresh(&token)).await.is_ok()
        });
    }
    let done = tasks.join_all().await.into_iter().filter(|ok| *ok).count();
    assert_eq!(done, 1, "of fifty clients one is the first");
    let live = world.sessions(&stolen.user.id).await;
    assert!(live.iter().all(|session| session.id != stolen.session.id), "and its session is over");
}

#[tokio::test]
async fn the_session_used_longest_ago_makes_room() {
    let world = World::with(IdentityRules { sessions_max: 3, ..rules() }).await;
    let ann = world.person("ann").await;
    let mut signed = Vec::new();
    for _ in 0..3 {
        signed.push(world.signed("ann").await);
        world.test.clock.advance(1000);
    }
    world.people().sign_in.refresh(&visitor(), refresh(&signed[0].refresh)).await.expect("fresh");
    world.test.clock.advance(1000);
    let fourth = world.signed("ann").await;
    let mut left: Vec<_> = world.sessions(&ann.id).await.into_iter().map(|session| session.id).collect();
    left.sort();
    let mut expected =
        vec![signed[0].session.id.clone(), signed[2].session.id.clone(), fourth.session.id.clone()];
    expected.sort();
    assert_eq!(left, expected);
    assert_eq!(world.epoch(&ann.id), 1, "the tokens of the one that ended are refused");
    let ctx = world.with_token(&fourth).await.expect("good");
    world.people().account.me(&ctx).await.expect("its own token was made after that");
}

#[tokio::test]
async fn logging_out_ends_the_session_at_once() {
    let world = World::new().await;
    world.person("ann").await;
    let signed = world.signed("ann").await;
    let ctx = world.with_token(&signed).await.expect("good");
    world.people().sign_in.logout(&ctx).await.expect("out");
    assert_eq!(refused(world.people().account.me(&ctx).await), "Unauthenticated");
    let after = world.people().sign_in.refresh(&visitor(), refresh(&signed.refresh)).await;
    assert_eq!(refused(after), "SessionOver");
    let signed = world.signed("ann").await;
    let sign_in = &world.people().sign_in;
    sign_in.logout_by_refresh(&visitor(), &signed.refresh).await.expect("out");
    sign_in.logout_by_refresh(&visitor(), &"nonsense".into()).await.expect("no harm");
    assert!(world.sessions(&signed.user.id).await.is_empty());
    assert_eq!(world.audited("auth.logout").await.len(), 2);
}

#[tokio::test]
async fn people_end_their_own_sessions_and_nobody_elses() {
    let world = World::new().await;
    world.person("ann").await;
    world.person("bob").await;
    let (one, two, bobs) = (world.signed("ann").await, world.signed("ann").await, world.signed("bob").await);
    let ctx = world.with_token(&two).await.expect("good");
    let account = &world.people().account;
    assert_eq!(account.sessions(&ctx).await.expect("hers").len(), 2);
    assert_eq!(refused(account.end_session(&ctx, &bobs.session.id).await), "NotFound");
    account.end_session(&ctx, &one.session.id).await.expect("hers");
    assert_eq!(refused(account.sessions(&ctx).await), "Unauthenticated", "every older token is refused");
    let two = world.people().sign_in.refresh(&visitor(), refresh(&two.refresh)).await.expect("goes on");
    world.signed("ann").await;
    let ctx = world.with_token(&two).await.expect("good");
    assert_eq!(account.end_all(&ctx, true).await.expect("the other one"), 1);
    let two = world.people().sign_in.refresh(&visitor(), refresh(&two.refresh)).await.expect("kept");
    let ctx = world.with_token(&two).await.expect("good");
    assert_eq!(account.end_all(&ctx, false).await.expect("all"), 1);
    let over = world.people().sign_in.refresh(&visitor(), refresh(&two.refresh)).await;
    assert_eq!(refused(over), "SessionOver");
    assert_eq!(world.sessions(&bobs.user.id).await.len(), 1);
}

#[tokio::test]
async fn another_password_takes_the_present_one_and_ends_other_sessions() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let (other, mine) = (world.signed("ann").await, world.signed("ann").await);
    let ctx = world.with_token(&mine).await.expect("good");
    let new = "another password, just as long";
    let request = |current: &str, new: &str| ChangePassword { current: current.into(), new: new.into() };
    let account = &world.people().account;
    assert_eq!(refused(account.change_password(&ctx, request("wrong", new)).await), "Invalid");
    assert_eq!(refused(account.change_password(&ctx, request(PASSWORD, "short")).await), "Invalid");
    assert_eq!(world.sessions(&ann.id).await.len(), 2, "nothing happened");
    account.change_password(&ctx, request(PASSWORD, new)).await.expect("changed");
    let ids: Vec<_> = world.sessions(&ann.id).await.into_iter().map(|session| session.id).collect();
    assert_eq!(ids, [mine.session.id]);
    let ended = world.people().sign_in.refresh(&visitor(), refresh(&other.refresh)).await;
    assert_eq!(refused(ended), "SessionOver");
    let old = world.people().sign_in.login(&visitor(), login("ann", PASSWORD)).await;
    assert_eq!(refused(old), "SignInFailed");
    world.people().sign_in.login(&visitor(), login("ann", new)).await.expect("the new one");
    for _ in 0..5 {
        let again = world.people().sign_in.refresh(&visitor(), refresh(&mine.refresh)).await;
        let ctx = world.with_token(&again.expect("kept")).await.expect("good");
        assert_eq!(refused(account.change_password(&ctx, request("guess", PASSWORD)).await), "Invalid");
    }
    let again = world.people().sign_in.refresh(&visitor(), refresh(&mine.refresh)).await.expect("kept");
    let ctx = world.with_token(&again).await.expect("good");
    assert_eq!(refused(account.change_password(&ctx, request(new, PASSWORD)).await), "TooManyAttempts");
}

#[tokio::test]
async fn an_administrator_starts_a_reset_and_never_knows_the_password() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let before = world.signed("ann").await;
    let reset = world.people().users.reset_password(&world.test.admin, &ann.id).await.expect("the key may");
    world.signed("ann").await;
    let new = "another password, just as long";
    let request = || ResetPassword { token: reset.token.clone(), new: new.into() };
    let account = &world.people().account;
    let weak = ResetPassword { new: "short".into(), ..request() };
    assert_eq!(refused(account.reset_password(&visitor(), weak).await), "Invalid");
    account.reset_password(&visitor(), request()).await.expect("once");
    assert_eq!(refused(account.reset_password(&visitor(), request()).await), "Invalid", "only once");
    let ended = world.people().sign_in.refresh(&visitor(), refresh(&before.refresh)).await;
    assert_eq!(refused(ended), "SessionOver");
    world.people().sign_in.login(&visitor(), login("ann", new)).await.expect("the new one");

    let late = world.people().users.reset_password(&world.test.admin, &ann.id).await.expect("the key may");
    world.test.clock.advance(24 * 60 * 60 * 1000);
    let request = ResetPassword { token: late.token, new: PASSWORD.into() };
    assert_eq!(refused(account.reset_password(&visitor(), request).await), "Invalid", "too late");
}
