//! Sign-in through external identity providers (`OpenID` Connect).

use super::IdentityError;
use async_trait::async_trait;
use domain::{Digest, Email, Timestamp, UserId};
use secrecy::SecretString;

/// The identity of a user at a provider. Not the e-mail address, which may be reassigned.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ExternalIdentity {
    /// The issuer.
    pub issuer: String,
    /// The subject at the issuer.
    pub subject: String,
}

/// The claims of a provider about a user.
#[derive(Clone, Debug)]
pub struct ExternalPerson {
    /// The identity.
    pub identity: ExternalIdentity,
    /// The e-mail address, if the provider has verified it.
    pub email: Option<Email>,
    /// The display name.
    pub name: Option<String>,
    /// The groups, by the provider's names.
    pub groups: Vec<String>,
}

/// A sign-in that was redirected to a provider and has not returned.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// The digest of `state`, which the redirect returns.
    pub state: Digest,
    /// The name of the provider.
    pub provider: String,
    /// The nonce that the provider's token must contain.
    pub nonce: SecretString,
    /// The code verifier (RFC 7636).
    pub verifier: SecretString,
    /// The time from which the return is refused.
    pub expires_at: Timestamp,
}

/// The reason why a provider did not authenticate a user.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider is not configured.
    #[error("there is no such identity provider")]
    Unknown,
    /// The provider is unreachable or too slow.
    #[error("the identity provider is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The response of the provider is malformed or unusable. A retry does not help.
    #[error("the identity provider's answer cannot be used: {0}")]
    Invalid(String),
    /// The response of the provider fails a check: signature, issuer, audience, nonce or time.
    #[error("what the identity provider says is not acceptable: {0}")]
    Refused(String),
}

/// Communicates with identity providers.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// The names of the configured providers.
    fn names(&self) -> Vec<String>;

    /// Begins a sign-in: returns the URL to redirect the user to, and the pending sign-in. `state` is the
    /// text that the redirect returns.
    async fn begin(
        &self,
        provider: &str,
        state: &str,
        at: Timestamp,
    ) -> Result<(String, PendingSignIn), ProviderError>;

    /// Exchanges the returned `code` for the claims of the user. Each provider has its own redirect URL; the
    /// caller has checked that the code came to the URL of the provider in `pending` (RFC 9700 section
    /// 4.4.2.2).
    async fn finish(
        &self,
        pending: &PendingSignIn,
        code: &str,
        at: Timestamp,
    ) -> Result<ExternalPerson, ProviderError>;

    /// The mapping of groups: the provider's name, and the group of this platform.
    fn groups(&self, provider: &str) -> Vec<(String, domain::GroupName)>;
}

/// Stores external identities of users, and pending sign-ins.
#[async_trait]
pub trait ExternalIdentities: Send + Sync {
    /// The user with this identity.
    async fn find(&self, identity: &ExternalIdentity) -> Result<Option<UserId>, IdentityError>;

    /// Stores a pending sign-in. The oldest are removed beyond [`crate::identity::PENDING_MAX`].
    async fn keep(&self, pending: &PendingSignIn) -> Result<(), IdentityError>;

    /// Removes and returns a pending sign-in that has not expired. Of concurrent calls exactly one gets it.
    async fn take(&self, state: &Digest, at: Timestamp) -> Result<Option<PendingSignIn>, IdentityError>;
}
