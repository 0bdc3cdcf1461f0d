//! The secrets of a cluster: signing keys, peppers, and the keys that seal and chain what is kept of people.
//!
//! Every node has the same ones, from files or values that operators give. Each kind may have several, in an
//! order: the last one is the newest. A weak one is refused by name and rule; none is ever shown.

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

/// Most keys of one kind.
pub const KEYS_MAX: usize = 16;
/// Fewest bytes of a symmetric key.
pub const KEY_BYTES_MIN: usize = 32;
/// Largest file with a secret, in bytes.
pub const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// The rule that a secret breaks.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretRule {
    /// There is none.
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
    /// Others than the owner and the group may read or change the file.
    #[error("must not be accessible to everybody; `chmod o= FILE` takes that away")]
    Exposed,
    /// Not a PKCS#8 Ed25519 key in PEM.
    #[error("must be an Ed25519 key (PKCS#8 in PEM); `openssl genpkey -algorithm ed25519` makes one")]
    NotEd25519,
    /// Two have the same id, or are the same.
    #[error("is there twice")]
    Twice,
    /// None has the name of one that is to be used.
    #[error("names {0:?}, which is none of the secrets")]
    UnknownId(String),
    /// The id has another form than 1 to 32 letters, digits, `-` and `_`.
    #[error("has an id that is not 1 to 32 letters, digits, `-` and `_`")]
    BadId,
}

/// Why a secret cannot be used. It names the setting, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretFault {
    /// The secret breaks a rule.
    #[error("{setting} {rule}")]
    Refused {
        /// Where it came from: a setting, with the file when it was one.
        setting: String,
        /// What it breaks.
        rule: SecretRule,
    },
    /// The file cannot be read.
    #[error("{setting} cannot be read")]
    Unreadable {
        /// Where it was to come from.
        setting: String,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
}

impl SecretFault {
    fn refused(setting: &str, rule: SecretRule) -> Self {
        Self::Refused { setting: setting.to_owned(), rule }
    }
}

/// The secrets of a cluster, checked.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// What signs access tokens.
    pub signing: SigningKeys,
    /// What goes into the hashes of passwords.
    pub peppers: Peppers,
    /// What seals second factors and chains refresh tokens.
    pub cluster: ClusterKeys,
}

impl Secrets {
    /// Reads and checks all of them.
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
