//! Waiting on conditions, never on time alone.

use std::time::{Duration, Instant};

/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(25);

/// Waits until `look` gives something; panics with `what` when the deadline passes first.
pub async fn until<T>(what: &str, deadline: Duration, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(deadline, look).await.unwrap_or_else(|| panic!("{what}: not within {deadline:?}"))
}

/// Waits until `look` gives something; `None` when the deadline passes first.
pub async fn within<T>(deadline: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if since.elapsed() >= deadline {
            return None;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
