//! Secrets of API keys.

use domain::Digest;
use std::fmt;

/// A new secret. It exists only here and in the response that returns it.
#[derive(Clone)]
pub struct MintedKey {
    /// The secret, returned to the client once.
    pub secret: String,
    /// SHA-256 of the secret; only this is stored.
    pub hash: Digest,
    /// Its first characters, for display.
    pub prefix: String,
}

impl fmt::Debug for MintedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedKey").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Generates and parses secrets of API keys: `gdn_<type>_`, 30 random base62 characters, 6 characters of
/// checksum.
pub trait KeyMint: Send + Sync {
    /// Generates a secret with at least 178 random bits.
    fn mint(&self) -> MintedKey;

    /// The digest of a secret; `None` if its form or its checksum is wrong.
    fn digest(&self, secret: &str) -> Option<Digest>;
}
