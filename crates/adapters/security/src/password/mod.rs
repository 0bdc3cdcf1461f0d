//! Passwords: which ones are acceptable, and how they are kept.

mod blocklist;
mod envelope;
mod hasher;
mod rules;

pub use hasher::{
    BCRYPT_COST_DEFAULT, BCRYPT_COST_MAX, BCRYPT_COST_MIN, BcryptHasher, HashingLoad, WAITING_MAX,
    default_permits,
};
pub use rules::{CommonPasswords, acceptable};

use secrecy::zeroize::Zeroizing;
use unicode_normalization::UnicodeNormalization as _;

/// The one form of a password that can be typed in several ways (NIST SP 800-63B-4 section 3.1.1.2: NFKC).
fn normalized(password: &str) -> Zeroizing<String> {
    // Long enough at once, so that no copy is left behind in growing.
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 4));
    text.extend(password.nfkc());
    text
}
