//! What a person carries from request to request.

use domain::{Digest, Person, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

/// What an access token says (RFC 9068).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessClaims {
    /// Whose it is (`sub`, as `user:<id>`).
    pub user: UserId,
    /// By which sign-in (`sid`).
    pub session: SessionId,
    /// What the person may do (`epoch`, `roles`).
    pub person: Arc<Person>,
    /// When that was found (`roles_refreshed_at`).
    pub roles_refreshed_at: Timestamp,
    /// The request that made it (`trace_id`).
    pub trace_id: String,
    /// When it was made (`iat`, `nbf`), whole seconds.
    pub issued_at: Timestamp,
    /// When it ends (`exp`), whole seconds.
    pub expires_at: Timestamp,
    /// What identifies it (`jti`).
    pub id: String,
}

/// Why a text is no good access token. Clients are told only that it is not.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// It does not have the form, the type, the algorithm, a known key, issuer or audience, or is too long.
    #[error("the access token is not valid: {0}")]
    Invalid(&'static str),
    /// Its time is over.
    #[error("the access token has expired; refresh it")]
    Expired,
}

/// Signs and checks access tokens. Pure computation; what was checked once may be remembered.
pub trait AccessTokens: Send + Sync {
    /// A signed token; `None` when the grants make it longer than a token may be.
    fn sign(&self, claims: &AccessClaims) -> Option<SecretString>;

    /// What a token says, at the time `now`.
    fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, TokenFault>;

    /// Whether the text looks like an access token rather than an API key.
    fn is_token(&self, text: &str) -> bool;

    /// The public keys as a JWK set (RFC 7517), as JSON.
    fn jwks(&self) -> String;
}

/// What an opaque token is for; one kind is never taken for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// Carries a session on.
    Refresh,
    /// Lets a person register.
    Invitation,
    /// Lets a person go on to the second factor.
    Challenge,
    /// Stands in for the second factor, once.
    Recovery,
    /// Belongs to a browser session: what a request that changes something must repeat.
    Csrf,
}

/// A new opaque token.
#[derive(Clone, Debug)]
pub struct OpaqueToken {
    /// The token, shown once.
    pub secret: SecretString,
    /// Its digest: all that is kept of it.
    pub digest: Digest,
}

/// Mints opaque tokens: 256 random bits with a beginning that names the kind.
pub trait OpaqueTokens: Send + Sync {
    /// A new token.
    fn mint(&self, kind: TokenKind) -> OpaqueToken;

    /// The digest of a token of this kind; `None` when it does not have the form.
    fn digest(&self, kind: TokenKind, secret: &str) -> Option<Digest>;

    /// The refresh token that follows this one: always the same, and only to be found with the key of the
    /// cluster. `None` when it does not have the form.
    fn successor(&self, refresh: &str) -> Option<OpaqueToken>;
}
