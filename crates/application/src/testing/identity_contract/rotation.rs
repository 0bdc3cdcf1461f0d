//! The contract of [`Sessions::rotate`](crate::ports::identity::Sessions::rotate): each token is valid once,
//! and a reused token ends its session (RFC 9700 section 4.14).

use super::sessions::{IDLE_MS, LIFE_MS, client, new_session};
use super::{Stores, at, digest, session_id, together};
use crate::ports::identity::{ClientInfo, Rotate, Rotation};

const GRACE_MS: i64 = 10_000;

/// Runs all checks of rotation.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_a_chain(&open().await).await;
    check_grace(&open().await).await;
    check_after_the_grace(&open().await).await;
    check_only_the_one_before_has_grace(&open().await).await;
    check_another_client_has_no_grace(&open().await).await;
    check_fifty_at_once(&open().await).await;
    check_fifty_clients_at_once(&open().await).await;
    check_what_is_over(&open().await).await;
}

/// The use of token `n` of a session by the client that opened it.
fn presented(name: &str, n: u32, ms: i64) -> Rotate {
    Rotate {
        presented: digest(&format!("{name}-{n}")),
        successor: digest(&format!("{name}-{}", n + 1)),
        client: client(),
        at: at(ms),
        idle_at: at(ms + IDLE_MS),
        grace_ms: GRACE_MS,
    }
}

/// Uses token `n` of a session, which must be the current one.
pub(super) async fn use_token(stores: &Stores, name: &str, n: u32, ms: i64) {
    let what = stores.sessions.rotate(&presented(name, n, ms)).await.expect("rotated");
    assert!(matches!(what, Rotation::Rotated { repeated: false, .. }), "token {n}: {what:?}");
}

async fn started(stores: &Stores) {
    stores.person("ada").await;
    stores.sessions.open(&new_session("s", "ada", 0)).await.expect("opened");
}

/// The name of a result.
fn word(rotation: &Rotation) -> &'static str {
    match rotation {
        Rotation::Rotated { repeated: false, .. } => "fresh",
        Rotation::Rotated { repeated: true, .. } => "repeated",
        Rotation::Reused(_) => "reused",
        Rotation::Unknown => "unknown",
    }
}

async fn rotate(stores: &Stores, rotate: &Rotate) -> &'static str {
    word(&stores.sessions.rotate(rotate).await.expect("an answer"))
}

async fn check_a_chain(stores: &Stores) {
    started(stores).await;
    for (n, ms) in [(0, 100), (1, 200), (2, 300)] {
        let Rotation::Rotated { session, repeated: false } =
            stores.sessions.rotate(&presented("s", n, ms)).await.expect("rotated")
        else {
            panic!("token {n} is the newest");
        };
        assert_eq!((session.id, session.created_at), (session_id("s"), at(0)));
        assert_eq!(
            (session.used_at, session.idle_at, session.ends_at),
            (at(ms), at(ms + IDLE_MS), at(LIFE_MS))
        );
    }
    let listed = stores.sessions.list(&super::user_id("ada"), at(301)).await.expect("a list");
    assert_eq!((listed[0].used_at, &listed[0].client), (at(300), &client()));
    stores.expect_raised("carrying on", &[]).await;
    let never = Rotate { presented: digest("never"), ..presented("s", 3, 400) };
    assert_eq!(rotate(stores, &never).await, "unknown");
    assert_eq!(rotate(stores, &presented("s", 3, 400)).await, "fresh", "a wrong token does no harm");
}

async fn check_grace(stores: &Stores) {
    started(stores).await;
    use_token(stores, "s", 0, 100).await;
    assert_eq!(rotate(stores, &presented("s", 0, 100 + GRACE_MS - 1)).await, "repeated");
    stores.expect_raised("a repeated request", &[]).await;
    assert_eq!(rotate(stores, &presented("s", 1, 101 + GRACE_MS)).await, "fresh", "the chain goes on");
}

async fn check_after_the_grace(stores: &Stores) {
    started(stores).await;
    use_token(stores, "s", 0, 100).await;
    let Rotation::Reused(session) =
        stores.sessions.rotate(&presented("s", 0, 100 + GRACE_MS)).await.expect("an answer")
    else {
        panic!("the grace is over");
    };
    assert_eq!(session.id, session_id("s"));
    stores.expect_raised("a used token", &[&super::user_id("ada")]).await;
    assert!(!stores.sessions.is_live(&session_id("s"), at(101 + GRACE_MS)).await.expect("a read"));
    let newest = presented("s", 1, 101 + GRACE_MS);
    assert_eq!(rotate(stores, &newest).await, "unknown", "the newest token went with the session");
}

async fn check_only_the_one_before_has_grace(stores: &Stores) {
    started(stores).await;
    use_token(stores, "s", 0, 100).await;
    use_token(stores, "s", 1, 101).await;
    assert_eq!(rotate(stores, &presented("s", 0, 102)).await, "reused");
    assert_eq!(rotate(stores, &presented("s", 1, 103)).await, "unknown");
}

async fn check_another_client_has_no_grace(stores: &Stores) {
    for (name, other) in [
        ("s1", ClientInfo { address: "198.51.100.7".into(), ..client() }),
        ("s2", ClientInfo { user_agent: "other".into(), ..client() }),
    ] {
        if name == "s1" {
            stores.person("ada").await;
        }
        stores.sessions.open(&new_session(name, "ada", 0)).await.expect("opened");
        use_token(stores, name, 0, 100).await;
        let stolen = Rotate { client: other, ..presented(name, 0, 101) };
        assert_eq!(rotate(stores, &stolen).await, "reused");
    }
}

async fn check_fifty_at_once(stores: &Stores) {
    started(stores).await;
    let all = together((0..50).map(|_| async { rotate(stores, &presented("s", 0, 100)).await })).await;
    assert_eq!(all.iter().filter(|word| **word == "fresh").count(), 1, "one is the first: {all:?}");
    assert_eq!(all.iter().filter(|word| **word == "repeated").count(), 49, "{all:?}");
    stores.expect_raised("fifty of the same client", &[]).await;
    use_token(stores, "s", 1, 101).await;
}

async fn check_fifty_clients_at_once(stores: &Stores) {
    started(stores).await;
    let all = together((0..50).map(|n| async move {
        let client = ClientInfo { address: format!("192.0.2.{n}"), ..client() };
        rotate(stores, &Rotate { client, ..presented("s", 0, 100) }).await
    }));
    let all = all.await;
    let count = |expected| all.iter().filter(|word| **word == expected).count();
    assert_eq!((count("fresh"), count("reused"), count("unknown")), (1, 1, 48), "{all:?}");
    stores.expect_raised("fifty clients", &[&super::user_id("ada")]).await;
    assert_eq!(rotate(stores, &presented("s", 1, 101)).await, "unknown", "nobody goes on");
}

async fn check_what_is_over(stores: &Stores) {
    started(stores).await;
    assert_eq!(rotate(stores, &presented("s", 0, IDLE_MS)).await, "unknown", "idle for too long");
    for (n, ms) in [(0, IDLE_MS - 1), (1, 2 * IDLE_MS - 2), (2, 3 * IDLE_MS - 3)] {
        use_token(stores, "s", n, ms).await;
    }
    assert_eq!(rotate(stores, &presented("s", 3, LIFE_MS)).await, "unknown", "no session lasts longer");
    stores.sessions.open(&new_session("t", "ada", LIFE_MS)).await.expect("opened");
    stores.sessions.end(&super::user_id("ada"), &session_id("t")).await.expect("ended");
    assert_eq!(rotate(stores, &presented("t", 0, LIFE_MS + 1)).await, "unknown", "it was ended");
}
