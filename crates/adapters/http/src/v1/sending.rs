//! Files that are made while they are sent: how many at a time, how long, and what becomes of a client that stops
//! reading.
//!
//! A body is only asked for its next part when the client reads, so a task of its own makes the parts and has the
//! place: it ends whether or not anybody reads.

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

/// Most files that a node sends at a time; more are told to come later.
const SENT_AT_ONCE_MAX: usize = 8;
/// Most of them that one principal is sent.
const SENT_TO_ONE_MAX: usize = 2;
/// Most of them that are of one project.
const SENT_OF_PROJECT_MAX: usize = 2;
/// How long a client may leave a part untaken.
const UNTAKEN_MAX: Duration = Duration::from_secs(30);
/// How long all of a file may take.
const WHOLE_MAX: Duration = Duration::from_mins(30);
/// Largest part, in bytes: what a slow client must take within [`UNTAKEN_MAX`].
const PART_BYTES_MAX: usize = 64 * 1024;
/// How many parts wait for the client.
const PARTS_WAITING_MAX: usize = 1;

/// The files that this node is sending.
pub(crate) struct Sending {
    places: Arc<Semaphore>,
    actors: Shares<Actor>,
    projects: Shares<ProjectName>,
}

/// The right to be sent one; given back when it is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _actor: Share<Actor>,
    _project: Option<Share<ProjectName>>,
}

/// What the body is made of. A body that ends otherwise than with its end is broken off.
enum Part {
    Bytes(Bytes),
    End,
}

impl Sending {
    pub(crate) fn new() -> Self {
        let places = Arc::new(Semaphore::new(SENT_AT_ONCE_MAX));
        Self { places, actors: Shares::default(), projects: Shares::default() }
    }

    /// Takes a place for one more file, or says that there is none. To be asked once the caller is found to be
    /// allowed to have the file.
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

    /// The same for a file of a project.
    pub(super) fn enter_project(&self, actor: &Actor, project: &ProjectName) -> Result<Place, Problem> {
        let own = self.projects.take(project, SENT_OF_PROJECT_MAX).ok_or_else(|| {
            let detail =
                format!("this node sends {SENT_OF_PROJECT_MAX} exports of the project; wait for one to end");
            Problem::new(Code::Overloaded, detail)
        })?;
        Ok(Place { _project: Some(own), ..self.enter(actor)? })
    }
}

/// The body of these chunks, made as fast as the client takes them. A failure under way breaks it off, and so does a
/// client that takes nothing, or too long.
pub(super) fn body(place: Place, chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    let (sender, receiver) = channel(PARTS_WAITING_MAX);
    tokio::spawn(async move {
        match timeout(WHOLE_MAX, make(&sender, chunks)).await {
            Ok(Ok(true)) => {
                // Before the client sees the end, so that it may ask for the next at once.
                drop(place);
                // Whoever went away or takes nothing does not see it.
                let _ = sender.send_timeout(Part::End, UNTAKEN_MAX).await;
            }
            Ok(Ok(false)) => tracing::debug!("a client takes no more of an export"),
            Ok(Err(error)) => tracing::error!(%error, "an export broke off"),
            Err(_elapsed) => tracing::debug!("a client takes too long for an export"),
        }
    });
    Body::from_stream(futures::stream::try_unfold(receiver, next))
}

/// Hands on every chunk in parts; whether the client took all of them.
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
