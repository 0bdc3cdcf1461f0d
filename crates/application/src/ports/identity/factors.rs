//! The second factor: time-based one-time passwords (RFC 6238), and recovery codes for when the device is gone.

use super::IdentityError;
use async_trait::async_trait;
use domain::{Digest, SessionId, Timestamp, UserId};
use secrecy::SecretString;

/// What is kept of a person's second factor.
#[derive(Clone, Debug)]
pub struct SecondFactor {
    /// The shared secret, sealed with the key of the cluster.
    pub sealed: Vec<u8>,
    /// Whether the person has shown that they have it.
    pub confirmed: bool,
    /// The last time step of which a code was used; that and older ones are refused.
    pub last_step: Option<i64>,
    /// How many recovery codes are left.
    pub recovery_left: u32,
}

/// Keeps second factors. Confirming one and taking one away raises the epoch.
#[async_trait]
pub trait SecondFactors: Send + Sync {
    /// The second factor of a person.
    async fn get(&self, user: &UserId) -> Result<Option<SecondFactor>, IdentityError>;

    /// Keeps a new secret that is not confirmed yet, in place of another such one. `Taken("second_factor")`
    /// when there is a confirmed one.
    async fn begin(&self, user: &UserId, sealed: &[u8], at: Timestamp) -> Result<(), IdentityError>;

    /// Confirms it by the code of `step`, with the digests of the recovery codes, and ends every session of the
    /// person but `keep`, in one transaction; false when there is nothing to confirm.
    async fn confirm(
        &self,
        user: &UserId,
        step: i64,
        recovery: &[Digest],
        keep: Option<&SessionId>,
    ) -> Result<bool, IdentityError>;

    /// Uses the code of `step`, exactly one of many at the same time; false when that or a later one was used.
    async fn use_step(&self, user: &UserId, step: i64) -> Result<bool, IdentityError>;

    /// Uses a recovery code, exactly one of many at the same time; false when there is none such.
    async fn use_recovery(&self, user: &UserId, code: &Digest) -> Result<bool, IdentityError>;

    /// Gives the person other recovery codes. `Missing("second_factor")`.
    async fn set_recovery(&self, user: &UserId, recovery: &[Digest]) -> Result<(), IdentityError>;

    /// Takes the second factor away; false when there was none.
    async fn remove(&self, user: &UserId) -> Result<bool, IdentityError>;
}

/// A new shared secret.
#[derive(Clone, Debug)]
pub struct TotpSecret {
    /// The secret sealed for keeping.
    pub sealed: Vec<u8>,
    /// The secret in base32, for typing.
    pub base32: SecretString,
    /// The `otpauth:` address for the person's device.
    pub uri: SecretString,
}

/// Computes codes. Pure computation.
pub trait Totp: Send + Sync {
    /// A new secret of the person, who sees `account` beside the codes. It is sealed so that it is of no use in
    /// another person's name.
    fn generate(&self, user: &UserId, account: &str) -> TotpSecret;

    /// The time step whose code this is, one before or after the one of `at` at most; `None` when it is none,
    /// or when the secret was not sealed for this person.
    fn check(&self, user: &UserId, sealed: &[u8], code: &str, at: Timestamp) -> Option<i64>;
}
