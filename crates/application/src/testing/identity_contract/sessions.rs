//! The contract of [`Sessions`](crate::ports::identity::Sessions) except for rotation.

use super::{Stores, at, digest, hash, refusal, session_id, together, user_id};
use crate::ports::identity::{ClientInfo, NETWORKS_MAX, NewSession, Session, Shown};
use domain::SessionId;

/// The idle end and the final end of sessions in these checks, in milliseconds after they were opened.
pub(super) const IDLE_MS: i64 = 30_000;
pub(super) const LIFE_MS: i64 = 100_000;

/// Runs all checks of this port except those of [`super::rotation`].
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_opened_and_listed(&open().await).await;
    check_networks(&open().await).await;
    check_room_is_made(&open().await).await;
    check_room_under_haste(&open().await).await;
    check_what_was_shown_must_hold(&open().await).await;
    check_a_change_while_one_is_opened(open).await;
    check_ending(&open().await).await;
    check_pruning(&open().await).await;
}

pub(super) fn client() -> ClientInfo {
    ClientInfo { address: "192.0.2.1".into(), user_agent: "test".into(), device: "laptop".into() }
}

/// A session of a user opened at `ms`, with the refresh token `<name>-0`; at most three for each user.
pub(super) fn new_session(name: &str, user: &str, ms: i64) -> NewSession {
    NewSession {
        session: Session {
            id: session_id(name),
            user: user_id(user),
            client: client(),
            method: "password".into(),
            created_at: at(ms),
            used_at: at(ms),
            idle_at: at(ms + IDLE_MS),
            ends_at: at(ms + LIFE_MS),
        },
        shown: Shown::default(),
        refresh: digest(&format!("{name}-0")),
        sessions_max: 3,
        networks: Vec::new(),
    }
}

async fn ids(stores: &Stores, ms: i64) -> Vec<SessionId> {
    let live = stores.sessions.list(&user_id("ada"), at(ms)).await.expect("a list");
    live.into_iter().map(|session| session.id).collect()
}

async fn check_networks(stores: &Stores) {
    stores.person("ada").await;
    stores.person("bob").await;
    let open = async |name: &str, user: &str, networks: &[&str], ms: i64| {
        let networks = networks.iter().map(|network| (*network).to_owned()).collect();
        let new = NewSession { networks, sessions_max: 100, ..new_session(name, user, ms) };
        stores.sessions.open(&new).await.expect("opened");
    };
    let known = async |user: &str, since: i64| {
        let mut known = stores.sessions.networks(&user_id(user), at(since)).await.expect("a list");
        known.sort();
        known
    };
    open("s1", "ada", &["a", "b"], 0).await;
    open("s2", "ada", &["b", "c"], 5).await;
    assert_eq!(known("ada", 0).await, ["a", "b", "c"]);
    assert_eq!(known("ada", 1).await, ["b", "c"], "the last sign-in counts");
    assert!(known("bob", 0).await.is_empty());
    stores.sessions.end(&user_id("ada"), &session_id("s2")).await.expect("ended");
    assert_eq!(known("ada", 1).await, ["b", "c"], "also when the session is over");
    for n in 0..NETWORKS_MAX {
        open(&format!("t{n}"), "ada", &[&format!("n{n:02}")], 10).await;
    }
    let all = known("ada", 0).await;
    assert_eq!(all.len(), NETWORKS_MAX as usize);
    assert!(!all.contains(&"c".to_owned()), "the oldest made room");
}

async fn check_opened_and_listed(stores: &Stores) {
    stores.person("ada").await;
    let first = new_session("s1", "ada", 0);
    assert!(stores.sessions.open(&first).await.expect("opened").is_empty(), "nothing had to make room");
    stores.sessions.open(&new_session("s2", "ada", 5)).await.expect("opened");
    stores.expect_raised("opening", &[]).await;
    assert_eq!(ids(stores, 6).await, ["s2", "s1"].map(session_id), "the newest first");
    assert_eq!(stores.sessions.list(&user_id("ada"), at(6)).await.expect("a list")[1], first.session);
    assert_eq!(ids(stores, IDLE_MS).await, [session_id("s2")], "the first was not refreshed in time");
    assert!(stores.sessions.is_live(&session_id("s1"), at(IDLE_MS - 1)).await.expect("a read"));
    assert!(!stores.sessions.is_live(&session_id("s1"), at(IDLE_MS)).await.expect("a read"));
    assert!(!stores.sessions.is_live(&session_id("none"), at(0)).await.expect("a read"));
    assert_eq!(refusal(stores.sessions.open(&new_session("s3", "nobody", 0)).await), "missing user");
}

async fn check_room_is_made(stores: &Stores) {
    let ada = stores.person("ada").await;
    for (name, ms) in [("s1", 0), ("s2", 1), ("s3", 2)] {
        stores.sessions.open(&new_session(name, "ada", ms)).await.expect("opened");
    }
    // The first session is refreshed, so the second is the least recently used.
    super::rotation::use_token(stores, "s1", 0, 3).await;
    let ended = stores.sessions.open(&new_session("s4", "ada", 4)).await.expect("opened");
    assert_eq!(ended, [session_id("s2")]);
    stores.expect_raised("making room", &[&ada]).await;
    assert_eq!(ids(stores, 5).await, ["s4", "s3", "s1"].map(session_id));
    let fewer = NewSession { sessions_max: 1, ..new_session("s5", "ada", 6) };
    let mut ended = stores.sessions.open(&fewer).await.expect("opened");
    ended.sort();
    assert_eq!(ended, ["s1", "s3", "s4"].map(session_id), "a smaller limit ends more");
    // Ended sessions do not count.
    stores.drain().await;
    let later = NewSession { sessions_max: 1, ..new_session("s6", "ada", 2 * LIFE_MS) };
    assert!(stores.sessions.open(&later).await.expect("opened").is_empty());
    stores.expect_raised("no room had to be made", &[]).await;
}

async fn check_room_under_haste(stores: &Stores) {
    stores.person("ada").await;
    let all = together((0..10).map(|n| {
        let new = new_session(&format!("s{n}"), "ada", n);
        async move { stores.sessions.open(&new).await }
    }));
    assert!(all.await.iter().all(Result::is_ok));
    assert_eq!(ids(stores, 20).await.len(), 3, "many at once do not get more");
}

/// A session `name` of `ada`, opened with the stored password hash `password`.
fn shown(name: &str, password: &str, second_factor: bool) -> NewSession {
    let shown = Shown { password: Some(hash(password)), second_factor };
    NewSession { shown, ..new_session(name, "ada", 0) }
}

async fn check_what_was_shown_must_hold(stores: &Stores) {
    let ada = stores.person("ada").await;
    stores.sessions.open(&shown("s1", "ada", false)).await.expect("the kept password");
    let other = stores.sessions.open(&shown("s2", "other", false)).await;
    assert_eq!(refusal(other), "missing proof", "another password is kept");
    stores.factors.begin(&ada, b"sealed", at(0)).await.expect("begun");
    stores.sessions.open(&shown("s3", "ada", false)).await.expect("it is not confirmed yet");
    assert!(stores.factors.confirm(&ada, 1, &[], None).await.expect("confirmed"));
    let without = stores.sessions.open(&shown("s4", "ada", false)).await;
    assert_eq!(refusal(without), "missing proof", "the second factor was not shown");
    let external = stores.sessions.open(&new_session("s5", "ada", 0)).await;
    assert_eq!(refusal(external), "missing proof", "whatever the first step was");
    let other = stores.sessions.open(&shown("s6", "other", true)).await;
    assert_eq!(refusal(other), "missing proof", "the second factor does not stand in for the password");
    assert!(ids(stores, 1).await.is_empty(), "nothing was opened");
    stores.sessions.open(&shown("s7", "ada", true)).await.expect("both were shown");
}

async fn check_a_change_while_one_is_opened(open: &impl AsyncFn() -> Stores) {
    for round in 0..5 {
        let stores = &open().await;
        let ada = stores.person("ada").await;
        stores.factors.begin(&ada, b"sealed", at(0)).await.expect("begun");
        let (old, new) = (hash("ada"), hash("new"));
        let opened = together((0..3).map(|n| {
            let new = shown(&format!("s{n}"), "ada", false);
            async move { stores.sessions.open(&new).await }
        }));
        let changed = async {
            if round % 2 == 0 {
                stores.users.set_password(&ada, Some(&old), &new, Some(None), at(1)).await
            } else {
                stores.factors.confirm(&ada, 1, &[], None).await
            }
        };
        let (changed, _) = futures::join!(changed, opened);
        assert!(changed.expect("changed"));
        assert!(ids(stores, 2).await.is_empty(), "opened before and ended, or not opened");
    }
}

async fn check_ending(stores: &Stores) {
    let ada = stores.person("ada").await;
    stores.person("eve").await;
    for name in ["s1", "s2", "s3"] {
        stores.sessions.open(&new_session(name, "ada", 0)).await.expect("opened");
    }
    let others = stores.sessions.end(&user_id("eve"), &session_id("s1")).await.expect("not hers");
    assert!(!others, "nobody ends the session of another");
    assert!(stores.sessions.end(&ada, &session_id("s1")).await.expect("ended"));
    stores.expect_raised("ending one", &[&ada]).await;
    assert!(!stores.sessions.end(&ada, &session_id("s1")).await.expect("not there"));
    assert!(!stores.sessions.is_live(&session_id("s1"), at(1)).await.expect("a read"));
    assert_eq!(stores.sessions.end_all(&ada, Some(&session_id("s2"))).await.expect("ended"), 1);
    stores.expect_raised("ending the others", &[&ada]).await;
    assert_eq!(ids(stores, 1).await, [session_id("s2")]);
    assert_eq!(stores.sessions.end_all(&ada, None).await.expect("ended"), 1);
    stores.drain().await;
    assert_eq!(stores.sessions.end_all(&ada, None).await.expect("nothing left"), 0);
    stores.expect_raised("ending nothing", &[]).await;
}

async fn check_pruning(stores: &Stores) {
    stores.person("ada").await;
    for (name, ms) in [("s1", 0), ("s2", 1), ("s3", 2)] {
        stores.sessions.open(&new_session(name, "ada", ms)).await.expect("opened");
    }
    assert_eq!(stores.sessions.prune(at(IDLE_MS), 10).await.expect("pruned"), 0, "none is over before that");
    assert_eq!(stores.sessions.prune(at(IDLE_MS + 2), 1).await.expect("pruned"), 1, "no more than asked for");
    assert_eq!(stores.sessions.prune(at(IDLE_MS + 2), 10).await.expect("pruned"), 1);
    assert_eq!(ids(stores, 3).await, [session_id("s3")]);
    stores.expect_raised("forgetting what is over", &[]).await;
}
