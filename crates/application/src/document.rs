//! Parsing the text of a document: one JSON value of limited depth and size, without duplicate members.
//!
//! The text is stored as written except for insignificant white space, so numbers and escapes are returned
//! unchanged. The content is validated by schemas, not here.

use domain::Content;
use domain::limits::{DOCUMENT_BYTES_MAX, NESTING_MAX};
use memchr::memchr2;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// The reason why a text is not accepted as a document.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DocumentFault {
    /// The text is not JSON (RFC 8259), or an object has duplicate members.
    #[error("{field} is not valid JSON: {message}")]
    Syntax {
        /// The field of the request.
        field: &'static str,
        /// The problem and its position.
        message: String,
    },
    /// Arrays and objects are nested too deeply.
    #[error("{field} is nested deeper than {NESTING_MAX} levels")]
    TooDeep {
        /// The field of the request.
        field: &'static str,
    },
    /// The text is too large.
    #[error("{field} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// The field of the request.
        field: &'static str,
        /// The size of the compact text, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        bytes_max: usize,
    },
}

/// Checks `text` and removes insignificant white space. `field` names it in errors.
pub fn compact(field: &'static str, text: &str, bytes_max: usize) -> Result<Content, DocumentFault> {
    let compacted = strip(text).ok_or(DocumentFault::TooDeep { field })?;
    if compacted.len() > bytes_max {
        return Err(DocumentFault::TooLarge { field, bytes: compacted.len(), bytes_max });
    }
    let mut deserializer = serde_json::Deserializer::from_str(&compacted);
    StrictValue
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| DocumentFault::Syntax { field, message: error.to_string() })?;
    Content::from_compact(&compacted).map_err(|error| DocumentFault::TooLarge {
        field,
        bytes: error.bytes,
        bytes_max: DOCUMENT_BYTES_MAX,
    })
}

/// Removes white space outside of strings; `None` if nested deeper than [`NESTING_MAX`]. Does not check that
/// the text is JSON. White space between two scalars stays, because removing it would turn `1 2` into `12`.
fn strip(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut depth, mut gap) = (0, 0_usize, false);
    while let Some(&byte) = bytes.get(at) {
        if is_space(byte) {
            (gap, at) = (true, at + 1);
            continue;
        }
        if gap && !is_structural(byte) && out.as_bytes().last().is_some_and(|last| !is_structural(*last)) {
            out.push(' ');
        }
        gap = false;
        let end = match byte {
            b'"' => string_end(bytes, at + 1),
            b'{' | b'[' => {
                depth += 1;
                if depth > NESTING_MAX {
                    return None;
                }
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            b',' | b':' => at + 1,
            _ => scalar_end(bytes, at + 1),
        };
        out.push_str(text.get(at..end)?);
        at = end;
    }
    Some(out)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_structural(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':')
}

fn scalar_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let ends = |byte: &u8| is_space(*byte) || is_structural(*byte) || *byte == b'"';
    rest.iter().position(ends).map_or(text.len(), |more| from + more)
}

/// The index after the closing quote of the JSON string whose first character is at `from`; the length of the
/// text if the string is not closed.
pub fn string_end(text: &[u8], mut from: usize) -> usize {
    while let Some(more) = text.get(from..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        let at = from + more;
        if text.get(at) == Some(&b'"') {
            return at + 1;
        }
        from = at + 2;
    }
    text.len()
}

/// Parses any JSON value and discards it; fails if an object has duplicate members.
struct StrictValue;

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(de::Error::custom(format_args!("member {key:?} appears twice")));
            }
            seen.insert(key);
            map.next_value_seed(Self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let got = compact("content", text, DOCUMENT_BYTES_MAX);
        match (got, expected) {
            (Ok(content), Ok(expected)) => assert_eq!(content.as_str(), expected, "{text:?}"),
            (Err(fault), Err(expected)) => {
                assert!(fault.to_string().contains(expected), "{text:?}: {fault}");
            }
            (got, expected) => panic!("{text:?}: got {got:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn text_is_kept_but_for_white_space() {
        check(" { \"a\" : [ 1.0 , 12345678901234567890123 , \"x y\\u0041\" ] } ", {
            Ok("{\"a\":[1.0,12345678901234567890123,\"x y\\u0041\"]}")
        });
        check("\"quote \\\" in \\\\\"", Ok("\"quote \\\" in \\\\\""));
        check("null", Ok("null"));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        check("", Err("not valid JSON"));
        check("1 2", Err("trailing characters"));
        check("{\"a\":1,}", Err("not valid JSON"));
        check("tr ue", Err("not valid JSON"));
        check("\"\\ud800\"", Err("not valid JSON"));
        check("[1e999]", Err("number out of range"));
    }

    #[test]
    fn members_appear_once() {
        check("{\"a\":1,\"a\":2}", Err("appears twice"));
        check("[{\"b\":{\"a\":1,\"\\u0061\":2}}]", Err("appears twice"));
        check("{\"a\":{\"a\":1}}", Ok("{\"a\":{\"a\":1}}"));
    }

    #[test]
    fn depth_and_size_have_limits() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(compact("content", &nested(NESTING_MAX), DOCUMENT_BYTES_MAX).is_ok());
        check(&nested(NESTING_MAX + 1), Err("nested deeper than 64"));
        check(&nested(100_000), Err("nested deeper than 64"));
        let text = format!("\"{}\"", "x".repeat(98));
        assert!(compact("content", &text, 100).is_ok());
        assert!(matches!(
            compact("content", &text, 99),
            Err(DocumentFault::TooLarge { bytes: 100, bytes_max: 99, .. })
        ));
    }
}
