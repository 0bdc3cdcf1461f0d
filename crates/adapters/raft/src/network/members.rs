//! The results of membership changes on the leader.

use application::ports::MemberRefusal;
use bytes::Bytes;

/// A completed membership change.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MembersDone {
    /// The revision at which it was accepted; 0 if nothing had to be accepted.
    pub revision: u64,
    /// Whether anything changed.
    pub changed: bool,
    /// The log index of the new membership.
    pub index: u64,
    /// The new leader after a transfer; 0 for other changes.
    pub leader: u64,
}

/// A membership change that failed or may have failed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Not made, for example because the node is not the leader; safe to retry.
    #[error("not changed: {0}")]
    NotDone(String),
    /// Possibly made, partly or completely.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// The replicated state rejected it; contains the encoded outcome.
    #[error("the state refused it")]
    Rejected(Bytes),
    /// The members do not allow it.
    #[error(transparent)]
    Refused(#[from] MemberRefusal),
}
