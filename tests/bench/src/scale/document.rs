//! The 1 KB JSON document that both systems store here, and the JSON Schema that Guardian checks it against.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// Size of every stored value.
pub const BYTES: usize = 1024;
/// Name of the schema in Guardian.
pub const SCHEMA: &str = "scale";

/// Key number `key` as the last part of its name.
pub fn key_name(key: usize) -> String {
    format!("config-{key:08}")
}

/// Writes the document of `key`, number `sequence`, behind `text`.
pub fn write(text: &mut String, key: usize, sequence: u64) {
    let start = text.len();
    // A `String` takes all that is written.
    let _ = write!(text, r#"{{"key":"config-{key:08}","sequence":"{sequence:016x}","text":""#);
    let rest = BYTES - (text.len() - start) - 2;
    text.extend(std::iter::repeat_n('x', rest));
    text.push_str("\"}");
}

/// The schema that the documents are bound to in Guardian.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["key", "sequence", "text"],
        "additionalProperties": false,
        "properties": {
            "key": { "type": "string", "maxLength": 63 },
            "sequence": { "type": "string", "maxLength": 16 },
            "text": { "type": "string" }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_1_kb_and_survives_parsing_and_printing() -> anyhow::Result<()> {
        let mut text = String::new();
        write(&mut text, 37, 0xabc);
        assert_eq!(text.len(), BYTES);
        let parsed: Value = serde_json::from_str(&text)?;
        assert_eq!(serde_json::to_string(&parsed)?, text);
        assert_eq!(parsed["key"], key_name(37));
        assert_eq!(parsed["sequence"], "0000000000000abc");
        Ok(())
    }
}
