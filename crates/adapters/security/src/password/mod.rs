//! Passwords: acceptance rules and hashing.

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

/// Normalizes a password to NFKC (NIST SP 800-63B-4 section 3.1.1.2).
fn normalized(password: &str) -> Zeroizing<String> {
    // Allocated at full capacity, so that growing leaves no copy in memory.
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 4));
    text.extend(password.nfkc());
    text
}
