//! Checks of formats and encoded content. Regular expressions are checked here, all others by the library.

use crate::pattern;
use crate::program::{Check, Format, Rule};
use crate::value::{Json, member};
use domain::Dialect;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The formats that are checked, in dialects that define them. Other formats are annotations only.
pub const FORMATS: [&str; 19] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// The check of a format; `None` if the format is not checked.
pub(crate) fn of(name: &str, dialect: Dialect) -> Option<Format> {
    if !FORMATS.contains(&name) {
        return None;
    }
    let library = if name == "regex" { None } else { Some(library(&json!({ "format": name }), dialect)?) };
    Some(Format { name: name.into(), library })
}

/// The check of `contentEncoding` and `contentMediaType`, in drafts 6 and 7 only.
pub(crate) fn content(members: &[(Box<str>, Json)], dialect: Dialect) -> Option<Rule> {
    if !matches!(dialect, Dialect::Draft6 | Dialect::Draft7) {
        return None;
    }
    let known = |keyword: &str, value: &str| member(members, keyword).and_then(Json::as_str) == Some(value);
    let (encoding, media) =
        (known("contentEncoding", "base64"), known("contentMediaType", "application/json"));
    let (schema, keyword) = match (encoding, media) {
        (false, false) => return None,
        (true, false) => (json!({ "contentEncoding": "base64" }), "contentEncoding"),
        // Content in an unknown encoding cannot be checked.
        (false, true) if member(members, "contentEncoding").is_some() => return None,
        (false, true) => (json!({ "contentMediaType": "application/json" }), "contentMediaType"),
        (true, true) => (
            json!({ "contentEncoding": "base64", "contentMediaType": "application/json" }),
            "contentMediaType",
        ),
    };
    let library = Some(library(&schema, dialect)?);
    Some(Rule { keyword, check: Check::Format(Format { name: "content".into(), library }) })
}

/// A cached validator of the library.
fn library(schema: &Value, dialect: Dialect) -> Option<Arc<Validator>> {
    type Made = Mutex<BTreeMap<(String, u8), Arc<Validator>>>;
    static MADE: LazyLock<Made> = LazyLock::new(Made::default);
    let key = (schema.to_string(), crate::keywords::age(dialect));
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = made.get(&key) {
        return Some(known.clone());
    }
    let options = jsonschema::options()
        .offline()
        .with_draft(crate::dialect::draft(dialect))
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true);
    let validator = Arc::new(options.build(schema).ok()?);
    made.insert(key, validator.clone());
    Some(validator)
}

impl Format {
    pub(crate) fn holds(&self, text: &str) -> bool {
        match &self.library {
            Some(library) => library.is_valid(&Value::String(text.to_owned())),
            None => !matches!(pattern::parse(text), Err(pattern::Fault::Syntax { .. })),
        }
    }
}
