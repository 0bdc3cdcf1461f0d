//! Secrets of API keys.

use domain::Digest;
use std::fmt;

/// A new secret. It exists only here and in the one answer that shows it.
#[derive(Clone)]
pub struct MintedKey {
    /// The secret, shown once.
    pub secret: String,
    /// SHA-256 of the secret: all that is stored of it.
    pub hash: Digest,
    /// Its first characters, to recognise it by.
    pub prefix: String,
}

impl fmt::Debug for MintedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedKey").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Mints and recognises secrets of API keys: `gdn_<type>_`, 30 random base62 characters, 6 of checksum.
pub trait KeyMint: Send + Sync {
    /// A new secret with at least 178 random bits.
    fn mint(&self) -> MintedKey;

    /// The digest of a well-formed secret; `None` when form or checksum is wrong.
    fn digest(&self, secret: &str) -> Option<Digest>;
}
