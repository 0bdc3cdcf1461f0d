//! What is kept of a password, as text: `bcrypt-hmac-sha384:<pepper>:<bcrypt>`, where the last part holds
//! version, cost, salt and digest as bcrypt writes them.

use super::hasher::{BCRYPT_COST_MAX, COST_READ_MIN};
use std::fmt;
use std::str::FromStr as _;

/// Names how password and pepper go into bcrypt: base64 of HMAC-SHA-384(pepper, NFKC(password)).
const SCHEME: &str = "bcrypt-hmac-sha384";

/// What is kept of a password.
pub(super) struct Envelope<'a> {
    /// Which pepper went into it.
    pub(super) pepper: &'a str,
    /// Its cost: the logarithm of the number of rounds.
    pub(super) cost: u32,
    /// What bcrypt made.
    pub(super) bcrypt: &'a str,
}

impl<'a> Envelope<'a> {
    /// Takes the text apart; `None` for other schemes, and for costs that nobody would wait for.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (scheme, pepper, bcrypt) = (parts.next()?, parts.next()?, parts.next()?);
        let cost = bcrypt::HashParts::from_str(bcrypt).ok()?.get_cost();
        (scheme == SCHEME && (COST_READ_MIN..=BCRYPT_COST_MAX).contains(&cost)).then_some(Self {
            pepper,
            cost,
            bcrypt,
        })
    }
}

impl fmt::Display for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}:{}:{}", self.pepper, self.bcrypt)
    }
}
