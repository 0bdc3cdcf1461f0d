//! Waiting on conditions, never on time alone.

use std::time::{Duration, Instant};

/// Pause between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(20);

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

/// The same; an error with `what` when the deadline passes.
pub async fn until<T>(
    what: &str,
    deadline: Duration,
    look: impl AsyncFnMut() -> Option<T>,
) -> anyhow::Result<T> {
    within(deadline, look).await.ok_or_else(|| anyhow::anyhow!("{what}: not within {deadline:?}"))
}
