//! Which passwords are good enough (NIST SP 800-63B-4 section 3.1.1): length and nothing common, no rules of
//! composition.

use super::IdentityRules;
use crate::Error;
use crate::ports::identity::PasswordRules;
use domain::{Email, KeyLabel};
use secrecy::SecretString;

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
    judge: &dyn PasswordRules,
) -> Result<(), Error> {
    let min = if owner.has_factor { rules.password_chars_min_with_factor } else { rules.password_chars_min };
    let context = [owner.email.as_str(), owner.name.as_str()];
    let judged = judge.acceptable(password, &context, min, rules.password_chars_max);
    judged.map_err(|fault| Error::Invalid { field, message: fault.to_string() })
}
