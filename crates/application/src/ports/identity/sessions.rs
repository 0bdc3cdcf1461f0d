//! Sessions: one for each sign-in of a user, extended by a chain of single-use refresh tokens.

use super::{IdentityError, PasswordHash};
use async_trait::async_trait;
use domain::{Digest, SessionId, Timestamp, UserId};

/// The client program of a user.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ClientInfo {
    /// The client's address, as reported by the trusted proxies.
    pub address: String,
    /// The user agent, at most 256 bytes.
    pub user_agent: String,
    /// The device name given by the user; may be empty.
    pub device: String,
}

/// A session of a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The session id.
    pub id: SessionId,
    /// The user.
    pub user: UserId,
    /// The client that opened it.
    pub client: ClientInfo,
    /// The method of authentication: `password`, `password+totp` or `oidc:<provider>`.
    pub method: String,
    /// The time of the sign-in.
    pub created_at: Timestamp,
    /// The time of the last refresh.
    pub used_at: Timestamp,
    /// The time at which it ends unless it is refreshed.
    pub idle_at: Timestamp,
    /// The time at which it ends in any case.
    pub ends_at: Timestamp,
}

/// The credentials that the user presented to open a session. They must still be current when it is opened.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The stored hash of the checked password; `None` if no password was checked.
    pub password: Option<PasswordHash>,
    /// Whether a second factor was checked. If not, the user must not have one.
    pub second_factor: bool,
}

/// Most networks stored for one user.
pub const NETWORKS_MAX: u32 = 64;

/// A session to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session.
    pub session: Session,
    /// The presented credentials.
    pub shown: Shown,
    /// The digest of the first refresh token.
    pub refresh: Digest,
    /// Most sessions of the user. The least recently used ones end to make room.
    pub sessions_max: u32,
    /// The networks to store as ones from which the user has signed in.
    pub networks: Vec<String>,
}

/// The use of a refresh token.
#[derive(Clone, Debug)]
pub struct Rotate {
    /// The digest of the presented token.
    pub presented: Digest,
    /// The digest of the next token. It depends only on the presented one, so a retry has the same.
    pub successor: Digest,
    /// The client that presents the token.
    pub client: ClientInfo,
    /// The time of the use.
    pub at: Timestamp,
    /// The new time at which the session ends unless it is refreshed.
    pub idle_at: Timestamp,
    /// The grace period, in milliseconds. Within it, the same client may present the previous token again and
    /// gets the same next token, because the first response may have been lost.
    pub grace_ms: i64,
}

/// The result of presenting a refresh token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rotation {
    /// The token was current, and its successor is current now; or the grace period applied.
    Rotated {
        /// The session.
        session: Session,
        /// Whether the token was used before, within the grace period.
        repeated: bool,
    },
    /// The token was used before and may be stolen. The session was ended and the user's epoch raised.
    Reused(Session),
    /// The token is unknown, or its session has ended.
    Unknown,
}

/// Stores sessions. Ending one adds its user to the epoch outbox in the same transaction.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session. Returns the sessions that ended to make room.
    ///
    /// - Fails with `Missing("user")` if the user is not active.
    /// - Fails with `Missing("proof")` if the password has changed, or if the user has a confirmed second
    ///   factor that was not checked.
    async fn open(&self, new: &NewSession) -> Result<Vec<SessionId>, IdentityError>;

    /// Uses a refresh token. Of concurrent calls with one token exactly one counts as the first use.
    async fn rotate(&self, rotate: &Rotate) -> Result<Rotation, IdentityError>;

    /// The live sessions of a user, the newest first.
    async fn list(&self, user: &UserId, at: Timestamp) -> Result<Vec<Session>, IdentityError>;

    /// Ends a session of a user; false if there was none.
    async fn end(&self, user: &UserId, session: &SessionId) -> Result<bool, IdentityError>;

    /// Ends all sessions of a user except `keep`. Returns the number.
    async fn end_all(&self, user: &UserId, keep: Option<&SessionId>) -> Result<u64, IdentityError>;

    /// Whether the session is live at the time `at`.
    async fn is_live(&self, session: &SessionId, at: Timestamp) -> Result<bool, IdentityError>;

    /// The networks from which the user has signed in since `since`: the latest ones, at most
    /// [`NETWORKS_MAX`].
    async fn networks(&self, user: &UserId, since: Timestamp) -> Result<Vec<String>, IdentityError>;

    /// Deletes at most `limit` sessions that expired before `before`. Returns the number.
    async fn prune(&self, before: Timestamp, limit: u32) -> Result<u64, IdentityError>;
}
