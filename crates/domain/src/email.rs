//! Normalises an e-mail address as entered to its canonical form: ASCII lower case, NFC, no invisible
//! characters.
//!
//! Only ASCII letters are folded. Unicode case folding maps some other characters to ASCII letters (KELVIN
//! SIGN to `k`), which would give two users the same address; characters that NFC maps to ASCII letters are
//! refused.

use crate::Email;
use crate::limits::{EMAIL_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX};
use unicode_normalization::UnicodeNormalization as _;

/// The text is not an acceptable e-mail address.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "must be an address: 1 to {EMAIL_LOCAL_BYTES_MAX} bytes without blanks, control characters and invisible \
     characters, '@', and a host of ASCII letters, digits, '.' and '-'; at most {EMAIL_BYTES_MAX} bytes"
)]
pub struct EmailError;

/// The characters that are refused before the `@`: blanks, control, format and private-use characters, other
/// invisible characters, and letter-like symbols, of which some are equivalent to letters.
const REFUSED: &[(char, char)] = &[
    ('\0', ' '),
    ('@', '@'),
    ('\u{7f}', '\u{a0}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    ('\u{2100}', '\u{214f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{e000}', '\u{f8ff}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{ffff}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{10ffff}'),
];

impl Email {
    /// The accepted input, as a regular expression (ECMA-262, Unicode). It counts characters; the byte limits
    /// are stricter for characters outside of ASCII.
    pub const INPUT_PATTERN: &str = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\
        \\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\
        \\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\
        \\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}\
        @[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$";

    /// Normalises an address as entered; fails if it is not acceptable.
    pub fn from_input(text: &str) -> Result<Self, EmailError> {
        // Bounds the work of normalising.
        if text.len() > 4 * EMAIL_BYTES_MAX {
            return Err(EmailError);
        }
        let (local, host) = text.split_once('@').ok_or(EmailError)?;
        let refused = |c: char| REFUSED.iter().any(|(first, last)| (*first..=*last).contains(&c));
        if local.chars().any(refused) || !host.is_ascii() {
            return Err(EmailError);
        }
        let folded: String = local.nfc().chain(['@']).chain(host.chars()).collect();
        let folded = folded.to_ascii_lowercase();
        Self::parse(&folded).map_err(|_| EmailError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let parsed = Email::from_input(text).ok();
        assert_eq!(parsed.as_ref().map(Email::as_str), expected, "{}", text.escape_unicode());
    }

    #[test]
    fn addresses_have_one_form() {
        check("Mike@Example.ORG", Some("mike@example.org"));
        check("jose\u{301}@example.org", Some("jos\u{e9}@example.org"));
        check("jos\u{e9}@example.org", Some("jos\u{e9}@example.org"));
        check("o'neil+tag@example.org", Some("o'neil+tag@example.org"));
        check("\u{e9}\u{c9}@example.org", Some("\u{e9}\u{c9}@example.org"));
        check("\u{130}@example.org", Some("\u{130}@example.org"));
        let longest = "l".repeat(EMAIL_LOCAL_BYTES_MAX) + "@example.org";
        check(&longest, Some(&longest));
        check(&format!("l{longest}"), None);
    }

    #[test]
    fn nobody_gets_the_address_of_another_by_signs_that_look_like_it() {
        for sign in [
            '\u{212a}',
            '\u{212b}',
            '\u{2126}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{a0}',
            '\u{0}',
            '\n',
            '\t',
            ' ',
            '\u{85}',
            '\u{34f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{e0001}',
            '\u{e0100}',
            '\u{e000}',
            '\u{115f}',
            '\u{180e}',
            '\u{2028}',
            '\u{10ffff}',
        ] {
            check(&format!("mi{sign}e@example.org"), None);
            check(&format!("mike@exam{sign}ple.org"), None);
            check(&format!("{sign}mike@example.org"), None);
            check(&format!("mike@example.org{sign}"), None);
        }
        check("mike@\u{212a}.org", None);
        check("mike@e\u{e9}.org", None);
        for bad in ["", "@", "mike", "@example.org", "a@b@c", "mike@", "mike@-a.org"] {
            check(bad, None);
        }
    }

    #[test]
    fn no_character_becomes_a_letter_of_ascii() {
        for c in (0x80..=0x0010_ffff).filter_map(char::from_u32) {
            if let Ok(email) = Email::from_input(&format!("{c}@example.org")) {
                let local = email.as_str().split('@').next().unwrap_or_default();
                assert!(!local.bytes().any(|byte| byte.is_ascii_alphanumeric()), "{}", c.escape_unicode());
                assert_eq!(Email::from_input(email.as_str()), Ok(email), "{}", c.escape_unicode());
            }
        }
    }

    #[test]
    fn the_pattern_is_the_rule() {
        let shown = |c: char| match u32::from(c) {
            point @ 0..=0xffff => format!("\\u{point:04x}"),
            _ => c.to_string(),
        };
        let range = |(first, last): &(char, char)| {
            if first == last { shown(*first) } else { format!("{}-{}", shown(*first), shown(*last)) }
        };
        let refused: String = REFUSED.iter().map(range).collect();
        let host = "[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?";
        assert_eq!(Email::INPUT_PATTERN, format!("^[^{refused}]{{1,64}}@{host}$"));
    }
}
