//! Rules for new passwords: minimum length, not common, not derived from the user's own names.

use super::blocklist::is_common;
use super::normalized;
use application::ports::identity::{PasswordFault, PasswordRules};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

/// The name of the service, which is part of every context.
const SERVICE: &str = "guardian";
/// Minimum length of a context word, in code points; shorter ones occur in many words.
const CONTEXT_CHARS_MIN: usize = 3;
/// Maximum number of context words.
const CONTEXT_WORDS_MAX: usize = 64;
/// Minimum length of a password without its context words, in code points.
const OWN_CHARS_MIN: usize = 8;

/// Implements the port for password rules.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommonPasswords;

impl PasswordRules for CommonPasswords {
    fn acceptable(
        &self,
        password: &SecretString,
        context: &[&str],
        min: usize,
        max: usize,
    ) -> Result<(), PasswordFault> {
        acceptable(password, context, min, max)
    }
}

/// Whether a new password is accepted. Lengths are in code points after NFKC.
pub fn acceptable(
    password: &SecretString,
    context: &[&str],
    min: usize,
    max: usize,
) -> Result<(), PasswordFault> {
    // NFKC combines at most four code points of at most four bytes into one; longer texts exceed `max`
    // anyway.
    if password.expose_secret().len() > max.saturating_mul(4 * 4) {
        return Err(PasswordFault::TooLong { max });
    }
    let text = normalized(password.expose_secret());
    let chars = text.chars().count();
    if chars < min {
        return Err(PasswordFault::TooShort { min });
    }
    if chars > max {
        return Err(PasswordFault::TooLong { max });
    }
    let folded = Zeroizing::new(text.to_lowercase());
    if is_common(&folded) {
        return Err(PasswordFault::Common);
    }
    if own_chars(&folded, context) < OWN_CHARS_MIN {
        return Err(PasswordFault::Personal);
    }
    Ok(())
}

/// The length of a password without its context words, in code points; the full length if it has none.
fn own_chars(password: &str, context: &[&str]) -> usize {
    let mut words: Vec<String> = vec![SERVICE.to_owned()];
    for text in context {
        let text = normalized(text).to_lowercase();
        // Of an email address only the local part counts; the domain names a company or a provider.
        let name = text.split('@').next().unwrap_or_default();
        words.push(name.to_owned());
        words.extend(name.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
    }
    words.retain(|word| word.chars().count() >= CONTEXT_CHARS_MIN);
    // Longest first, so that no rest of a longer word remains.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words.truncate(CONTEXT_WORDS_MAX);
    let mut left = Zeroizing::new(password.to_owned());
    let mut found = false;
    for word in &words {
        if left.contains(word.as_str()) {
            found = true;
            left = Zeroizing::new(left.replace(word.as_str(), ""));
        }
    }
    if found { left.chars().count() } else { usize::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PasswordFault::{Common, Personal, TooLong, TooShort};

    const WHO: &[&str] = &["mary.poppins@example.org", "Mary Poppins", "shop-backend"];

    fn check(password: &str, expected: Result<(), PasswordFault>) {
        assert_eq!(acceptable(&password.into(), WHO, 8, 64), expected, "{password:?}");
    }

    #[test]
    fn lengths_are_code_points_after_normalisation() {
        check("seven77", Err(TooShort { min: 8 }));
        check("zxqjkvwp", Ok(()));
        check(&"\u{1f600}\u{1f680}\u{1f341}\u{1f9ca}".repeat(2).replacen('\u{1f600}', "ab", 1), Ok(()));
        // Eight code points as typed, seven after NFKC.
        check("zxqjkve\u{301}", Err(TooShort { min: 8 }));
        // One code point as typed, eighteen after NFKC.
        check("\u{fdfa}", Ok(()));
        check(&"zq".repeat(33), Err(TooLong { max: 64 }));
        check(&"q".repeat(1_000_000), Err(TooLong { max: 64 }));
    }

    #[test]
    fn no_rule_says_what_it_is_composed_of() {
        check("sailing over lemon hills", Ok(()));
        check("zylvqdwnbx", Ok(()));
        check("       ünïcode  字     ", Ok(()));
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for password in [
            "password",
            "PassWord",
            "P@ssw0rd!",
            "password2024",
            "Summer2025!",
            "qwertyuiop",
            "1qaz2wsx3edc",
            "12345678",
            "87654321",
            "aaaaaaaa",
            "abababababab",
            "abcdefgh",
            "iloveyou",
            "letmein123",
            "passwordpassword",
            "qwertyuiopasdfghjkl",
            "123456789012345678",
            "monkeymonkeymonkey",
            "correcthorsebatterystaple",
            "welcome1welcome1",
            "adminadminadmin1",
            "changemechangeme",
            "ｐａｓｓｗｏｒｄ",
        ] {
            check(password, Err(Common));
        }
    }

    #[test]
    fn names_are_refused_unless_there_is_more() {
        check("guardian-12", Err(Personal));
        check("Guardian!!", Err(Personal));
        check("marypoppins", Err(Personal));
        check("Mary.Poppins9", Err(Personal));
        check("poppins-shop-backend", Err(Personal));
        check("the guardian of lemon hills", Ok(()));
        check("example.org visits", Ok(()));
        assert_eq!(acceptable(&"marypoppins".into(), &[], 8, 64), Ok(()));
        assert_eq!(acceptable(&"xy zylvqd".into(), &["xy"], 8, 64), Ok(()), "short words do not count");
    }

    #[test]
    fn the_codes_are_stable() {
        let codes = [TooShort { min: 1 }, TooLong { max: 1 }, Common, Personal].map(PasswordFault::code);
        let expected = ["password_too_short", "password_too_long", "password_common", "password_personal"];
        assert_eq!(codes, expected);
    }
}
