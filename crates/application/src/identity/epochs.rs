//! Raising epochs: invalidates the rights and access tokens of users on all nodes after their rights changed.

use super::shared::Shared;
use crate::ports::identity::Observation;
use crate::{Error, RequestContext};
use domain::limits::EPOCHS_RAISED_MAX;
use domain::{Actor, Command, UserId};
use std::sync::Arc;

/// Batches that a change tries to process before it returns. Housekeeping processes the rest.
const BATCHES_AT_ONCE: usize = 2;

/// Processes the outbox of epochs.
#[derive(Clone, Debug)]
pub struct Epochs {
    shared: Arc<Shared>,
}

impl Epochs {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Raises pending epochs, at most one batch of 1000, and returns the number. Must be called about every
    /// second on some node, for epochs that could not be raised at once because there was no leader.
    pub async fn drain(&self) -> Result<u64, Error> {
        self.shared.drain().await
    }

    /// Raises the epochs of these users, at most 1000, without the outbox.
    pub async fn raise(&self, users: &[UserId]) -> Result<(), Error> {
        self.shared.raise(users).await
    }
}

impl Shared {
    pub(super) async fn raise(&self, users: &[UserId]) -> Result<(), Error> {
        let ctx = RequestContext::new(Actor::System, self.core.env.ids.request_id());
        let command = Command::RaiseEpochs { users: users.to_vec() };
        self.core.commit(&ctx, command).await.map(drop)
    }

    pub(super) async fn drain(&self) -> Result<u64, Error> {
        let limit = u32::try_from(EPOCHS_RAISED_MAX).unwrap_or(u32::MAX);
        let pending = self.ports.outbox.pending(limit).await?;
        if pending.is_empty() {
            self.ports.observer.observe(Observation::EpochsPending(0));
            return Ok(0);
        }
        let mut users: Vec<UserId> = pending.iter().map(|entry| entry.user.clone()).collect();
        users.sort();
        users.dedup();
        if let Err(error) = self.raise(&users).await {
            self.ports.observer.observe(Observation::EpochsPending(users.len() as u64));
            return Err(error);
        }
        let ids: Vec<i64> = pending.iter().map(|entry| entry.id).collect();
        self.ports.outbox.done(&ids).await?;
        Ok(users.len() as u64)
    }

    /// Processes the outbox entries of a change. Errors do not undo the change; the entries stay in the
    /// outbox.
    pub(super) async fn settle(&self) {
        for _ in 0..BATCHES_AT_ONCE {
            match self.drain().await {
                Ok(raised) if raised == EPOCHS_RAISED_MAX as u64 => {}
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "epochs could not be raised at once and wait in the outbox");
                    return;
                }
            }
        }
    }
}
