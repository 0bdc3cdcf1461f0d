//! What this node answers its peers beside Raft itself.

use super::Shared;
use super::propose::{LocalError, propose_here};
use crate::disk;
use crate::network::{NodeStatus, PeerHandler, ProposeError};
use crate::store::snapshot;
use crate::type_config::Snapshot;
use async_trait::async_trait;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

pub(super) struct Handler(pub(super) Arc<Shared>);

#[async_trait]
impl PeerHandler for Handler {
    fn takes_part(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    fn heard_from_leader(&self) {
        self.0.heard();
    }

    async fn propose(&self, payload: Bytes) -> Result<Bytes, ProposeError> {
        let deadline = Instant::now() + super::PROPOSE_TIMEOUT;
        match propose_here(&self.0, payload, deadline).await {
            Ok(reply) => Ok(reply),
            Err(LocalError::NotProposed(why)) => Err(ProposeError::NotProposed(why)),
            Err(LocalError::Unknown(why)) => Err(ProposeError::Unknown(why)),
        }
    }

    async fn check_snapshot(&self, snapshot: &Snapshot) -> io::Result<()> {
        let (path, expected) = (snapshot.snapshot.path().to_owned(), snapshot.meta.last_log_id);
        disk::blocking(move || snapshot::verify_covers(&path, expected)).await
    }

    async fn status(&self) -> NodeStatus {
        let published = self.0.store.published();
        NodeStatus {
            node_id: self.0.node_id,
            applied_index: published.marker.applied.map_or(0, |log_id| log_id.index),
            revision: published.state.revision().0,
            audit_head: Bytes::copy_from_slice(&published.state.header().audit_head.0),
            api_url: self.0.api_url.clone(),
            takes_part: self.takes_part(),
            initialized: self.0.is_initialized(),
        }
    }
}
