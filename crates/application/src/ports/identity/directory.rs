//! How people come in for the first time, and what the replicated state must still be told of them.

use super::{IdentityError, NewUser, Place, User};
use async_trait::async_trait;
use domain::{Digest, Email, RoleName, Timestamp, UserId};

/// An invitation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invitation {
    /// What identifies it: the digest of its token.
    pub token: Digest,
    /// Whom it is for.
    pub email: Email,
    /// The role that the person will have, and where.
    pub role: Option<(RoleName, Place)>,
    /// Who invited.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An invitation to be.
pub type NewInvitation = Invitation;

/// By what right a person registers.
#[derive(Clone, Debug)]
pub enum RegisterBy {
    /// Nobody is there yet: the first person becomes platform administrator. `Taken("bootstrap")` when
    /// somebody is.
    Bootstrap,
    /// An invitation, which is used up. `Missing("invitation")` when there is none for the address.
    Invitation(Digest),
    /// Anybody may.
    Open,
}

/// Lets people in for the first time, each in one transaction.
#[async_trait]
pub trait Admissions: Send + Sync {
    /// Makes the record of a person by some right, with the role that comes with it.
    async fn register(&self, new: &NewUser, by: &RegisterBy) -> Result<User, IdentityError>;

    /// Whether there is any person yet.
    async fn is_empty(&self) -> Result<bool, IdentityError>;

    /// Makes an invitation; one for the same address and place takes the place of the one before.
    async fn invite(&self, new: &NewInvitation) -> Result<(), IdentityError>;

    /// The invitation of a token, whether its time is over or not.
    async fn invitation(&self, token: &Digest) -> Result<Option<Invitation>, IdentityError>;

    /// The invitations that are open at the time `at`, the newest first, at most `limit`.
    async fn invitations(&self, at: Timestamp, limit: u32) -> Result<Vec<Invitation>, IdentityError>;

    /// Takes an invitation back; false when there was none.
    async fn revoke(&self, token: &Digest) -> Result<bool, IdentityError>;
}

/// A person whose epoch is to be raised.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PendingEpoch {
    /// Its place in the outbox.
    pub id: i64,
    /// The person.
    pub user: UserId,
}

/// What was changed of people and the replicated state must still be told: written in the transaction of the
/// change, taken out once the epoch was raised. To raise twice does no harm.
#[async_trait]
pub trait EpochOutbox: Send + Sync {
    /// The oldest `limit` entries.
    async fn pending(&self, limit: u32) -> Result<Vec<PendingEpoch>, IdentityError>;

    /// Takes entries out.
    async fn done(&self, ids: &[i64]) -> Result<(), IdentityError>;
}
