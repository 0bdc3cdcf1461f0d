//! Registration and invitations, and the outbox of epochs to raise.

use super::{IdentityError, NewUser, Place, User};
use async_trait::async_trait;
use domain::{Digest, Email, RoleName, Timestamp, UserId};

/// An invitation to register.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invitation {
    /// Its id: the digest of its token.
    pub token: Digest,
    /// The address of the invited user.
    pub email: Email,
    /// The role that the user gets, and where.
    pub role: Option<(RoleName, Place)>,
    /// The actor that sent it.
    pub invited_by: String,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The time from which it is refused.
    pub expires_at: Timestamp,
}

/// An invitation to create.
pub type NewInvitation = Invitation;

/// The authority by which a user registers.
#[derive(Clone, Debug)]
pub enum RegisterBy {
    /// The bootstrap token: the first user becomes platform administrator. Fails with `Taken("bootstrap")` if
    /// a user exists.
    Bootstrap,
    /// An invitation, which is consumed. Fails with `Missing("invitation")` if there is none for the address.
    Invitation(Digest),
    /// Open registration.
    Open,
}

/// Registers users. Each method is one transaction.
#[async_trait]
pub trait Admissions: Send + Sync {
    /// Creates a user, with the role that the invitation or the bootstrap gives.
    async fn register(&self, new: &NewUser, by: &RegisterBy) -> Result<User, IdentityError>;

    /// Whether there are no users yet.
    async fn is_empty(&self) -> Result<bool, IdentityError>;

    /// Creates an invitation. Replaces an earlier one for the same address and place.
    async fn invite(&self, new: &NewInvitation) -> Result<(), IdentityError>;

    /// The invitation with this token, whether it has expired or not.
    async fn invitation(&self, token: &Digest) -> Result<Option<Invitation>, IdentityError>;

    /// The invitations that are not expired at the time `at`, the newest first, at most `limit`.
    async fn invitations(&self, at: Timestamp, limit: u32) -> Result<Vec<Invitation>, IdentityError>;

    /// Revokes an invitation; false if there was none.
    async fn revoke(&self, token: &Digest) -> Result<bool, IdentityError>;
}

/// A user whose epoch is to be raised.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PendingEpoch {
    /// The id of the outbox entry.
    pub id: i64,
    /// The user.
    pub user: UserId,
}

/// The outbox of epochs to raise in the replicated state. An entry is written in the transaction that takes
/// rights from the user, and removed after the epoch was raised. Raising an epoch twice is harmless.
#[async_trait]
pub trait EpochOutbox: Send + Sync {
    /// The oldest entries, at most `limit`.
    async fn pending(&self, limit: u32) -> Result<Vec<PendingEpoch>, IdentityError>;

    /// Removes entries.
    async fn done(&self, ids: &[i64]) -> Result<(), IdentityError>;
}
