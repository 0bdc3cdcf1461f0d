//! Checks that a symmetric key looks random.
//!
//! Randomness cannot be proven. The check refuses usual substitutes: text, repetitions and sequences. It
//! refuses 32 random bytes less than once in 10^12 draws.

use super::{KEY_BYTES_MIN, SecretRule};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::zeroize::Zeroizing;
use std::collections::BTreeSet;

/// Minimum number of different bytes in a key.
const DIFFERENT_BYTES_MIN: usize = 16;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Decodes a key from hexadecimal digits or base64 and checks that it looks random.
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, SecretRule> {
    if text.is_empty() {
        return Err(SecretRule::Missing);
    }
    let bytes = Zeroizing::new(bytes(text).ok_or(SecretRule::NotEncoded)?);
    if bytes.len() < KEY_BYTES_MIN {
        return Err(SecretRule::TooShort);
    }
    if looks_random(&bytes) && text.bytes().collect::<BTreeSet<_>>().len() > 8 {
        Ok(bytes)
    } else {
        Err(SecretRule::Weak)
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        return text
            .as_bytes()
            .chunks_exact(2)
            .map(|two| Some(digit(two[0])? * 16 + digit(two[1])?))
            .collect();
    }
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

fn looks_random(bytes: &[u8]) -> bool {
    let different: BTreeSet<u8> = bytes.iter().copied().collect();
    let steps: BTreeSet<u8> = bytes.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    different.len() >= DIFFERENT_BYTES_MIN && steps.len() >= DIFFERENT_BYTES_MIN / 2 && !text
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn check(text: &str, expected: &Result<usize, SecretRule>) {
        assert_eq!(decode(text).map(|bytes| bytes.len()), *expected, "{text:?}");
    }

    #[test]
    fn what_people_write_in_place_of_a_key_is_refused() {
        check("", &Err(SecretRule::Missing));
        check("short", &Err(SecretRule::NotEncoded));
        check("c2hvcnQ=", &Err(SecretRule::TooShort));
        check("correct horse battery staple correct horse", &Err(SecretRule::NotEncoded));
        check("please-change-me-please-change-me-please!", &Err(SecretRule::NotEncoded));
        check(&"changeme".repeat(8), &Err(SecretRule::Weak));
        check(&"A".repeat(43), &Err(SecretRule::Weak));
        check(&"0".repeat(64), &Err(SecretRule::Weak));
        check(&"0123456789abcdef".repeat(4), &Err(SecretRule::Weak));
        check(&STANDARD.encode([7; 32]), &Err(SecretRule::Weak));
        check(&STANDARD.encode("my very secret pepper for production"), &Err(SecretRule::Weak));
        let counting: Vec<u8> = (0..32).collect();
        check(&STANDARD.encode(counting), &Err(SecretRule::Weak));
    }

    #[test]
    fn random_bytes_are_taken_in_every_common_form() {
        for _ in 0..2000 {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).expect("random numbers");
            check(&STANDARD.encode(bytes), &Ok(32));
            check(STANDARD.encode(bytes).trim_end_matches('='), &Ok(32));
            check(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes), &Ok(32));
            check(&domain::Digest(bytes).to_string(), &Ok(32));
        }
    }
}
