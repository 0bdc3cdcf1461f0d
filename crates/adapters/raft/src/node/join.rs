//! A new machine that is to join a cluster waits to be asked, and never starts a cluster by itself.
//!
//! The leader asks before it makes the machine a member. So a machine that is new although the members know
//! it has lost its disk.

use super::Shared;
use super::identity::Identity;
use super::lifecycle::LostDisk;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Time between two looks at the members.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long they may take to answer.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// Where the leader's request waits for what came of it.
pub(super) type Invitation = oneshot::Sender<Result<(), String>>;

/// The id was another machine's, or this one's before.
#[derive(Debug, thiserror::Error)]
#[error(
    "this node's id was removed from the cluster, as member {0} says, and is never used again: use a new id"
)]
struct RemovedId(u64);

/// Waits until the leader asks this node to join, and then takes part, for good.
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
            // The leader may be gone; the reason is in this node's log as well.
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

/// Fails when a member knows this node although it is new.
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
