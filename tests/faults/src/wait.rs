//! Waiting for conditions with a deadline.

use std::time::{Duration, Instant};

/// Pause between two checks of a condition.
const PAUSE: Duration = Duration::from_millis(20);

/// Polls `look` until it returns a value; `None` after the deadline.
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

/// As [`within`]; an error with `what` after the deadline.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    look: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    within(deadline, look).await.ok_or_else(|| anyhow::anyhow!("{what}: not within {deadline:?}"))
}
