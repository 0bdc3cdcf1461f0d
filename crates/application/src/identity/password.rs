//! Which passwords are good enough (NIST SP 800-63B-4 section 3.1.1): length and nothing common, no rules of
//! composition.

use super::IdentityRules;
use crate::Error;
use crate::ports::identity::PasswordBlocklist;
use domain::{Email, KeyLabel};
use secrecy::{ExposeSecret, SecretString};

/// Whose password it is to be.
pub(super) struct For<'a> {
    pub(super) email: &'a Email,
    pub(super) name: &'a KeyLabel,
    /// Whether the person must show more than the password.
    pub(super) has_factor: bool,
}

/// Fails unless the password is good enough; `field` is where it stands in the request.
pub(super) fn good_enough(
    password: &SecretString,
    field: &'static str,
    owner: &For<'_>,
    rules: &IdentityRules,
    blocklist: &dyn PasswordBlocklist,
) -> Result<(), Error> {
    let text = password.expose_secret();
    let bad = |message: String| Err(Error::Invalid { field, message });
    let min = if owner.has_factor { rules.password_chars_min_with_factor } else { rules.password_chars_min };
    let (chars, max) = (text.chars().count(), rules.password_chars_max);
    if !(min..=max).contains(&chars) {
        return bad(format!("must be {min} to {max} characters"));
    }
    let lower = text.to_lowercase();
    let local = owner.email.as_str().split('@').next().unwrap_or_default();
    let own = [owner.email.as_str(), local, &owner.name.as_str().to_lowercase()].contains(&lower.as_str());
    if own || repeats(&lower) || blocklist.contains(&lower) {
        return bad("is too common or says who you are; choose another".to_owned());
    }
    Ok(())
}

/// Whether the text is one or two characters over and over.
fn repeats(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars.len() > 2 && chars.iter().zip(chars.iter().skip(2)).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Common;

    impl PasswordBlocklist for Common {
        fn contains(&self, lower: &str) -> bool {
            lower == "correct horse battery staple"
        }
    }

    fn check(password: &str, has_factor: bool) -> Result<(), Error> {
        let email = Email::parse("ann.the.administrator@example.org").expect("an address");
        let name = KeyLabel::parse("Ann Of The Seven Seas").expect("a name");
        let owner = For { email: &email, name: &name, has_factor };
        good_enough(&password.into(), "password", &owner, &IdentityRules::default(), &Common)
    }

    #[test]
    fn length_counts_and_composition_does_not() {
        assert!(check("fifteen letters", false).is_ok());
        assert!(check("only fourteen.", false).is_err());
        assert!(check("only fourteen.", true).is_ok());
        assert!(check("seven77", true).is_err());
        assert!(check(&"ä1".repeat(128), false).is_err(), "long enough, but a pattern");
        assert!(check(&format!("x{}", "äöü".repeat(85)), false).is_ok(), "256 code points");
        assert!(check(&format!("xy{}", "äöü".repeat(85)), false).is_err(), "257 code points");
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        assert!(check("Correct Horse Battery Staple", false).is_err());
        assert!(check("ann.the.administrator", false).is_err());
        assert!(check("ANN.THE.ADMINISTRATOR@example.org", false).is_err());
        assert!(check("ann of the seven seas", false).is_err());
        assert!(check("aaaaaaaaaaaaaaaa", false).is_err());
        assert!(check("abababababababab", false).is_err());
    }
}
