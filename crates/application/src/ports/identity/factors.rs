//! Second factors: time-based one-time passwords (RFC 6238), and recovery codes for a lost device.

use super::IdentityError;
use async_trait::async_trait;
use domain::{Digest, SessionId, Timestamp, UserId};
use secrecy::SecretString;

/// The stored second factor of a user.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// The shared secret, sealed with the key of the cluster.
    pub sealed: Vec<u8>,
    /// Whether the user has confirmed it with a code.
    pub confirmed: bool,
    /// The latest time step of which a code was used. Codes of this and earlier steps are refused.
    pub last_step: Option<i64>,
    /// The number of unused recovery codes.
    pub recovery_left: u32,
}

/// Stores second factors. Confirming or removing one raises the user's epoch.
#[async_trait]
pub trait SecondFactors: Send + Sync {
    /// The second factor of a user.
    async fn get(&self, user: &UserId) -> Result<Option<SecondFactor>, IdentityError>;

    /// Stores a new, unconfirmed secret and replaces an earlier unconfirmed one. Fails with
    /// `Taken("second_factor")` if the user has a confirmed one.
    async fn begin(&self, user: &UserId, sealed: &[u8], at: Timestamp) -> Result<(), IdentityError>;

    /// Confirms the second factor, in one transaction: marks the code of `step` as used, stores the digests
    /// of the recovery codes, and ends all sessions of the user except `keep`. False if there is nothing to
    /// confirm.
    async fn confirm(
        &self,
        user: &UserId,
        step: i64,
        recovery: &[Digest],
        keep: Option<&SessionId>,
    ) -> Result<bool, IdentityError>;

    /// Marks the code of `step` as used. False if it or a later one was used before; of concurrent calls
    /// exactly one succeeds.
    async fn use_step(&self, user: &UserId, step: i64) -> Result<bool, IdentityError>;

    /// Consumes a recovery code. False if it does not exist; of concurrent calls exactly one succeeds.
    async fn use_recovery(&self, user: &UserId, code: &Digest) -> Result<bool, IdentityError>;

    /// Replaces the recovery codes of a user. Fails with `Missing("second_factor")`.
    async fn set_recovery(&self, user: &UserId, recovery: &[Digest]) -> Result<(), IdentityError>;

    /// Removes the second factor; false if there was none.
    async fn remove(&self, user: &UserId) -> Result<bool, IdentityError>;
}

/// A new shared secret.
#[derive(Clone, Debug)]
pub struct TotpSecret {
    /// The sealed secret, for storage.
    pub sealed: Vec<u8>,
    /// The secret in base32, for manual entry.
    pub base32: SecretString,
    /// The `otpauth:` URI for an authenticator.
    pub uri: SecretString,
}

/// Generates secrets and checks codes. Pure computation.
pub trait Totp: Send + Sync {
    /// A new secret of the user, which authenticators label with `account`. It is sealed for this user only.
    fn generate(&self, user: &UserId, account: &str) -> TotpSecret;

    /// The time step of a code, which may be at most one step away from the time `at`. `None` if the code is
    /// wrong or the secret was not sealed for this user.
    fn check(&self, user: &UserId, sealed: &[u8], code: &str, at: Timestamp) -> Option<i64>;
}
