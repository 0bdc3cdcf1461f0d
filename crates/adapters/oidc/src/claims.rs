//! Conversion of a provider's claims to an external identity.

use application::ports::identity::{ExternalIdentity, ExternalPerson};
use domain::Email;
use domain::limits::KEY_LABEL_BYTES_MAX;
use openidconnect::{AdditionalClaims, EndUserEmail, EndUserName, LocalizedClaim};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of groups of a user, and maximum length of a group name in bytes.
const GROUPS_MAX: usize = 1000;
const GROUP_BYTES_MAX: usize = 256;

/// The non-standard claims.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct OtherClaims {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

impl AdditionalClaims for OtherClaims {}

impl OtherClaims {
    /// The groups in the claim `name`, an array or a single string; `None` if the claim is absent.
    fn groups(&self, name: &str) -> Option<Vec<String>> {
        let texts: Vec<&str> = match self.all.get(name)? {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let short = texts.into_iter().filter(|text| text.len() <= GROUP_BYTES_MAX);
        let different: BTreeSet<&str> = short.take(GROUPS_MAX).collect();
        Some(different.into_iter().map(str::to_owned).collect())
    }
}

/// The collected claims. The userinfo response fills what the ID token lacks.
#[derive(Debug, Default)]
pub(crate) struct Found {
    email: Option<Email>,
    name: Option<String>,
    groups: Option<Vec<String>>,
}

impl Found {
    /// Adds claims that are not known yet. Of email addresses only a verified one is used.
    pub(crate) fn add(
        &mut self,
        verified_email: Option<&EndUserEmail>,
        name: Option<&LocalizedClaim<EndUserName>>,
        other: &OtherClaims,
        groups_claim: Option<&str>,
    ) {
        self.email = self.email.take().or_else(|| Email::from_input(verified_email?).ok());
        self.name = self.name.take().or_else(|| label(name?.get(None)?));
        self.groups = self.groups.take().or_else(|| other.groups(groups_claim?));
    }

    /// Whether a used claim is missing.
    pub(crate) fn lacks_something(&self, groups_claim: Option<&str>) -> bool {
        self.email.is_none() || self.name.is_none() || (groups_claim.is_some() && self.groups.is_none())
    }

    pub(crate) fn person(self, identity: ExternalIdentity) -> ExternalPerson {
        let groups = self.groups.unwrap_or_default();
        ExternalPerson { identity, email: self.email, name: self.name, groups }
    }
}

/// A display name without control characters, truncated to the length limit.
fn label(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    let plain = plain.trim();
    let cut = &plain[..plain.floor_char_boundary(KEY_LABEL_BYTES_MAX)];
    (!cut.is_empty()).then(|| cut.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(claims: &str, expected: Option<&[&str]>) {
        let claims: OtherClaims = serde_json::from_str(claims).expect("claims");
        let expected = expected.map(|groups| groups.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        assert_eq!(claims.groups("groups"), expected);
    }

    #[test]
    fn groups_come_in_several_forms() {
        check(r#"{"groups":["b","a","b"],"x":1}"#, Some(&["a", "b"]));
        check(r#"{"groups":"a"}"#, Some(&["a"]));
        check(r#"{"groups":[]}"#, Some(&[]));
        check(r#"{"groups":[1,{"a":"b"},"c"]}"#, Some(&["c"]));
        check(r#"{"groups":{"a":1}}"#, Some(&[]));
        check(r#"{"roles":["a"]}"#, None);
        check(&format!(r#"{{"groups":["{}"]}}"#, "g".repeat(257)), Some(&[]));
    }

    #[test]
    fn names_are_cut_and_cleaned() {
        assert_eq!(label(" Ann\u{0}\n Lee "), Some("Ann Lee".to_owned()));
        assert_eq!(label(&"é".repeat(200)).map(|name| name.len()), Some(KEY_LABEL_BYTES_MAX));
        assert_eq!(label("\n \u{7}"), None);
    }
}
