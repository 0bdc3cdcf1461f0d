//! Request and response bodies, mapped by hand. No domain type is serialized to a client.

pub(super) mod api_key;
pub(super) mod cluster;
pub(super) mod config;
pub(crate) mod effect;
pub(super) mod history;
pub(super) mod patch;
pub(super) mod people;
pub(super) mod project;
pub(super) mod schema;
pub(super) mod transaction;
pub(crate) mod transfer;
pub(super) mod watch;

use crate::problem::{Code, Problem};
use crate::strict::Strict;
use domain::Content;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A document as raw JSON, written byte for byte.
fn raw(content: &Content) -> Result<&RawValue, Problem> {
    serde_json::from_str(content.as_str()).map_err(Problem::internal)
}

/// As [`raw`], for an optional document.
fn raw_or_null(content: Option<&Content>) -> Option<&RawValue> {
    content.and_then(|content| serde_json::from_str(content.as_str()).ok())
}

/// Deserializes a present member that must be an object; serde would also accept `null` and an array.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let members = serde_json::Map::deserialize(deserializer)?;
    T::deserialize(Strict::new(serde_json::Value::Object(members)))
        .map(Some)
        .map_err(serde::de::Error::custom)
}

/// Deserializes a present member that must be a string, not `null`.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// The refusal of an invalid member.
fn invalid(field: impl Into<String>, rule: &str) -> Problem {
    let field = field.into();
    Problem::new(Code::InvalidBody, format!("{field} {rule}")).with("field", field)
}
