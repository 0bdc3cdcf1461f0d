//! Hashing and checking passwords.

use async_trait::async_trait;
use secrecy::SecretString;
use std::fmt;

/// A stored password: scheme, cost, salt, digest and id of the pepper, in one text.
#[derive(Clone, Eq, PartialEq)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// The result of checking a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PasswordVerdict {
    /// The password is right, and its hash is up to date.
    Right,
    /// The password is right, but its hash uses outdated parameters: hash it again.
    RightButOld,
    /// The password is wrong.
    Wrong,
}

/// The reason why a password was not hashed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordError {
    /// The queue of the hasher is full; nothing was done.
    #[error("too many sign-ins at once")]
    Busy,
}

/// Hashes and checks passwords. Deliberately slow, and limited to few threads.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password for storage.
    async fn hash(&self, password: &SecretString) -> Result<PasswordHash, PasswordError>;

    /// Checks a password. Without a stored hash (unknown user, or no password) it takes equally long and
    /// returns [`PasswordVerdict::Wrong`].
    async fn check(
        &self,
        password: &SecretString,
        kept: Option<&PasswordHash>,
    ) -> Result<PasswordVerdict, PasswordError>;
}

/// The reason why a new password is not acceptable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PasswordFault {
    /// It has too few code points.
    #[error("the password must have at least {min} characters")]
    TooShort {
        /// The smallest allowed number.
        min: usize,
    },
    /// It has too many code points.
    #[error("the password must have at most {max} characters")]
    TooLong {
        /// The largest allowed number.
        max: usize,
    },
    /// It is in a list of common passwords.
    #[error(
        "the password is one that many use or that is easily guessed; take several words that nobody would put together"
    )]
    Common,
    /// It consists mostly of the name of the user, the service or a project.
    #[error(
        "the password is made of the person's name or address, or of the name of the service or a project"
    )]
    Personal,
}

impl PasswordFault {
    /// A stable machine-readable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "password_too_short",
            Self::TooLong { .. } => "password_too_long",
            Self::Common => "password_common",
            Self::Personal => "password_personal",
        }
    }
}

/// Checks new passwords (NIST SP 800-63B-4 section 3.1.1.2): by length and a blocklist, without rules on
/// composition. Pure computation.
pub trait PasswordRules: Send + Sync {
    /// Checks a new password. It must have `min` to `max` code points and must not be derived from `context`:
    /// the user's address and name, and names of projects. The name of the service is always checked.
    fn acceptable(
        &self,
        password: &SecretString,
        context: &[&str],
        min: usize,
        max: usize,
    ) -> Result<(), PasswordFault>;
}
