//! The text form of a password hash: `bcrypt-hmac-sha384:<pepper>:<bcrypt>`. The last part is bcrypt's own
//! format with version, cost, salt and digest.

use super::hasher::{BCRYPT_COST_MAX, COST_READ_MIN};
use std::fmt;
use std::str::FromStr as _;

/// The scheme: bcrypt of base64(HMAC-SHA-384(pepper, NFKC(password))).
const SCHEME: &str = "bcrypt-hmac-sha384";

/// A parsed password hash.
pub(super) struct Envelope<'a> {
    /// The id of the pepper.
    pub(super) pepper: &'a str,
    /// The cost: the base-2 logarithm of the number of rounds.
    pub(super) cost: u32,
    /// The hash in bcrypt's format.
    pub(super) bcrypt: &'a str,
}

impl<'a> Envelope<'a> {
    /// Parses a hash; `None` for other schemes and for costs outside the supported range.
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
