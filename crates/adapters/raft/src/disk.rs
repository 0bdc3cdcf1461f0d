//! Blocking disk operations.

use std::io;

/// Runs `work` on a thread that may block. A simulation runs it in place, because it has one thread.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    #[cfg(feature = "simulation")]
    if planted::runs_in_place() {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
