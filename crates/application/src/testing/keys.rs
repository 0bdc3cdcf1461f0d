//! Secrets that a test can read.

use crate::ports::{KeyMint, MintedKey};
use domain::Digest;
use std::sync::atomic::{AtomicU64, Ordering};

/// The prefix of all secrets.
const PREFIX: &str = "gdn_sk_test";

/// Generates `gdn_sk_test1`, `gdn_sk_test2`, …; anything else is malformed.
#[derive(Debug, Default)]
pub struct PlainKeys(AtomicU64);

impl KeyMint for PlainKeys {
    fn mint(&self) -> MintedKey {
        let secret = format!("{PREFIX}{}", self.0.fetch_add(1, Ordering::SeqCst) + 1);
        let hash = Digest::of(&[secret.as_bytes()]);
        MintedKey { hash, prefix: secret.clone(), secret }
    }

    fn digest(&self, secret: &str) -> Option<Digest> {
        let number = secret.strip_prefix(PREFIX)?;
        number.parse::<u64>().ok().map(|_| Digest::of(&[secret.as_bytes()]))
    }
}
