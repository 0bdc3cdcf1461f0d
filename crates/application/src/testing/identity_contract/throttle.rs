//! The contract of [`Throttle`](crate::ports::identity::Throttle).

use super::{Stores, at, together};
use crate::ports::identity::{Attempt, PENDING_MS_MAX, ThrottleRule};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_waits_double(&open().await).await;
    check_what_is_old_is_forgotten(&open().await).await;
    check_every_key_counts(&open().await).await;
    check_success_forgets(&open().await).await;
    check_many_at_once_count_as_many(&open().await).await;
    check_pending_attempts_are_waited_for(&open().await).await;
    check_pending_attempts_that_fail_count(&open().await).await;
    check_withdrawn_attempts_do_not_count(&open().await).await;
    check_pruning(&open().await).await;
}

/// Two failures without delay; then 100 ms, 200 ms, … 1 s; failures count for 10 s.
const RULE: ThrottleRule = ThrottleRule { free: 2, delay_ms: 100, delay_max_ms: 1000, window_ms: 10_000 };

fn attempt(keys: &[&str], ms: i64) -> Attempt {
    let keys = keys.iter().map(|key| ((*key).to_owned(), RULE)).collect();
    Attempt { keys, at: at(ms), pending: false }
}

fn pending(keys: &[&str], ms: i64) -> Attempt {
    Attempt { pending: true, ..attempt(keys, ms) }
}

async fn begin(stores: &Stores, keys: &[&str], ms: i64) -> Option<i64> {
    stores.throttle.begin(&attempt(keys, ms)).await.expect("an answer")
}

async fn check_waits_double(stores: &Stores) {
    for ms in [0, 1, 2] {
        assert_eq!(begin(stores, &["k"], ms).await, None, "two are free, the third makes the next wait");
    }
    assert_eq!(begin(stores, &["k"], 2).await, Some(100));
    assert_eq!(begin(stores, &["k"], 52).await, Some(50), "to ask does not make it longer");
    assert_eq!(begin(stores, &["k"], 102).await, None);
    assert_eq!(begin(stores, &["k"], 102).await, Some(200));
    assert_eq!(begin(stores, &["k"], 302).await, None);
    assert_eq!(begin(stores, &["k"], 302).await, Some(400));
    assert_eq!(begin(stores, &["k"], 702).await, None);
    assert_eq!(begin(stores, &["k"], 702).await, Some(800));
    assert_eq!(begin(stores, &["k"], 1502).await, None);
    assert_eq!(begin(stores, &["k"], 1502).await, Some(1000), "never longer than the longest");
    assert_eq!(begin(stores, &["other"], 1502).await, None, "another key");
}

async fn check_what_is_old_is_forgotten(stores: &Stores) {
    for ms in [0, 5_000, 5_000] {
        assert_eq!(begin(stores, &["k"], ms).await, None);
    }
    assert_eq!(begin(stores, &["k"], 5_001).await, Some(99));
    // The first failure left the window, so two count, and the third has no delay.
    assert_eq!(begin(stores, &["k"], 10_000).await, None);
    assert_eq!(begin(stores, &["k"], 10_000).await, Some(100));
    assert_eq!(begin(stores, &["k"], 20_000).await, None);
    assert_eq!(begin(stores, &["k"], 20_000).await, None, "all of the others are forgotten");
}

async fn check_every_key_counts(stores: &Stores) {
    for ms in [0, 1, 2] {
        assert_eq!(begin(stores, &["name", "network"], ms).await, None);
    }
    assert_eq!(begin(stores, &["other", "network"], 3).await, Some(99), "the network must wait");
    for ms in [4, 5, 6] {
        assert_eq!(begin(stores, &["other"], ms).await, None, "what had to wait was not counted");
    }
    assert_eq!(begin(stores, &["name", "fresh"], 3).await, Some(99), "the name must wait");
    assert_eq!(begin(stores, &["name", "other"], 6).await, Some(100), "the longer wait of two");
}

async fn check_success_forgets(stores: &Stores) {
    for ms in [0, 1] {
        assert_eq!(begin(stores, &["name", "network"], ms).await, None);
    }
    let third = pending(&["name", "network"], 2);
    assert_eq!(stores.throttle.begin(&third).await.expect("an answer"), None);
    stores.throttle.succeed(&third).await.expect("forgotten");
    for ms in [3, 4, 5] {
        assert_eq!(begin(stores, &["name"], ms).await, None, "nothing counts for the first key any more");
    }
    assert_eq!(begin(stores, &["network"], 3).await, None, "one of three was taken back");
    assert_eq!(begin(stores, &["network"], 3).await, Some(100), "the other two still count");
    let same = [pending(&["name-2", "shared"], 7), pending(&["name-3", "shared"], 7)];
    for one in &same {
        assert_eq!(stores.throttle.begin(one).await.expect("an answer"), None);
    }
    stores.throttle.succeed(&same[0]).await.expect("forgotten");
    stores.throttle.fail(&same[1]).await.expect("counted");
    assert_eq!(begin(stores, &["shared"], 7).await, None);
    assert_eq!(begin(stores, &["shared"], 7).await, None);
    assert_eq!(begin(stores, &["shared"], 7).await, Some(100), "only one of the same time was taken back");
}

async fn check_many_at_once_count_as_many(stores: &Stores) {
    // The keys come in both orders, which must not deadlock.
    let all = together((0..40).map(|n| async move {
        let keys: &[&str] = if n % 2 == 0 { &["a", "b"] } else { &["b", "a"] };
        begin(stores, keys, 0).await
    }));
    let free = all.await.into_iter().filter(Option::is_none).count();
    assert_eq!(free, 3, "as many as one after the other");
}

async fn begun(stores: &Stores, attempt: &Attempt) {
    assert_eq!(stores.throttle.begin(attempt).await.expect("an answer"), None);
}

async fn check_pending_attempts_are_waited_for(stores: &Stores) {
    let first = [0, 1, 2].map(|ms| pending(&["other", "network"], ms));
    for one in &first {
        begun(stores, one).await;
    }
    // Twelve concurrent attempts while the first are pending: each waits, and none is refused.
    let others = together((0..12).map(|n| async move {
        let one = pending(&[&format!("name-{n}"), "network"], 3);
        begun(stores, &one).await;
        stores.throttle.succeed(&one).await.expect("forgotten");
    }));
    let end = async {
        for one in &first {
            stores.throttle.withdraw(one).await.expect("taken back");
        }
    };
    futures::join!(others, end);
    for ms in [3, 3, 3] {
        assert_eq!(begin(stores, &["network"], ms).await, None, "nothing is left of them");
    }
}

async fn check_pending_attempts_that_fail_count(stores: &Stores) {
    let all = [0, 1, 2].map(|ms| pending(&["k"], ms));
    for one in &all {
        begun(stores, one).await;
    }
    let waiting = async { stores.throttle.begin(&pending(&["k"], 2)).await.expect("an answer") };
    let end = async {
        for one in &all {
            stores.throttle.fail(one).await.expect("counted");
        }
    };
    let (waited, ()) = futures::join!(waiting, end);
    assert_eq!(waited, Some(100), "guesses at once are no cheaper than one after the other");
    // An attempt that is pending for too long counts as failed.
    let rule = ThrottleRule { window_ms: 10 * PENDING_MS_MAX, ..RULE };
    let long = |ms| Attempt { keys: vec![("long".to_owned(), rule)], at: at(ms), pending: true };
    for ms in [0, 1, PENDING_MS_MAX] {
        begun(stores, &long(ms)).await;
    }
    stores.throttle.fail(&long(PENDING_MS_MAX)).await.expect("counted");
    let late = stores.throttle.begin(&long(PENDING_MS_MAX + 1)).await.expect("an answer");
    assert_eq!(late, Some(99));
}

async fn check_withdrawn_attempts_do_not_count(stores: &Stores) {
    for ms in [0, 1] {
        assert_eq!(begin(stores, &["k"], ms).await, None);
    }
    for ms in 2..6 {
        let one = pending(&["k"], ms);
        begun(stores, &one).await;
        stores.throttle.withdraw(&one).await.expect("taken back");
    }
    assert_eq!(begin(stores, &["k"], 6).await, None);
    assert_eq!(begin(stores, &["k"], 6).await, Some(100), "what failed before still counts");
}

async fn check_pruning(stores: &Stores) {
    for (key, ms) in [("a", 0), ("b", 10), ("c", 20), ("again", 0), ("again", 30)] {
        begin(stores, &[key], ms).await;
    }
    assert_eq!(stores.throttle.prune(at(20), 1).await.expect("pruned"), 1, "no more than asked for");
    assert_eq!(stores.throttle.prune(at(20), 10).await.expect("pruned"), 1);
    assert_eq!(stores.throttle.prune(at(20), 10).await.expect("pruned"), 0);
    assert_eq!(stores.throttle.prune(at(21), 10).await.expect("pruned"), 1);
    begin(stores, &["again"], 31).await;
    assert_eq!(begin(stores, &["again"], 32).await, Some(99), "a key that was used since keeps its failures");
}
