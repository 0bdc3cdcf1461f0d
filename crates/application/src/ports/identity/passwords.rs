//! Passwords as they are kept.

use async_trait::async_trait;
use secrecy::SecretString;
use std::fmt;

/// What is kept of a password: scheme, cost, salt, digest and which pepper, as one text.
#[derive(Clone, Eq, PartialEq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// What a check of a password found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PasswordVerdict {
    /// It is the password, kept as it should be.
    Right,
    /// It is the password, kept by an older rule: keep it anew.
    RightButOld,
    /// It is not.
    Wrong,
}

/// Why a password could not be hashed now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordError {
    /// As many are being hashed or waiting as may; nothing was done.
    #[error("too many sign-ins at once")]
    Busy,
}

/// Hashes and checks passwords, slowly and on few threads by intent.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// What to keep of a password.
    async fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordError>;

    /// Checks a password. Without a hash to check against (nobody has that name, or no password) it takes as
    /// long and answers [`PasswordVerdict::Wrong`].
    async fn check(
        &self,
        password: &SecretString,
        kept: Option<&PasswordHash>,
    ) -> Result<PasswordVerdict, PasswordError>;
}

/// Knows passwords that everybody tries first (NIST SP 800-63B-4 section 3.1.1.2).
pub trait PasswordBlocklist: Send + Sync {
    /// Whether the password, in lower case, is one of them.
    fn contains(&self, lower: &str) -> bool;
}
