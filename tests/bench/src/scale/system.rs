//! What the growing needs of a system: one node of it, and a client that creates many configs and puts one.

use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

use super::server::{End, Server, disk_bytes};
use crate::cluster::{Client, System};

/// How long a node may take until it answers.
const ANSWERS_WITHIN: Duration = Duration::from_mins(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// A client that also creates.
pub trait Creator: Client {
    /// Creates the configs of `keys` with one write.
    fn create(&mut self, keys: Range<usize>) -> impl Future<Output = Result<()>> + Send;
}

/// One node with its data.
pub trait Node {
    type Client: Creator;

    const SYSTEM: System;

    /// The node's process.
    fn server(&self) -> &Server;
    fn server_mut(&mut self) -> &mut Server;
    /// Where the node keeps everything.
    fn folder(&self) -> &std::path::Path;
    /// Opens a connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Client>>;
    /// Whether the node says that it is ready.
    fn ready(&self) -> impl Future<Output = Result<()>>;
    /// Reads the config of `key`, linearizably.
    fn read(&self, key: usize) -> impl Future<Output = Result<()>>;

    /// Ends the process, starts it again, and measures from its start until it is ready and has answered a
    /// read of `key`.
    async fn restart(&mut self, end: End, key: usize) -> Result<Restart> {
        self.server_mut().end(end).await?;
        let began = Instant::now();
        self.server_mut().start_again()?;
        until(|| self.ready()).await.context("the node is not ready")?;
        let ready = began.elapsed();
        until(|| self.read(key)).await.context("the node does not answer a read")?;
        Ok(Restart { ready, read: began.elapsed() })
    }

    /// Bytes of everything that the node keeps on disk.
    fn disk_bytes(&self) -> Result<u64> {
        disk_bytes(self.folder())
    }
}

/// How long a restart took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Restart {
    pub ready: Duration,
    pub read: Duration,
}

/// Tries until it succeeds.
pub async fn until<F: Future<Output = Result<()>>>(mut attempt: impl FnMut() -> F) -> Result<()> {
    let deadline = Instant::now() + ANSWERS_WITHIN;
    loop {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(PAUSE).await,
        }
    }
}
