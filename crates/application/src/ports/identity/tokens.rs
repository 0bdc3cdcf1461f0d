//! Access tokens and opaque tokens.

use domain::{Digest, Person, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

/// The claims of an access token (RFC 9068).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessClaims {
    /// The user (`sub`, as `user:<id>`).
    pub user: UserId,
    /// The session (`sid`).
    pub session: SessionId,
    /// The user's rights (`epoch`, `roles`).
    pub person: Arc<Person>,
    /// The time at which the rights were resolved (`roles_refreshed_at`).
    pub roles_refreshed_at: Timestamp,
    /// The trace of the request that issued it (`trace_id`).
    pub trace_id: String,
    /// The time of issue (`iat`, `nbf`), in whole seconds.
    pub issued_at: Timestamp,
    /// The time of expiry (`exp`), in whole seconds.
    pub expires_at: Timestamp,
    /// The id of the token (`jti`).
    pub id: String,
}

/// The reason why an access token is refused. Clients only learn that it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// The token is malformed, too long, or has a wrong type, algorithm, key, issuer or audience.
    #[error("the access token is not valid: {0}")]
    Invalid(&'static str),
    /// The token has expired.
    #[error("the access token has expired; refresh it")]
    Expired,
}

/// Signs and verifies access tokens. Pure computation; results of verification may be cached.
pub trait AccessTokens: Send + Sync {
    /// Signs a token; `None` if the grants would make it too long.
    fn sign(&self, claims: &AccessClaims) -> Option<SecretString>;

    /// Verifies a token at the time `now` and returns its claims.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, TokenFault>;

    /// Whether the text looks like an access token rather than an API key.
    fn is_token(&self, text: &str) -> bool;

    /// The public keys as a JWK set (RFC 7517), as JSON.
    fn jwks(&self) -> String;
}

/// The kind of an opaque token. A token of one kind is never accepted as another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// Extends a session, once.
    Refresh,
    /// Permits a user to register.
    Invitation,
    /// Identifies a sign-in through a provider that has not returned.
    Challenge,
    /// Replaces the second factor, once.
    Recovery,
    /// Belongs to a browser session; requests that change something repeat it.
    Csrf,
}

/// A new opaque token.
#[derive(Clone, Debug)]
pub struct OpaqueToken {
    /// The token, returned to the client once.
    pub secret: SecretString,
    /// Its digest; only this is stored.
    pub digest: Digest,
}

/// Generates opaque tokens: a prefix for the kind, then 256 random bits.
pub trait OpaqueTokens: Send + Sync {
    /// Generates a token.
    fn mint(&self, kind: TokenKind) -> OpaqueToken;

    /// The digest of a token of this kind; `None` if it is malformed.
    fn digest(&self, kind: TokenKind, secret: &str) -> Option<Digest>;

    /// The successor of a refresh token. Deterministic, and computable only with the key of the cluster.
    /// `None` if the token is malformed.
    fn successor(&self, refresh: &str) -> Option<OpaqueToken>;
}
