//! Joining an existing cluster: a new node waits for a request and never forms a cluster by itself.
//!
//! The leader sends the request before it makes the node a member. So a new node that is already a member has
//! lost its disk.

use super::Shared;
use super::identity::Identity;
use super::lifecycle::LostDisk;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The interval between checks of the members.
const INTERVAL: Duration = Duration::from_millis(250);
/// Time limit for their answers.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// The channel for the result of the leader's join request.
pub(super) type Invitation = oneshot::Sender<Result<(), String>>;

/// The id belonged to a removed member.
#[derive(Debug, thiserror::Error)]
#[error(
    "this node's id was removed from the cluster, as member {0} says, and is never used again: use a new id"
)]
struct RemovedId(u64);

/// Waits for the leader's join request, and then participates permanently.
pub(super) async fn wait_to_join(
    shared: &Shared,
    identity: &mut Identity,
    declared: &[u64],
    invitations: &mut mpsc::Receiver<Invitation>,
) -> io::Result<()> {
    tracing::info!("this node is new and waits to be added to the cluster");
    loop {
        check_new(shared, declared).await?;
        let invited = tokio::select! {
            invited = invitations.recv() => invited,
            () = tokio::time::sleep(INTERVAL) => continue,
        };
        let Some(answer) = invited else { continue };
        if let Err(error) = check_new(shared, declared).await {
            // The leader may be gone; this node logs the reason, too.
            let _gone = answer.send(Err(error.to_string()));
            return Err(error);
        }
        identity.make_ready()?;
        shared.joining.store(false, Ordering::Release);
        shared.ready.store(true, Ordering::Release);
        tracing::info!("this node was asked to join, and takes part");
        let _gone = answer.send(Ok(()));
        return Ok(());
    }
}

/// Fails if a member already knows this node, although it is new.
async fn check_new(shared: &Shared, declared: &[u64]) -> io::Result<()> {
    let deadline = Instant::now() + LOOK_TIMEOUT;
    let others = declared.iter().copied().filter(|id| *id != shared.node_id);
    let answers = futures::future::join_all(
        others.map(|id| async move { (id, shared.peers.status(id, deadline).await.ok()) }),
    );
    for (id, status) in answers.await {
        match status {
            Some(status) if status.asker_was_removed => return Err(io::Error::other(RemovedId(id))),
            Some(status) if status.asker_is_member => return Err(io::Error::other(LostDisk(id))),
            _ => {}
        }
    }
    Ok(())
}
