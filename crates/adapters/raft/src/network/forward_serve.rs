//! Serves the proposals that a peer forwards on one stream.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tonic::Streaming;

use super::{FORWARD_IN_FLIGHT_MAX, PeerHandler, ProposeError};
use crate::codec::proto;

/// Proposes all requests concurrently, up to the limit, and sends the outcomes as they arrive.
pub(super) async fn serve_forwards(
    mut requests: Streaming<proto::ForwardRequest>,
    handler: Arc<dyn PeerHandler>,
    replies: mpsc::Sender<proto::ForwardReply>,
) {
    let permits = Arc::new(Semaphore::new(FORWARD_IN_FLIGHT_MAX));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let Ok(Some(request)) = requests.message().await else {
            return;
        };
        let (handler, replies) = (handler.clone(), replies.clone());
        tokio::spawn(async move {
            let outcome = outcome(handler.propose(request.payload).await);
            let reply = proto::ForwardReply { id: request.id, outcome: Some(outcome) };
            // The receiver is gone if the stream is broken.
            drop(replies.send(reply).await);
            drop(permit);
        });
    }
}

fn outcome(proposed: Result<Bytes, ProposeError>) -> proto::forward_reply::Outcome {
    use proto::forward_failure::Kind;
    use proto::forward_reply::Outcome;

    let (kind, message) = match proposed {
        Ok(reply) => return Outcome::Reply(reply),
        Err(ProposeError::NotProposed(why)) => (Kind::NotProposed, why),
        Err(ProposeError::Unknown(why)) => (Kind::Unknown, why),
        Err(ProposeError::Refused(why)) => (Kind::Refused, why),
        Err(error @ ProposeError::DiskFull) => (Kind::DiskFull, error.to_string()),
    };
    Outcome::Failure(proto::ForwardFailure { kind: kind.into(), message })
}
