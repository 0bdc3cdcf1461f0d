//! The 256-byte JSON document that both systems store, and the JSON Schema that Guardian checks it against.
//!
//! Member names are in alphabetical order and there is no white space, so that a server that parses and
//! prints it again yields the same bytes.

use std::ops::Range;

use serde_json::{Value, json};

/// Size of every stored value.
pub const BYTES: usize = 256;
/// How many keys the load is spread over.
pub const KEYS: usize = 1_000;
/// Name of the schema in Guardian.
pub const SCHEMA: &str = "bench";

const BEFORE_NOTE: &str =
    r#"{"enabled":true,"environment":"production","limits":{"burst":200,"per_second":100},"note":""#;
const BEFORE_SEQUENCE: &str = r#"","owner":"team-payments","replicas":3,"sequence":""#;
const BEFORE_KEY: &str = r#"","service":"bench-"#;
const END: &str = r#"","timeout_ms":2500}"#;
const SEQUENCE_DIGITS: usize = 16;
const KEY_DIGITS: usize = 4;

/// A document ready to be sent again and again; only the changing digits are written anew.
#[derive(Debug, Clone)]
pub struct Document {
    bytes: Vec<u8>,
    content: Range<usize>,
    sequence: Range<usize>,
    key: Range<usize>,
}

impl Document {
    /// The document between `before` and `after`, for instance the rest of a request body.
    pub fn new(before: &str, after: &str) -> Self {
        let fixed = BEFORE_NOTE.len() + BEFORE_SEQUENCE.len() + BEFORE_KEY.len() + END.len();
        let note = "n".repeat(BYTES - fixed - SEQUENCE_DIGITS - KEY_DIGITS);
        let mut text = format!("{before}{BEFORE_NOTE}{note}{BEFORE_SEQUENCE}");
        let sequence = text.len()..text.len() + SEQUENCE_DIGITS;
        text.push_str(&"0".repeat(SEQUENCE_DIGITS));
        text.push_str(BEFORE_KEY);
        let key = text.len()..text.len() + KEY_DIGITS;
        text.push_str(&"0".repeat(KEY_DIGITS));
        text.push_str(END);
        let content = before.len()..text.len();
        text.push_str(after);
        Self { bytes: text.into_bytes(), content, sequence, key }
    }

    /// The bytes to send for `key`, number `sequence`.
    pub fn fill(&mut self, key: usize, sequence: u64) -> &[u8] {
        write_digits(&mut self.bytes[self.sequence.clone()], sequence, 16);
        write_digits(&mut self.bytes[self.key.clone()], key as u64, 10);
        &self.bytes
    }

    /// Whether `stored` is a document of `key`, whatever its sequence.
    pub fn matches(&mut self, key: usize, stored: &[u8]) -> bool {
        self.fill(key, 0);
        let (start, sequence) = (self.content.start, self.sequence.clone());
        stored.len() == BYTES
            && stored[..sequence.start - start] == self.bytes[start..sequence.start]
            && stored[sequence.end - start..] == self.bytes[sequence.end..self.content.end]
    }
}

fn write_digits(place: &mut [u8], mut number: u64, base: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b"0123456789abcdef"[usize::try_from(number % base).unwrap_or_default()];
        number /= base;
    }
}

/// Key number `key` as the last part of its name.
pub fn key_name(key: usize) -> String {
    format!("bench-{key:04}")
}

/// The schema that the documents are bound to in Guardian.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["enabled", "environment", "limits", "owner", "replicas", "sequence", "service", "timeout_ms"],
        "additionalProperties": false,
        "properties": {
            "enabled": { "type": "boolean" },
            "environment": { "enum": ["production", "staging", "development"] },
            "limits": {
                "type": "object",
                "required": ["burst", "per_second"],
                "additionalProperties": false,
                "properties": {
                    "burst": { "type": "integer", "minimum": 0, "maximum": 100_000 },
                    "per_second": { "type": "integer", "minimum": 0, "maximum": 100_000 }
                }
            },
            "note": { "type": "string", "maxLength": 200 },
            "owner": { "type": "string", "pattern": "^team-[a-z]{1,32}$" },
            "replicas": { "type": "integer", "minimum": 1, "maximum": 100 },
            "sequence": { "type": "string", "pattern": "^[0-9a-f]{16}$" },
            "service": { "type": "string", "pattern": "^[a-z][a-z0-9-]*$", "maxLength": 63 },
            "timeout_ms": { "type": "integer", "minimum": 1, "maximum": 60_000 }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_256_bytes_and_survives_parsing_and_printing() -> anyhow::Result<()> {
        let mut document = Document::new("", "");
        let bytes = document.fill(37, 0xabc).to_vec();
        assert_eq!(bytes.len(), BYTES);
        let parsed: Value = serde_json::from_slice(&bytes)?;
        assert_eq!(serde_json::to_vec(&parsed)?, bytes);
        assert_eq!(parsed["service"], key_name(37));
        assert_eq!(parsed["sequence"], "0000000000000abc");
        Ok(())
    }

    #[test]
    fn a_request_body_wraps_the_document() -> anyhow::Result<()> {
        let mut document = Document::new(r#"{"content":"#, "}");
        let body: Value = serde_json::from_slice(document.fill(999, u64::MAX))?;
        assert_eq!(serde_json::to_vec(&body["content"])?.len(), BYTES);
        Ok(())
    }

    #[test]
    fn only_the_sequence_may_differ() {
        let mut template = Document::new(r#"{"content":"#, "}");
        let stored = Document::new("", "").fill(5, 77).to_vec();
        assert!(template.matches(5, &stored));
        assert!(!template.matches(6, &stored));
        assert!(!template.matches(5, &stored[1..]));
    }
}
