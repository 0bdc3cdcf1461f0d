//! Secrets of API keys: `gdn_<type>_`, 30 random base62 characters, 6 characters of checksum.
//!
//! - The fixed prefix lets secret scanners find a leaked secret.
//! - The checksum (CRC32 of everything before it) refuses a mistyped secret without a look-up.
//! - A secret has 178 random bits, so a fast digest is sufficient for storage.

use crate::base62;
use application::ports::{KeyMint, MintedKey};
use domain::Digest;
use sha2::{Digest as _, Sha256};

/// Random characters in a secret: 30 × log2(62) = 178 bits.
const RANDOM_CHARS: usize = 30;
/// Characters of the checksum.
const CHECKSUM_CHARS: usize = 6;
/// Length of the prefix of a secret that may be displayed, in characters.
const PREFIX_CHARS: usize = 12;

/// The kind of holder of an API key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyType {
    /// A program.
    Service,
    /// A user.
    Personal,
    /// A node agent.
    Agent,
}

impl KeyType {
    /// All types.
    pub const ALL: [Self; 3] = [Self::Service, Self::Personal, Self::Agent];

    /// The prefix of a secret of this type.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Service => "gdn_sk_",
            Self::Personal => "gdn_pat_",
            Self::Agent => "gdn_agt_",
        }
    }
}

/// Mints secrets from the random number generator of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApiKeyMint;

impl ApiKeyMint {
    /// Mints a secret of the given type.
    pub fn mint_with_type(self, key_type: KeyType) -> MintedKey {
        let mut secret = String::from(key_type.prefix());
        base62::push_random(&mut secret, RANDOM_CHARS);
        let checksum = checksum(&secret);
        secret.extend(checksum.map(char::from));
        let prefix = secret[..PREFIX_CHARS].to_owned();
        MintedKey { hash: sha256(&secret), prefix, secret }
    }
}

impl KeyMint for ApiKeyMint {
    fn mint(&self) -> MintedKey {
        self.mint_with_type(KeyType::Service)
    }

    fn digest(&self, secret: &str) -> Option<Digest> {
        let random = KeyType::ALL.iter().find_map(|key_type| secret.strip_prefix(key_type.prefix()))?;
        if random.len() != RANDOM_CHARS + CHECKSUM_CHARS || !random.bytes().all(base62::is_digit) {
            return None;
        }
        let (body, given) = secret.split_at(secret.len() - CHECKSUM_CHARS);
        (checksum(body) == *given.as_bytes()).then(|| sha256(secret))
    }
}

fn checksum(body: &str) -> [u8; CHECKSUM_CHARS] {
    base62::six_digits(crc32fast::hash(body.as_bytes()))
}

fn sha256(secret: &str) -> Digest {
    Digest(Sha256::digest(secret.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_minted_is_recognised() {
        for key_type in KeyType::ALL {
            let minted = ApiKeyMint.mint_with_type(key_type);
            assert_eq!(minted.secret.len(), key_type.prefix().len() + 36);
            assert_eq!(ApiKeyMint.digest(&minted.secret), Some(minted.hash));
            assert_eq!(minted.prefix, minted.secret[..12]);
            assert!(minted.secret.starts_with(key_type.prefix()));
        }
        assert_eq!(ApiKeyMint.mint().secret.len(), 43);
    }

    /// One secret and its digest, computed with Python's `zlib.crc32` and `hashlib.sha256`.
    #[test]
    fn the_form_is_the_published_one() {
        let secret = "gdn_sk_0000000000000000000000000000003jeE3K";
        let digest = ApiKeyMint.digest(secret).map(|digest| digest.to_string());
        assert_eq!(
            digest.as_deref(),
            Some("5c089874a81b86b0ce878a27445a81d948bfe4aa20a8d2634441dd2537bb8319")
        );
    }

    #[test]
    fn any_one_wrong_character_is_noticed() {
        let secret = ApiKeyMint.mint().secret;
        for position in 0..secret.len() {
            for wrong in "0AZaz9_-é".chars() {
                let mut text: Vec<char> = secret.chars().collect();
                if text[position] == wrong {
                    continue;
                }
                text[position] = wrong;
                let text: String = text.into_iter().collect();
                assert_eq!(ApiKeyMint.digest(&text), None, "{wrong:?} at {position}");
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let secret = ApiKeyMint.mint().secret;
        let swapped = secret.replacen("gdn_sk_", "gdn_pat_", 1);
        let (longer, shorter, padded) = (format!("{secret}0"), &secret[..42], format!(" {secret}"));
        for text in ["", "gdn_sk_", "gdn_xx_", &swapped, &longer, shorter, &padded, "é", "gdn_sk_é"] {
            assert_eq!(ApiKeyMint.digest(text), None, "{text:?}");
        }
    }

    #[test]
    fn secrets_do_not_repeat_and_do_not_show_in_debug_output() {
        let minted: Vec<MintedKey> = (0..1000).map(|_| ApiKeyMint.mint()).collect();
        let different: BTreeSet<&str> = minted.iter().map(|key| key.secret.as_str()).collect();
        assert_eq!(different.len(), 1000);
        assert!(minted.iter().all(|key| !format!("{key:?}").contains(&key.secret)));
    }
}
