//! Work that blocks for the disk.

use std::io;

/// Runs `work` where it may block. A simulation has one thread, so there it runs at once.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    #[cfg(feature = "simulation")]
    if planted::runs_in_place() {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
