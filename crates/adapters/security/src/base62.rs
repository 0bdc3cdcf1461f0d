//! Base62: digits, upper-case and lower-case letters. Needs no quoting in a shell or a URL.

/// The characters, in the order of their values.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The largest multiple of 62 in a byte. Larger bytes are dropped, because they would bias the distribution.
const FAIR_BYTES: u8 = 248;
/// Random bytes per draw.
const DRAW_BYTES: usize = 64;

/// Appends `count` uniformly random characters.
///
/// Panics if the operating system provides no random numbers.
pub(crate) fn push_random(text: &mut String, count: usize) {
    let mut wanted = count;
    while wanted > 0 {
        let mut bytes = [0; DRAW_BYTES];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        for byte in bytes.into_iter().filter(|byte| *byte < FAIR_BYTES).take(wanted) {
            text.push(char::from(ALPHABET[usize::from(byte % 62)]));
            wanted -= 1;
        }
    }
}

/// Encodes a number in exactly six characters, most significant first; 62^6 exceeds 2^32.
pub(crate) fn six_digits(number: u32) -> [u8; 6] {
    let mut rest = number;
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Encodes 256 bits in exactly 43 characters, most significant first; 62^43 exceeds 2^256.
pub(crate) fn of_256_bits(bytes: &[u8; 32]) -> String {
    let mut rest = *bytes;
    let mut digits = [b'0'; 43];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut rest {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).expect("the remainder before is less than 62");
            remainder = value % 62;
        }
        *digit = ALPHABET[remainder as usize];
    }
    digits.into_iter().map(char::from).collect()
}

/// Whether the byte is a base62 character.
pub(crate) fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_six_characters() {
        assert_eq!(&six_digits(0), b"000000");
        assert_eq!(&six_digits(61), b"00000z");
        assert_eq!(&six_digits(62), b"000010");
        assert_eq!(&six_digits(u32::MAX), b"4gfFC3");
    }

    /// Expected values from Python's integers.
    #[test]
    fn two_hundred_and_fifty_six_bits_take_forty_three_characters() {
        assert_eq!(of_256_bits(&[0; 32]), "0".repeat(43));
        let mut one = [0; 32];
        one[31] = 62;
        assert_eq!(of_256_bits(&one), format!("{}10", "0".repeat(41)));
        assert_eq!(of_256_bits(&[255; 32]), "yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1");
    }

    #[test]
    fn every_character_is_as_likely() {
        let mut text = String::new();
        push_random(&mut text, 62_000);
        assert_eq!(text.len(), 62_000);
        for character in ALPHABET {
            let count = text.bytes().filter(|byte| byte == character).count();
            // Expected: 1000, with a standard deviation of 31. The bounds are 6 deviations away.
            assert!((810..=1190).contains(&count), "{} appears {count} times", char::from(*character));
        }
    }
}
