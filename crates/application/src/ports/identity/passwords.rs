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

/// Why a password is not acceptable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordFault {
    /// It has fewer code points than it must.
    #[error("the password must have at least {min} characters")]
    TooShort {
        /// The fewest.
        min: usize,
    },
    /// It has more code points than it may.
    #[error("the password must have at most {max} characters")]
    TooLong {
        /// The most.
        max: usize,
    },
    /// It is one of those that are tried first.
    #[error(
        "the password is one that many use or that is easily guessed; take several words that nobody would put together"
    )]
    Common,
    /// It is little more than the person's or the service's name.
    #[error(
        "the password is made of the person's name or address, or of the name of the service or a project"
    )]
    Personal,
}

impl PasswordFault {
    /// A stable name for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong { .. } => "password_too_long",
            Self::Common => "password_common",
            Self::Personal => "password_personal",
        }
    }
}

/// Says which passwords may be chosen (NIST SP 800-63B-4 section 3.1.1.2): length and a blocklist, and no rules
/// on what it must be composed of. Pure computation.
pub trait PasswordRules: Send + Sync {
    /// Whether a password of at least `min` and at most `max` code points may be chosen by somebody of whom
    /// `context` tells: the address, the name, names of projects. The name of the service need not be told.
    fn acceptable(
        &self,
        password: &SecretString,
        context: &[&str],
        min: usize,
        max: usize,
    ) -> Result<(), PasswordFault>;
}
