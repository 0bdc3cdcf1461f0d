//! Texts that only this cluster can have written and only it can read.

use secrecy::SecretString;

/// What a sealed text is for; one purpose is never taken for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealedFor {
    /// A sign-in that waits for the second factor.
    Challenge,
    /// A new password, at an administrator's word.
    PasswordReset,
}

/// Seals short texts with the key of the cluster: encrypted, authenticated, and different each time.
pub trait Sealer: Send + Sync {
    /// A text of URL-safe characters, at most four times as long as `plain` and 128 bytes.
    fn seal(&self, purpose: SealedFor, plain: &str) -> SecretString;

    /// What was sealed for this purpose; `None` for anything else, or too long.
    fn open(&self, purpose: SealedFor, sealed: &str) -> Option<String>;
}
