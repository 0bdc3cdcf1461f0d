//! Telling the replicated state whose rights changed.

use super::shared::Shared;
use crate::Error;
use std::sync::Arc;

/// Drains the outbox of epochs.
#[derive(Clone, Debug)]
pub struct Epochs {
    shared: Arc<Shared>,
}

impl Epochs {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Raises the epochs that are waiting, at most one batch; says how many.
    pub async fn drain(&self) -> Result<u64, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
