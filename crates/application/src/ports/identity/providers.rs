//! Signing in through somebody else: `OpenID` Connect providers.

use super::IdentityError;
use async_trait::async_trait;
use domain::{Digest, Email, Timestamp, UserId};
use secrecy::SecretString;

/// A person as a provider names them: never by the address, which may change hands.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ExternalIdentity {
    /// The issuer.
    pub issuer: String,
    /// The subject at the issuer.
    pub subject: String,
}

/// What a provider says of a person.
#[derive(Clone, Debug)]
pub struct ExternalPerson {
    /// Who.
    pub identity: ExternalIdentity,
    /// The address, when the provider says that it verified it.
    pub email: Option<Email>,
    /// What people call the person.
    pub name: Option<String>,
    /// The groups as the provider names them.
    pub groups: Vec<String>,
}

/// A sign-in that went to a provider and is expected back.
#[derive(Clone, Debug)]
pub struct PendingSignIn {
    /// The digest of `state`, which comes back.
    pub state: Digest,
    /// Which provider.
    pub provider: String,
    /// What its token must repeat.
    pub nonce: SecretString,
    /// The secret of the proof key (RFC 7636).
    pub verifier: SecretString,
    /// When it is not expected any more.
    pub expires_at: Timestamp,
}

/// Why a provider did not vouch for a person.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is no such provider.
    #[error("there is no such identity provider")]
    Unknown,
    /// It cannot be reached, or does not answer in time.
    #[error("the identity provider is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answers, but what it says cannot be read or used. To try again does not help.
    #[error("the identity provider's answer cannot be used: {0}")]
    Invalid(String),
    /// What it says is not acceptable: signature, issuer, audience, nonce, time.
    #[error("what the identity provider says is not acceptable: {0}")]
    Refused(String),
}

/// Talks to providers.
#[async_trait]
pub trait IdentityProviders: Send + Sync {
    /// The names of the providers.
    fn names(&self) -> Vec<String>;

    /// Where to send the person, and what to expect back. `state` is the text that comes back.
    async fn begin(
        &self,
        provider: &str,
        state: &str,
        at: Timestamp,
    ) -> Result<(String, PendingSignIn), ProviderError>;

    /// What the provider says of the person who came back with `code`. Each provider has its own address to come
    /// back to: the caller has checked that this one is of the provider of `pending` (RFC 9700 section 4.4.2.2).
    async fn finish(
        &self,
        pending: &PendingSignIn,
        code: &str,
        at: Timestamp,
    ) -> Result<ExternalPerson, ProviderError>;

    /// The group of ours for each group of the provider that is mapped to one.
    fn groups(&self, provider: &str) -> Vec<(String, domain::GroupName)>;
}

/// Keeps who is who at the providers, and the sign-ins under way.
#[async_trait]
pub trait ExternalIdentities: Send + Sync {
    /// The person of an identity.
    async fn find(&self, identity: &ExternalIdentity) -> Result<Option<UserId>, IdentityError>;

    /// Remembers a sign-in under way; the oldest go beyond [`crate::identity::PENDING_MAX`].
    async fn keep(&self, pending: &PendingSignIn) -> Result<(), IdentityError>;

    /// Takes a sign-in that came back in time, exactly once.
    async fn take(&self, state: &Digest, at: Timestamp) -> Result<Option<PendingSignIn>, IdentityError>;
}
