//! Encrypted texts that only nodes of this cluster can write and read.

use secrecy::SecretString;

/// The purpose of a sealed text. A text sealed for one purpose does not open for another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SealedFor {
    /// A sign-in that waits for the second factor.
    Challenge,
    /// A password reset that an administrator issued.
    PasswordReset,
}

/// Encrypts and authenticates short texts with the key of the cluster. The result differs each time.
pub trait Sealer: Send + Sync {
    /// Seals a text. The result is URL-safe and at most four times as long as `plain`, plus 128 bytes.
    fn seal(&self, purpose: SealedFor, plain: &str) -> SecretString;

    /// Opens a text that was sealed for this purpose; `None` for anything else, or if it is too long.
    fn open(&self, purpose: SealedFor, sealed: &str) -> Option<String>;
}
