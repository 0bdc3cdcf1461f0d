//! Authenticated encryption with a cluster key: AES-256-GCM-SIV (RFC 8452), bound to a context.

use crate::secrets::{ClusterKey, ClusterKeys};
use application::ports::identity::{SealedFor, Sealer};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// The format version. Format: this byte, the mark of the key, the nonce, the ciphertext with its tag.
const FORM: u8 = 1;
const MARK_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const HEAD_BYTES: usize = 1 + MARK_BYTES + NONCE_BYTES;
/// Maximum length of a sealed text, in bytes.
const SEALED_TEXT_BYTES_MAX: usize = 8 * 1024;

/// Encrypts `plain` with the newest key. Decryption needs the same context `bound`.
pub(crate) fn seal(keys: &ClusterKeys, bound: &[u8], plain: &[u8]) -> Vec<u8> {
    let key = keys.newest();
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).expect("the operating system gives random numbers");
    let mut text = Zeroizing::new(plain.to_vec());
    cipher(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut *text)
        .expect("a short text can be sealed");
    [&[FORM][..], &key.mark, &nonce, &text].concat()
}

/// Decrypts with the key that the mark names; `None` for an invalid input or another context.
pub(crate) fn open(keys: &ClusterKeys, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (head, text) = sealed.split_at_checked(HEAD_BYTES)?;
    let (mark, nonce) = head.strip_prefix(&[FORM])?.split_at(MARK_BYTES);
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let key = keys.by_mark(mark)?;
    let length = cipher(key).open_in_place(nonce, Aad::from(bound), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

fn cipher(key: &ClusterKey) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM_SIV, &*key.sealing).expect("a key of 32 bytes");
    LessSafeKey::new(key)
}

/// Seals texts that clients hold temporarily.
#[derive(Clone, Debug)]
pub struct SealedTexts(ClusterKeys);

impl SealedTexts {
    /// Seals with the newest of `keys`; opens with any of them.
    pub fn new(keys: ClusterKeys) -> Self {
        Self(keys)
    }
}

fn purpose(purpose: SealedFor) -> &'static [u8] {
    match purpose {
        SealedFor::Challenge => b"guardian text v1 challenge",
        SealedFor::PasswordReset => b"guardian text v1 password reset",
    }
}

impl Sealer for SealedTexts {
    fn seal(&self, for_: SealedFor, plain: &str) -> SecretString {
        URL_SAFE_NO_PAD.encode(seal(&self.0, purpose(for_), plain.as_bytes())).into()
    }

    fn open(&self, for_: SealedFor, sealed: &str) -> Option<String> {
        if sealed.len() > SEALED_TEXT_BYTES_MAX {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let text = open(&self.0, purpose(for_), &sealed)?;
        std::str::from_utf8(&text).ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::test_support::secrets;
    use secrecy::ExposeSecret as _;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_with_the_keys_of_the_cluster_alone() {
        let (own, other) = (SealedTexts::new(secrets().cluster), SealedTexts::new(secrets().cluster));
        let sealed = own.seal(SealedFor::Challenge, "ann 7 é");
        let text = sealed.expose_secret();
        assert_eq!(own.open(SealedFor::Challenge, text).as_deref(), Some("ann 7 é"));
        assert_eq!(own.open(SealedFor::PasswordReset, text), None);
        assert_eq!(other.open(SealedFor::Challenge, text), None, "another cluster");
        assert_ne!(own.seal(SealedFor::Challenge, "ann 7 é").expose_secret(), text);
        assert!(text.len() <= 4 * "ann 7 é".len() + 128);
        for at in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).expect("ASCII");
            assert_eq!(own.open(SealedFor::Challenge, &wrong), None, "changed at {at}");
            assert_eq!(own.open(SealedFor::Challenge, &text[..at]), None, "cut at {at}");
        }
    }
}
