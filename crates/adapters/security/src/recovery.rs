//! Recovery codes, which users write down and type: four groups of five characters, 100 random bits.
//!
//! - The alphabet is Crockford's base 32, without letters that look like digits.
//! - Case, blanks and hyphens are ignored; letters that look like digits are read as digits.
//! - Attempts are per user and throttled. A stored digest cannot be reversed: there are 2^100 codes.

use application::ports::identity::OpaqueToken;
use domain::Digest;
use secrecy::zeroize::Zeroizing;

/// The characters, in the order of their values.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHARS: usize = 20;
const GROUP_CHARS: usize = 5;
/// Maximum length of an input, in bytes.
const TEXT_BYTES_MAX: usize = 64;
/// Separates the digest from digests of other kinds.
const KIND: &[u8] = b"guardian recovery code v1 ";

/// A new code.
pub(crate) fn mint() -> OpaqueToken {
    let mut bytes = Zeroizing::new([0; CHARS]);
    getrandom::fill(&mut *bytes).expect("the operating system gives random numbers");
    // 256 is a multiple of 32, so the distribution is uniform.
    let code: Zeroizing<Vec<u8>> =
        Zeroizing::new(bytes.iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect());
    let mut secret = String::with_capacity(CHARS + CHARS / GROUP_CHARS);
    for (index, byte) in code.iter().enumerate() {
        if index > 0 && index % GROUP_CHARS == 0 {
            secret.push('-');
        }
        secret.push(char::from(*byte));
    }
    OpaqueToken { secret: secret.into(), digest: Digest::of(&[KIND, &code]) }
}

/// The digest of a code as typed; `None` if its form is invalid.
pub(crate) fn digest(text: &str) -> Option<Digest> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut code = Zeroizing::new(Vec::with_capacity(CHARS));
    for byte in text.bytes().filter(|byte| !matches!(byte, b' ' | b'-')) {
        let byte = match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            byte => byte,
        };
        if code.len() == CHARS || !ALPHABET.contains(&byte) {
            return None;
        }
        code.push(byte);
    }
    (code.len() == CHARS).then(|| Digest::of(&[KIND, &code]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn codes_are_read_as_people_type_them() {
        for _ in 0..100 {
            let made = mint();
            let code = made.secret.expose_secret();
            assert_eq!(code.len(), 23);
            let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            for text in [code, &typed, &code.replace('-', ""), &format!(" {code} ")] {
                assert_eq!(digest(text), Some(made.digest), "{text}");
            }
            for text in ["", &code[..22], &format!("{code}0"), &code.replace('-', "_"), &code.repeat(9)] {
                assert_eq!(digest(text), None, "{text}");
            }
        }
    }
}
