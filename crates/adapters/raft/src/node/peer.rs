//! The answers of this node to its peers, other than Raft messages.

use super::propose::{LocalError, propose_here};
use super::{Shared, members};
use crate::disk;
use crate::network::{ChangeError, MembersDone, NodeStatus, PeerHandler, ProposeError};
use crate::space::Level;
use crate::store::snapshot;
use crate::type_config::Snapshot;
use async_trait::async_trait;
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;
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

    fn space(&self) -> Level {
        self.0.space.level()
    }

    async fn propose(&self, payload: Bytes) -> Result<Bytes, ProposeError> {
        let deadline = Instant::now() + super::PROPOSE_TIMEOUT;
        match propose_here(&self.0, payload, deadline).await {
            Ok(reply) => Ok(reply),
            Err(LocalError::NotProposed(why)) => Err(ProposeError::NotProposed(why)),
            Err(LocalError::Unknown(why)) => Err(ProposeError::Unknown(why)),
            Err(LocalError::DiskFull) => Err(ProposeError::DiskFull),
        }
    }

    async fn check_snapshot(&self, snapshot: &Snapshot) -> io::Result<()> {
        let (path, expected) = (snapshot.snapshot.path().to_owned(), snapshot.meta.last_log_id);
        let (space, bytes) = (self.0.space.clone(), snapshot.snapshot.bytes);
        disk::blocking(move || {
            // Installing a snapshot writes its content in addition to the existing data.
            if !space.has_room_to_spare(bytes) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            snapshot::verify_covers(&path, expected)
        })
        .await
    }

    async fn join(&self) -> Result<(), String> {
        if self.takes_part() {
            return Ok(());
        }
        if !self.0.joining.load(Ordering::Acquire) {
            return Err("this node does not wait to join".to_owned());
        }
        let (answer, answered) = oneshot::channel();
        self.0.invitations.try_send(answer).map_err(|_| "this node is being asked already".to_owned())?;
        answered.await.unwrap_or_else(|_| Err("this node stops".to_owned()))
    }

    async fn change_members(&self, command: Bytes) -> Result<MembersDone, ChangeError> {
        if !self.takes_part() {
            return Err(ChangeError::NotDone("this node does not take part".to_owned()));
        }
        members::change_here(self.0.clone(), command).await
    }

    async fn hand_over(&self, to: Option<u64>) -> Result<MembersDone, ChangeError> {
        members::hand_over_here(&self.0, to).await
    }

    fn was_removed(&self, node: u64) -> bool {
        let retired =
            domain::MemberId::new(node).is_ok_and(|id| self.0.store.published().state.is_retired_member(id));
        retired && !self.0.is_member(node)
    }

    async fn status(&self, asker: u64) -> NodeStatus {
        let published = self.0.store.published();
        NodeStatus {
            node_id: self.0.node_id,
            applied_index: published.marker.applied.map_or(0, |log_id| log_id.index),
            revision: published.state.revision().0,
            audit_head: Bytes::copy_from_slice(&published.state.header().audit_head.0),
            api_url: self.0.api_url.clone(),
            takes_part: self.takes_part(),
            initialized: self.0.is_initialized(),
            asker_is_member: self.0.is_member(asker),
            asker_was_removed: self.was_removed(asker),
            joining: self.0.joining.load(Ordering::Acquire),
        }
    }
}
