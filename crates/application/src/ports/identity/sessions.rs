//! Sessions: one sign-in of a person, carried on by a chain of refresh tokens of which each is good once.

use super::{IdentityError, PasswordHash};
use async_trait::async_trait;
use domain::{Digest, SessionId, Timestamp, UserId};

/// What is known of the program that a person uses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientInfo {
    /// The address it came from, by the trusted proxies' word.
    pub address: String,
    /// What it calls itself, at most 256 bytes.
    pub user_agent: String,
    /// What the person calls the device; may be empty.
    pub device: String,
}

/// One sign-in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// What identifies it.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// From where it was opened.
    pub client: ClientInfo,
    /// How the person proved who they are: `password`, `password+totp`, `oidc:<provider>`.
    pub method: String,
    /// When it was opened; also when the person last proved who they are.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub used_at: Timestamp,
    /// When it ends unless it is refreshed before.
    pub idle_at: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

/// What a person showed to have a session opened. It must still hold when that is done.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The password that was checked, as it is kept; `None` when none was.
    pub password: Option<PasswordHash>,
    /// Whether the second factor was shown. Without, the person must have none.
    pub second_factor: bool,
}

/// Most networks that are remembered of one user.
pub const NETWORKS_MAX: u32 = 64;

/// A session to be.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// What the person showed.
    pub shown: Shown,
    /// The digest of its first refresh token.
    pub refresh: Digest,
    /// Most sessions of the person; the ones used longest ago end to make room.
    pub sessions_max: u32,
    /// The networks to remember as ones from which the user has signed in.
    pub networks: Vec<String>,
}

/// A refresh token that was presented.
#[derive(Clone, Debug)]
pub struct Rotate {
    /// Its digest.
    pub presented: Digest,
    /// The digest of the token that follows it. It depends on the presented one alone, so a repeated request
    /// has the same.
    pub successor: Digest,
    /// Who presents it.
    pub client: ClientInfo,
    /// When.
    pub at: Timestamp,
    /// When the session ends unless it is refreshed again.
    pub idle_at: Timestamp,
    /// How long the token before the newest is answered with the newest again, in milliseconds, when the
    /// same client presents it: the first answer may have been lost.
    pub grace_ms: i64,
}

/// What a presented refresh token did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rotation {
    /// It was the newest of its session; the successor is now. `repeated` when the grace applied.
    Rotated {
        /// The session.
        session: Session,
        /// Whether the token had been used before, within the grace.
        repeated: bool,
    },
    /// It had been used before: somebody has a copy. The session was ended and the epoch raised.
    Reused(Session),
    /// Nobody knows it, or its session is over.
    Unknown,
}

/// Keeps sessions. Ending one puts its person into the outbox in the same transaction.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session; gives those that ended to make room. `Missing("user")` when the person is not active,
    /// `Missing("proof")` when another password is kept than the one that was shown, or when the person has a
    /// confirmed second factor that was not.
    async fn open(&self, new: &NewSession) -> Result<Vec<SessionId>, IdentityError>;

    /// Uses a refresh token, exactly one of many at the same time.
    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, IdentityError>;

    /// The live sessions of a person, the newest first.
    async fn list(&self, user: &UserId, at: Timestamp) -> Result<Vec<Session>, IdentityError>;

    /// Ends one session of a person; false when there was none.
    async fn end(&self, user: &UserId, session: &SessionId) -> Result<bool, IdentityError>;

    /// Ends every session of a person but `keep`; says how many.
    async fn end_all(&self, user: &UserId, keep: Option<&SessionId>) -> Result<u64, IdentityError>;

    /// Whether the session is live at the time `at`.
    async fn is_live(&self, session: &SessionId, at: Timestamp) -> Result<bool, IdentityError>;

    /// The networks from which the user has signed in since `since`: at most [`NETWORKS_MAX`], the ones used last.
    async fn networks(&self, user: &UserId, since: Timestamp) -> Result<Vec<String>, IdentityError>;

    /// Forgets at most `limit` sessions that are over since before `before`; says how many.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError>;
}
