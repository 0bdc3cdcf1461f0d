//! Forwards proposals to a peer on one stream, many in flight, with responses in any order. A proposal that
//! was sent on a broken stream has an unknown outcome and is never sent again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::channel::Client;
use super::{FORWARD_IN_FLIGHT_MAX, ForwardError};
use crate::codec::proto;

type Answer = Result<Bytes, ForwardError>;

/// The forwarding client for one peer.
#[derive(Debug)]
pub(super) struct ForwardClient {
    client: Client,
    stream: tokio::sync::Mutex<Option<ForwardStream>>,
    permits: Semaphore,
    next_id: AtomicU64,
}

/// An open stream.
#[derive(Clone, Debug)]
struct ForwardStream {
    requests: mpsc::Sender<proto::ForwardRequest>,
    waiting: Arc<Waiting>,
}

/// The pending proposals by id; `None` once the stream has ended.
#[derive(Debug)]
struct Waiting(Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>);

impl ForwardClient {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            stream: tokio::sync::Mutex::new(None),
            permits: Semaphore::new(FORWARD_IN_FLIGHT_MAX),
            next_id: AtomicU64::new(0),
        }
    }

    /// Sends a proposal and waits for its outcome.
    pub(super) async fn forward(&self, payload: Bytes, deadline: Instant) -> Answer {
        let prepared = timeout_at(deadline, async {
            let permit =
                self.permits.acquire().await.map_err(|closed| {
                    ForwardError::not_sent("forwarding has stopped", Some(closed.into()))
                })?;
            Ok((permit, self.stream().await?))
        });
        let Ok(prepared) = prepared.await else {
            return Err(ForwardError::not_sent("no connection in time", None));
        };
        let (_permit, stream) = prepared?;

        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        let Some(_registered) = stream.waiting.register(id, answer) else {
            return Err(ForwardError::not_sent("the connection has just broken", None));
        };
        let request = proto::ForwardRequest { id, payload };
        match timeout_at(deadline, stream.requests.send(request)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                return Err(ForwardError::not_sent("the connection has just broken", None));
            }
            Err(_) => return Err(ForwardError::not_sent("the connection is too slow", None)),
        }
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ForwardError::unknown("the connection broke", None)),
            Err(_) => Err(ForwardError::unknown("no answer in time", None)),
        }
    }

    /// The open stream, or a new one.
    async fn stream(&self) -> Result<ForwardStream, ForwardError> {
        let mut open = self.stream.lock().await;
        if let Some(stream) = open.as_ref()
            && stream.is_open()
        {
            return Ok(stream.clone());
        }
        let (requests, outgoing) = mpsc::channel(FORWARD_IN_FLIGHT_MAX);
        let mut client = self.client.clone();
        let opened = client.forward(ReceiverStream::new(outgoing)).await;
        // Nothing was sent on the stream yet, so a failure here means that nothing was proposed.
        let replies = opened
            .map_err(|status| ForwardError::not_sent("the leader cannot be reached", Some(status.into())))?;
        let waiting = Arc::new(Waiting(Mutex::new(Some(HashMap::new()))));
        tokio::spawn(read_replies(replies.into_inner(), waiting.clone()));
        let stream = ForwardStream { requests, waiting };
        *open = Some(stream.clone());
        Ok(stream)
    }
}

impl ForwardStream {
    fn is_open(&self) -> bool {
        !self.requests.is_closed() && self.waiting.lock().is_some()
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Answer>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(self: &Arc<Self>, id: u64, answer: oneshot::Sender<Answer>) -> Option<Registered> {
        self.lock().as_mut()?.insert(id, answer);
        let waiting = self.clone();
        Some(Registered { id, waiting })
    }
}

/// Removes a pending proposal when its caller stops waiting.
struct Registered {
    id: u64,
    waiting: Arc<Waiting>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.lock().as_mut() {
            waiting.remove(&self.id);
        }
    }
}

async fn read_replies(mut replies: Streaming<proto::ForwardReply>, waiting: Arc<Waiting>) {
    let end: Option<Status> = loop {
        match replies.message().await {
            Ok(Some(reply)) => {
                let caller = waiting.lock().as_mut().and_then(|all| all.remove(&reply.id));
                if let Some(caller) = caller {
                    // The caller may have stopped waiting.
                    drop(caller.send(outcome(reply.outcome)));
                }
            }
            Ok(None) => break None,
            Err(status) => break Some(status),
        }
    };
    let abandoned = waiting.lock().take();
    for caller in abandoned.into_iter().flat_map(HashMap::into_values) {
        let cause = end.clone().map(Into::into);
        drop(caller.send(Err(ForwardError::unknown("the connection broke", cause))));
    }
}

fn outcome(outcome: Option<proto::forward_reply::Outcome>) -> Answer {
    use proto::forward_failure::Kind;
    use proto::forward_reply::Outcome;

    match outcome {
        Some(Outcome::Reply(reply)) => Ok(reply),
        Some(Outcome::Failure(failure)) => Err(match failure.kind() {
            Kind::NotProposed => ForwardError::not_sent(failure.message, None),
            Kind::Refused => ForwardError::Refused { why: failure.message },
            Kind::DiskFull => ForwardError::DiskFull,
            Kind::Unknown | Kind::Unspecified => ForwardError::unknown(failure.message, None),
        }),
        None => Err(ForwardError::unknown("the leader's answer is empty", None)),
    }
}
