//! The contract of [`SecondFactors`](crate::ports::identity::SecondFactors).

use super::{Stores, at, digest, refusal, session_id, sessions, together, user_id};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_enrolment(&open().await).await;
    check_a_step_is_good_once(&open().await).await;
    check_recovery_codes_are_good_once(&open().await).await;
    check_confirming_ends_sessions(&open().await).await;
    check_removal(&open().await).await;
}

async fn confirmed(stores: &Stores, codes: &[&str]) -> domain::UserId {
    let ada = stores.person("ada").await;
    stores.factors.begin(&ada, b"sealed", at(0)).await.expect("begun");
    let codes: Vec<_> = codes.iter().map(|code| digest(code)).collect();
    assert!(stores.factors.confirm(&ada, 100, &codes, None).await.expect("confirmed"));
    ada
}

async fn check_enrolment(stores: &Stores) {
    let ada = stores.person("ada").await;
    assert!(stores.factors.get(&ada).await.expect("a read").is_none());
    assert!(!stores.factors.confirm(&ada, 1, &[], None).await.expect("nothing to confirm"));
    stores.factors.begin(&ada, b"first", at(0)).await.expect("begun");
    stores.factors.begin(&ada, b"second \x00\xff", at(1)).await.expect("begun anew");
    let kept = stores.factors.get(&ada).await.expect("a read").expect("there is one");
    assert_eq!((kept.sealed.as_slice(), kept.confirmed), (b"second \x00\xff".as_slice(), false));
    assert_eq!((kept.last_step, kept.recovery_left), (None, 0));
    assert!(!stores.factors.use_step(&ada, 5).await.expect("an answer"), "it is not confirmed");
    assert!(stores.factors.confirm(&ada, 7, &[digest("a"), digest("b")], None).await.expect("confirmed"));
    assert!(!stores.factors.confirm(&ada, 8, &[], None).await.expect("it is already"));
    let kept = stores.factors.get(&ada).await.expect("a read").expect("there is one");
    assert_eq!((kept.confirmed, kept.last_step, kept.recovery_left), (true, Some(7), 2));
    assert_eq!(refusal(stores.factors.begin(&ada, b"third", at(2)).await), "taken second_factor");
    assert_eq!(refusal(stores.factors.begin(&user_id("nobody"), b"x", at(2)).await), "missing user");
}

async fn check_a_step_is_good_once(stores: &Stores) {
    let ada = confirmed(stores, &[]).await;
    let used = async |step| stores.factors.use_step(&ada, step).await.expect("an answer");
    assert!(!used(100).await, "the step that confirmed it was used");
    assert!(used(102).await);
    assert!(!used(102).await);
    assert!(!used(101).await, "an older one");
    let many = together((0..20).map(|_| stores.factors.use_step(&ada, 103))).await;
    assert_eq!(many.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1, "one of many at once");
}

async fn check_recovery_codes_are_good_once(stores: &Stores) {
    let ada = confirmed(stores, &["a", "b", "c"]).await;
    let bob = stores.person("bob").await;
    assert!(!stores.factors.use_recovery(&ada, &digest("x")).await.expect("an answer"));
    assert!(!stores.factors.use_recovery(&bob, &digest("a")).await.expect("an answer"), "another's code");
    assert!(stores.factors.use_recovery(&ada, &digest("a")).await.expect("used"));
    assert!(!stores.factors.use_recovery(&ada, &digest("a")).await.expect("an answer"));
    let b = digest("b");
    let many = together((0..20).map(|_| stores.factors.use_recovery(&ada, &b))).await;
    assert_eq!(many.into_iter().filter(|used| matches!(used, Ok(true))).count(), 1, "one of many at once");
    let left = stores.factors.get(&ada).await.expect("a read").expect("there is one").recovery_left;
    assert_eq!(left, 1);
    stores.factors.set_recovery(&ada, &[digest("d"), digest("e")]).await.expect("others");
    assert!(!stores.factors.use_recovery(&ada, &digest("c")).await.expect("an answer"), "an old one");
    assert!(stores.factors.use_recovery(&ada, &digest("d")).await.expect("used"));
    assert_eq!(refusal(stores.factors.set_recovery(&bob, &[digest("f")]).await), "missing second_factor");
}

async fn check_confirming_ends_sessions(stores: &Stores) {
    let ada = stores.person("ada").await;
    for (name, user) in [("s1", "ada"), ("s2", "ada")] {
        stores.sessions.open(&sessions::new_session(name, user, 0)).await.expect("opened");
    }
    stores.factors.begin(&ada, b"sealed", at(0)).await.expect("begun");
    stores.expect_raised("beginning", &[]).await;
    let keep = session_id("s2");
    assert!(stores.factors.confirm(&ada, 1, &[], Some(&keep)).await.expect("confirmed"));
    stores.expect_raised("confirming", &[&ada]).await;
    let live = stores.sessions.list(&ada, at(1)).await.expect("a list");
    assert_eq!(live.into_iter().map(|session| session.id).collect::<Vec<_>>(), [keep]);
    assert!(!stores.factors.confirm(&ada, 2, &[], None).await.expect("it is already"));
    stores.expect_raised("confirming nothing", &[]).await;
}

async fn check_removal(stores: &Stores) {
    let ada = confirmed(stores, &["a"]).await;
    stores.drain().await;
    assert!(stores.factors.remove(&ada).await.expect("removed"));
    stores.expect_raised("taking the second factor away", &[&ada]).await;
    assert!(!stores.factors.remove(&ada).await.expect("not there"));
    stores.expect_raised("taking nothing away", &[]).await;
    assert!(!stores.factors.use_recovery(&ada, &digest("a")).await.expect("an answer"), "codes go with it");
    stores.factors.begin(&ada, b"anew", at(5)).await.expect("begun");
    let kept = stores.factors.get(&ada).await.expect("a read").expect("there is one");
    assert_eq!((kept.last_step, kept.recovery_left), (None, 0));
}
