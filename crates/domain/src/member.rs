//! Members of the cluster, as far as the replicated state decides about them: which nodes may join, and which
//! never may again. The current membership is not part of the state.

use crate::{MemberAddress, MemberName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A permanent member id: random, from 1 to 2^63 - 1, never reused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct MemberId(u64);

/// The number or text is not a member id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a member id must be a decimal number from 1 to {}", MemberId::MAX)]
pub struct MemberIdError;

impl MemberId {
    /// The largest id, which fits a signed 64-bit integer.
    pub const MAX: u64 = i64::MAX.unsigned_abs();
    /// The text form, as a regular expression.
    pub const PATTERN: &'static str = "^[1-9][0-9]{0,18}$";

    /// Checks the range of the number.
    pub fn new(number: u64) -> Result<Self, MemberIdError> {
        if (1..=Self::MAX).contains(&number) { Ok(Self(number)) } else { Err(MemberIdError) }
    }

    /// Parses the text form: decimal, without sign or leading zeros.
    pub fn parse(text: &str) -> Result<Self, MemberIdError> {
        let number = text.parse().map_err(|_| MemberIdError)?;
        let id = Self::new(number)?;
        if id.to_string() == text { Ok(id) } else { Err(MemberIdError) }
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for MemberId {
    type Error = MemberIdError;

    fn try_from(number: u64) -> Result<Self, MemberIdError> {
        Self::new(number)
    }
}

impl From<MemberId> for u64 {
    fn from(id: MemberId) -> Self {
        id.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A member with its addresses, as it is admitted or updated.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NewMember {
    /// The member id.
    pub id: MemberId,
    /// The name for operators.
    pub name: MemberName,
    /// The address for the other members.
    pub peer_addr: MemberAddress,
    /// The address for clients.
    pub api_url: MemberAddress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_form() {
        for good in ["1", "9223372036854775807"] {
            assert_eq!(MemberId::parse(good).expect("an id").to_string(), good);
        }
        for bad in ["", "0", "-1", "+1", "01", "9223372036854775808", "x", " 1", "1 "] {
            assert!(MemberId::parse(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<MemberId>("0").is_err(), "decoding checks too");
    }
}
