//! Acceptable passwords (NIST SP 800-63B-4 section 3.1.1): a minimum length and a blocklist, without rules on
//! composition.

use super::IdentityRules;
use crate::Error;
use crate::ports::identity::PasswordRules;
use domain::{Email, KeyLabel};
use secrecy::SecretString;

/// The owner of a new password.
pub(super) struct For<'a> {
    pub(super) email: &'a Email,
    pub(super) name: &'a KeyLabel,
    /// Whether the user has a second factor.
    pub(super) has_factor: bool,
}

/// Checks a new password; `field` names its field in the request.
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
