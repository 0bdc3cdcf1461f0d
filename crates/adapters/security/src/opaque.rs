//! Opaque tokens: `gdn_<kind>_`, 43 base62 characters that encode 256 bits, 6 characters of checksum.
//!
//! Prefix and checksum serve the same purposes as in API keys. Recovery codes are typed by users and have
//! another form.

use crate::secrets::{ClusterKeys, hmac_sha256};
use crate::{base62, recovery};
use application::ports::identity::{OpaqueToken, OpaqueTokens, TokenKind};
use domain::Digest;
use secrecy::zeroize::Zeroizing;

/// Characters that encode 256 bits: 43 × log2(62) = 256.03.
const BODY_CHARS: usize = 43;
/// Characters of the checksum.
const CHECKSUM_CHARS: usize = 6;

/// The prefix of a token of this kind; `None` for recovery codes.
fn beginning(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Refresh => Some("gdn_rt_"),
        TokenKind::Invitation => Some("gdn_inv_"),
        TokenKind::Challenge => Some("gdn_mfa_"),
        TokenKind::Csrf => Some("gdn_csrf_"),
        TokenKind::Recovery => None,
    }
}

/// Mints tokens from the random number generator of the operating system.
#[derive(Clone, Debug)]
pub struct OpaqueTokenMint {
    keys: ClusterKeys,
}

impl OpaqueTokenMint {
    /// A mint that derives successors of refresh tokens with the newest of `keys`.
    pub fn new(keys: ClusterKeys) -> Self {
        Self { keys }
    }
}

impl OpaqueTokens for OpaqueTokenMint {
    fn mint(&self, kind: TokenKind) -> OpaqueToken {
        let Some(beginning) = beginning(kind) else { return recovery::mint() };
        let mut body = Zeroizing::new(String::with_capacity(BODY_CHARS));
        base62::push_random(&mut body, BODY_CHARS);
        whole(beginning, &body)
    }

    fn digest(&self, kind: TokenKind, secret: &str) -> Option<Digest> {
        let Some(beginning) = beginning(kind) else { return recovery::digest(secret) };
        let rest = secret.strip_prefix(beginning)?;
        if rest.len() != BODY_CHARS + CHECKSUM_CHARS || !rest.bytes().all(base62::is_digit) {
            return None;
        }
        let (text, given) = secret.split_at(secret.len() - CHECKSUM_CHARS);
        (checksum(text) == *given.as_bytes()).then(|| Digest::of(&[secret.as_bytes()]))
    }

    fn successor(&self, refresh: &str) -> Option<OpaqueToken> {
        self.digest(TokenKind::Refresh, refresh)?;
        let next = Zeroizing::new(hmac_sha256(&self.keys.newest().refreshing, refresh.as_bytes()));
        let body = Zeroizing::new(base62::of_256_bits(&next));
        Some(whole(beginning(TokenKind::Refresh)?, &body))
    }
}

fn whole(beginning: &str, body: &str) -> OpaqueToken {
    let mut secret = String::with_capacity(beginning.len() + BODY_CHARS + CHECKSUM_CHARS);
    secret.push_str(beginning);
    secret.push_str(body);
    let checksum = checksum(&secret);
    secret.extend(checksum.map(char::from));
    OpaqueToken { digest: Digest::of(&[secret.as_bytes()]), secret: secret.into() }
}

fn checksum(text: &str) -> [u8; CHECKSUM_CHARS] {
    base62::six_digits(crc32fast::hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::test_support::{secrets, secrets_of};
    use TokenKind::{Challenge, Csrf, Invitation, Recovery, Refresh};
    use secrecy::ExposeSecret as _;
    use std::collections::BTreeSet;

    const KINDS: [TokenKind; 5] = [Refresh, Invitation, Challenge, Recovery, Csrf];

    fn mint() -> OpaqueTokenMint {
        OpaqueTokenMint::new(secrets().cluster)
    }

    #[test]
    fn one_kind_is_never_taken_for_another() {
        let mint = mint();
        for kind in KINDS {
            let token = mint.mint(kind);
            for other in KINDS {
                let expected = (kind == other).then_some(token.digest);
                assert_eq!(mint.digest(other, token.secret.expose_secret()), expected, "{kind:?} {other:?}");
            }
            assert!(!format!("{token:?}").contains(token.secret.expose_secret()));
        }
    }

    #[test]
    fn any_one_wrong_character_is_noticed() {
        let mint = mint();
        let token = mint.mint(Refresh);
        let secret = token.secret.expose_secret();
        assert_eq!(secret.len(), 7 + 43 + 6);
        for position in 0..secret.len() {
            for wrong in "0Az_é".chars().filter(|c| !secret[position..].starts_with(*c)) {
                let mut text: Vec<char> = secret.chars().collect();
                text[position] = wrong;
                let text: String = text.into_iter().collect();
                assert_eq!(mint.digest(Refresh, &text), None, "{wrong:?} at {position}");
                assert!(mint.successor(&text).is_none());
            }
        }
        for text in ["", "gdn_rt_", &secret[..55], &format!("{secret}0"), &format!(" {secret}")] {
            assert_eq!(mint.digest(Refresh, text), None, "{text:?}");
        }
    }

    #[test]
    fn a_successor_is_always_the_same_and_needs_the_key() {
        let (mint, other) = (mint(), mint());
        let first = mint.mint(Refresh);
        let next = mint.successor(first.secret.expose_secret()).expect("a successor");
        let again = mint.successor(first.secret.expose_secret()).expect("a successor");
        assert_eq!(next.secret.expose_secret(), again.secret.expose_secret());
        assert_eq!(mint.digest(Refresh, next.secret.expose_secret()), Some(next.digest));
        let elsewhere = other.successor(first.secret.expose_secret()).expect("a successor");
        assert_ne!(next.digest, elsewhere.digest, "another cluster has another one");
        let mut seen = BTreeSet::from([first.digest]);
        let mut token = next;
        for _ in 0..1000 {
            assert!(seen.insert(token.digest), "no circle");
            token = mint.successor(token.secret.expose_secret()).expect("a successor");
        }
    }

    /// All nodes, also of other releases, must derive the same successor.
    #[test]
    fn the_successor_is_part_of_the_contract_between_versions() {
        let mint = OpaqueTokenMint::new(secrets_of(&["1"]).cluster);
        let zero = whole("gdn_rt_", &"0".repeat(43));
        let next = mint.successor(zero.secret.expose_secret()).expect("a successor");
        assert_eq!(next.secret.expose_secret(), "gdn_rt_RrlHlXl4SppXSDth1dwkvCdkxmlsSJuR1zQ7G5rRnWG4LhS6O");
    }
}
