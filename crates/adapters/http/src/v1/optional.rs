//! Optional parts of a response, from the identity database. Without them the response is still correct.

use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for an optional part. A database that does not respond must not delay requests for replicated state.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// Waits for an optional part; `None` if it is not there after [`WAIT_MAX`].
pub(super) async fn optional<T>(part: impl Future<Output = T>) -> Option<T> {
    timeout(WAIT_MAX, part).await.ok()
}
