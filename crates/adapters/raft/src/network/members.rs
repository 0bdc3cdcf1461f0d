//! What comes of asking the leader to change the members.

use application::ports::MemberRefusal;
use bytes::Bytes;

/// A change that was made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MembersDone {
    /// The revision at which it was allowed; 0 when there was nothing to allow.
    pub revision: u64,
    /// Whether there was anything to do.
    pub changed: bool,
    /// Whoever has applied this index knows the new members.
    pub index: u64,
    /// Who leads, when that was asked for; otherwise 0.
    pub leader: u64,
}

/// A change that was not made, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Certainly not made, for example because the node does not lead: it may be asked for again.
    #[error("not changed: {0}")]
    NotDone(String),
    /// Perhaps made, in part or as a whole.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// The replicated state said no: the encoded outcome.
    #[error("the state refused it")]
    Rejected(Bytes),
    /// The members are not fit for it.
    #[error(transparent)]
    Refused(#[from] MemberRefusal),
}
