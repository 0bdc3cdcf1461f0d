//! Forgetting what is over.

use super::shared::Shared;
use crate::Error;
use std::sync::Arc;

/// Forgets what is over.
#[derive(Clone, Debug)]
pub struct Upkeep {
    shared: Arc<Shared>,
}

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tidied {
    /// Sessions.
    pub sessions: u64,
    /// What slows down those who guess.
    pub attempts: u64,
    /// Records of the audit.
    pub records: u64,
}

impl Upkeep {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Forgets sessions, attempts and records of the audit that are too old, at most one batch of each. To be called every minute or so.
    pub async fn tidy(&self) -> Result<Tidied, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
