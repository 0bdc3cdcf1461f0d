//! Tests of hashing and verifying passwords.

use super::*;
use crate::secrets::test_support::secrets_of;
use std::time::Duration;
use tokio::time::Instant;

fn peppers(ids: &[&str]) -> Peppers {
    secrets_of(ids).peppers
}

fn hasher(cost: u32, ids: &[&str]) -> BcryptHasher {
    BcryptHasher::new(cost, peppers(ids), 2)
}

async fn check(hasher: &BcryptHasher, password: &str, kept: Option<&PasswordHash>) -> PasswordVerdict {
    hasher.check(&password.into(), kept).await.expect("there is room")
}

#[tokio::test]
async fn a_password_is_right_and_another_is_not() {
    let hasher = hasher(10, &["a"]);
    let kept = hasher.hash(&"correct horse".into()).await.expect("room");
    assert!(kept.0.starts_with("bcrypt-hmac-sha384:a:$2b$10$"), "{}", kept.0);
    assert_eq!(check(&hasher, "correct horse", Some(&kept)).await, PasswordVerdict::Right);
    assert_eq!(check(&hasher, "correct horsf", Some(&kept)).await, PasswordVerdict::Wrong);
    assert_eq!(check(&hasher, "", Some(&kept)).await, PasswordVerdict::Wrong);
    assert_eq!(check(&hasher, "correct horse", None).await, PasswordVerdict::Wrong);
    let again = hasher.hash(&"correct horse".into()).await.expect("room");
    assert_ne!(kept, again, "each has its own salt");
}

/// bcrypt alone would treat these passwords as equal: it stops after 72 bytes, and at a NUL.
#[tokio::test]
async fn nothing_is_cut_off() {
    let hasher = hasher(10, &["a"]);
    let long = "x".repeat(200);
    let kept = hasher.hash(&format!("{long}a").into()).await.expect("room");
    assert_eq!(check(&hasher, &format!("{long}a"), Some(&kept)).await, PasswordVerdict::Right);
    assert_eq!(check(&hasher, &format!("{long}b"), Some(&kept)).await, PasswordVerdict::Wrong);
    let kept = hasher.hash(&"before\0after".into()).await.expect("room");
    assert_eq!(check(&hasher, "before\0other", Some(&kept)).await, PasswordVerdict::Wrong);
}

#[tokio::test]
async fn one_password_typed_in_two_ways_is_the_same() {
    let hasher = hasher(10, &["a"]);
    let kept = hasher.hash(&"Stra\u{df}e caf\u{e9} \u{fb01}".into()).await.expect("room");
    let verdict = check(&hasher, "Stra\u{df}e cafe\u{301} fi", Some(&kept)).await;
    assert_eq!(verdict, PasswordVerdict::Right);
}

#[tokio::test]
async fn older_costs_and_peppers_are_right_but_old() {
    let old = hasher(10, &["a"]);
    let kept = old.hash(&"correct horse".into()).await.expect("room");
    let other_pepper = hasher(10, &["a", "b"]);
    assert_eq!(check(&other_pepper, "correct horse", Some(&kept)).await, PasswordVerdict::RightButOld);
    assert_eq!(check(&other_pepper, "wrong horse", Some(&kept)).await, PasswordVerdict::Wrong);
    let other_cost = hasher(11, &["a"]);
    assert_eq!(check(&other_cost, "correct horse", Some(&kept)).await, PasswordVerdict::RightButOld);
    let anew = other_pepper.hash(&"correct horse".into()).await.expect("room");
    assert_eq!(check(&other_pepper, "correct horse", Some(&anew)).await, PasswordVerdict::Right);
    // Without its pepper the password is wrong.
    let without = hasher(10, &["b"]);
    assert_eq!(check(&without, "correct horse", Some(&kept)).await, PasswordVerdict::Wrong);
    let forged = PasswordHash(kept.0.replace(":a:", ":b:"));
    assert_eq!(check(&other_pepper, "correct horse", Some(&forged)).await, PasswordVerdict::Wrong);
}

#[tokio::test]
async fn what_is_no_hash_is_wrong() {
    let hasher = hasher(10, &["a"]);
    let kept = hasher.hash(&"correct horse".into()).await.expect("room");
    let bcrypt = kept.0.rsplit(':').next().expect("a part").to_owned();
    let costly = kept.0.replace("$10$", "$31$");
    for text in ["", "x", "a:b:c", &bcrypt, &format!("bcrypt:a:{bcrypt}"), &costly] {
        let verdict = check(&hasher, "correct horse", Some(&PasswordHash(text.to_owned()))).await;
        assert_eq!(verdict, PasswordVerdict::Wrong, "{text}");
    }
}

#[tokio::test]
async fn nobody_takes_as_many_rounds_as_somebody() {
    let hasher = hasher(11, &["a"]);
    let kept = hasher.hash(&"correct horse".into()).await.expect("room").0;
    let older = BcryptHasher::new(10, hasher.peppers.clone(), 1);
    let old = older.hash(&"correct horse".into()).await.expect("room").0;
    let oldest = kept.replace("$11$", "$04$");
    let lost = kept.replace(":a:", ":lost:");
    for kept in [None, Some(&kept), Some(&old), Some(&oldest), Some(&lost), Some(&"?".to_owned())] {
        for password in ["correct horse", "wrong horse", &"x".repeat(10_000)] {
            let (_, rounds) = verdict(&hasher.peppers, 11, password, kept.map(String::as_str));
            assert_eq!(rounds, 1 << 11, "{kept:?} {password:.20}");
        }
    }
}

/// By wall time, on a machine that is quiet enough: an unknown user takes as long as a known one.
#[tokio::test]
async fn nobody_takes_as_long_as_somebody() {
    let hasher = hasher(11, &["a"]);
    let kept = hasher.hash(&"correct horse".into()).await.expect("room");
    let mut ratios = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        check(&hasher, "wrong horse", Some(&kept)).await;
        let somebody = begun.elapsed();
        check(&hasher, "wrong horse", None).await;
        let nobody = begun.elapsed().saturating_sub(somebody);
        let ratio = nobody.as_secs_f64() / somebody.as_secs_f64();
        if (0.9..1.1).contains(&ratio) {
            return;
        }
        ratios.push(ratio);
    }
    panic!("nobody took {ratios:?} of the time of somebody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_is_turned_away_at_once() {
    let hasher = BcryptHasher::new(12, peppers(&["a"]), 1);
    let storm: Vec<_> = (0..100)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.check(&"x".into(), None).await })
        })
        .collect();
    let begun = Instant::now();
    while hasher.room.available_permits() > 0 || hasher.running.available_permits() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", hasher.load());
        tokio::task::yield_now().await;
    }
    assert_eq!(hasher.load(), HashingLoad { running: 1, waiting: WAITING_MAX });
    let mut answered = 0;
    for one in storm {
        answered += usize::from(one.await.expect("no panic").is_ok());
    }
    assert_eq!(answered, 1 + WAITING_MAX, "in {:?}", begun.elapsed());
    assert!(hasher.check(&"x".into(), None).await.is_ok(), "there is room again");
    assert_eq!(hasher.load(), HashingLoad { running: 0, waiting: 0 });
}

/// A disconnected client frees no permit while its hash still runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_away_frees_no_thread() {
    let hasher = BcryptHasher::new(12, peppers(&["a"]), 1);
    let begun = {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.hash(&"x".into()).await })
    };
    while hasher.running.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    begun.abort();
    assert!(begun.await.expect_err("aborted").is_cancelled());
    assert_eq!(hasher.running.available_permits(), 0);
    let deadline = Instant::now() + Duration::from_secs(20);
    while hasher.running.available_permits() == 0 {
        assert!(Instant::now() < deadline, "the permit comes back when the work is done");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
