//! Streaming of export files, with bounds on number, duration and slow clients.
//!
//! A response body is polled only when the client reads. A separate task therefore generates the parts and
//! holds the slot, so that the slot is released even if the client stops reading.

use super::shares::{Share, Shares};
use crate::problem::{Code, Problem};
use axum::body::Body;
use bytes::Bytes;
use domain::{Actor, ProjectName};
use futures::{Stream, StreamExt};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Maximum number of concurrent files per node; further requests are refused.
const SENT_AT_ONCE_MAX: usize = 8;
/// Maximum number per principal.
const SENT_TO_ONE_MAX: usize = 2;
/// Maximum number per project.
const SENT_OF_PROJECT_MAX: usize = 2;
/// Maximum time for the client to read a part.
const UNTAKEN_MAX: Duration = Duration::from_secs(30);
/// Maximum duration of a file.
const WHOLE_MAX: Duration = Duration::from_mins(30);
/// Maximum size of a part, in bytes, which a client must read within [`UNTAKEN_MAX`].
const PART_BYTES_MAX: usize = 64 * 1024;
/// Number of buffered parts.
const PARTS_WAITING_MAX: usize = 1;

/// The files being sent by this node.
pub(crate) struct Sending {
    places: Arc<Semaphore>,
    actors: Shares<Actor>,
    projects: Shares<ProjectName>,
}

/// A slot for one file, released on drop.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _actor: Share<Actor>,
    _project: Option<Share<ProjectName>>,
}

/// A part of the body. A body without a final `End` is aborted.
enum Part {
    Bytes(Bytes),
    End,
}

impl Sending {
    pub(crate) fn new() -> Self {
        let places = Arc::new(Semaphore::new(SENT_AT_ONCE_MAX));
        Self { places, actors: Shares::default(), projects: Shares::default() }
    }

    /// Takes a slot for a file, or refuses. Call it after the caller is authorised.
    pub(super) fn enter(&self, actor: &Actor) -> Result<Place, Problem> {
        let own = self.actors.take(actor, SENT_TO_ONE_MAX).ok_or_else(|| {
            let detail =
                format!("you are being sent {SENT_TO_ONE_MAX} exports by this node; wait for one to end");
            Problem::new(Code::Overloaded, detail)
        })?;
        let permit = self
            .places
            .clone()
            .try_acquire_owned()
            .map_err(|_| Problem::new(Code::Overloaded, "this node sends as many exports as it can"))?;
        Ok(Place { _permit: permit, _actor: own, _project: None })
    }

    /// Takes a slot for a file of a project, or refuses.
    pub(super) fn enter_project(&self, actor: &Actor, project: &ProjectName) -> Result<Place, Problem> {
        let own = self.projects.take(project, SENT_OF_PROJECT_MAX).ok_or_else(|| {
            let detail =
                format!("this node sends {SENT_OF_PROJECT_MAX} exports of the project; wait for one to end");
            Problem::new(Code::Overloaded, detail)
        })?;
        Ok(Place { _project: Some(own), ..self.enter(actor)? })
    }
}

/// The body with these chunks, generated as fast as the client reads. It is aborted on an error of the source
/// and when the client exceeds a time limit.
pub(super) fn body(place: Place, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    let (sender, receiver) = channel(PARTS_WAITING_MAX);
    tokio::spawn(async move {
        match timeout(WHOLE_MAX, make(&sender, chunks)).await {
            Ok(Ok(true)) => {
                // Released before the client sees the end, so that it can request the next file at once.
                drop(place);
                // Fails if the client disconnected or does not read.
                let _ = sender.send_timeout(Part::End, UNTAKEN_MAX).await;
            }
            Ok(Ok(false)) => tracing::debug!("a client takes no more of an export"),
            Ok(Err(error)) => tracing::error!(%error, "an export broke off"),
            Err(_elapsed) => tracing::debug!("a client takes too long for an export"),
        }
    });
    Body::from_stream(futures::stream::try_unfold(receiver, next))
}

/// Sends all chunks in parts; returns whether the client read all of them.
async fn make(sender: &Sender<Part>, chunks: impl Stream<Item = io::Result<Bytes>>) -> io::Result<bool> {
    let mut chunks = std::pin::pin!(chunks);
    while let Some(mut chunk) = chunks.next().await.transpose()? {
        while !chunk.is_empty() {
            let part = chunk.split_to(chunk.len().min(PART_BYTES_MAX));
            if sender.send_timeout(Part::Bytes(part), UNTAKEN_MAX).await.is_err() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

async fn next(mut parts: Receiver<Part>) -> io::Result<Option<(Bytes, Receiver<Part>)>> {
    match parts.recv().await {
        Some(Part::Bytes(bytes)) => Ok(Some((bytes, parts))),
        Some(Part::End) => Ok(None),
        None => Err(io::Error::other("the export was broken off")),
    }
}
