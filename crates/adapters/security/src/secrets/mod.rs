//! The secrets of a cluster: signing keys, peppers, and cluster keys.
//!
//! - Every node has the same secrets, from files or environment values.
//! - Each kind may have several; the last one is the newest.
//! - A weak secret is refused with its setting and the broken rule; values are never shown.

mod create;
mod keys;
mod signing;
mod source;
mod strength;

pub use create::create_secrets;
pub use keys::{ClusterKeys, Peppers};
pub use signing::{SigningKey, SigningKeys};
pub use source::{SecretFrom, SecretSource, SecretSources};

pub(crate) use keys::{ClusterKey, Pepper, hmac_sha256};

/// Maximum number of keys of one kind.
pub const KEYS_MAX: usize = 16;
/// Minimum length of a symmetric key, in bytes.
pub const KEY_BYTES_MIN: usize = 32;
/// Maximum size of a secret file, in bytes.
pub const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// The rule that a secret breaks.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretRule {
    /// No secret of this kind is configured.
    #[error("is missing")]
    Missing,
    /// There are more than `KEYS_MAX`.
    #[error("has more than 16 keys")]
    TooMany,
    /// The file is larger than `SECRET_BYTES_MAX` or not text.
    #[error("is not a text of at most 16 KiB")]
    NotText,
    /// Not hexadecimal digits or base64.
    #[error("must be base64 or hexadecimal digits of random bytes; `openssl rand -base64 32` makes one")]
    NotEncoded,
    /// Fewer than `KEY_BYTES_MIN` bytes.
    #[error("must hold at least 32 bytes")]
    TooShort,
    /// The bytes do not look random.
    #[error("does not look random; `openssl rand -base64 32` makes a good one")]
    Weak,
    /// The file is readable or writable by others than its owner and group.
    #[error("must not be accessible to everybody; `chmod o= FILE` takes that away")]
    Exposed,
    /// Not a PKCS#8 Ed25519 key in PEM.
    #[error("must be an Ed25519 key (PKCS#8 in PEM); `openssl genpkey -algorithm ed25519` makes one")]
    NotEd25519,
    /// Two secrets have the same id or the same value.
    #[error("is there twice")]
    Twice,
    /// The secret to use does not exist.
    #[error("names {0:?}, which is none of the secrets")]
    UnknownId(String),
    /// The id is not 1 to 32 letters, digits, `-` and `_`.
    #[error("has an id that is not 1 to 32 letters, digits, `-` and `_`")]
    BadId,
}

/// Why a secret cannot be used. Names the setting, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    /// The secret breaks a rule.
    #[error("{setting} {rule}")]
    Refused {
        /// The source: a setting, with the file if it is one.
        setting: String,
        /// The broken rule.
        rule: SecretRule,
    },
    /// The file cannot be read.
    #[error("{setting} cannot be read")]
    Unreadable {
        /// The source: a setting with the file.
        setting: String,
        /// The cause.
        #[source]
        error: std::io::Error,
    },
}

impl SecretFault {
    fn refused(setting: &str, rule: SecretRule) -> Self {
        Self::Refused { setting: setting.to_owned(), rule }
    }
}

/// The validated secrets of a cluster.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The keys that sign access tokens.
    pub signing: SigningKeys,
    /// The peppers of password hashes.
    pub peppers: Peppers,
    /// The keys that seal second factors and chain refresh tokens.
    pub cluster: ClusterKeys,
}

impl Secrets {
    /// Reads and validates all secrets.
    pub fn load(sources: &SecretSources) -> Result<Self, SecretFault> {
        let sources = sources.ordered()?;
        let signing = signing::load(&sources.signing_keys)?;
        let peppers = Peppers::new(keys::load("identity.peppers", &sources.peppers)?);
        let cluster = ClusterKeys::new(keys::load("identity.cluster_keys", &sources.cluster_keys)?);
        Ok(Self { signing, peppers, cluster })
    }
}

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
