//! Documents and schemas of the scene: generation and parsing.

use crate::operation::Document;
use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The maxima of the schemas, in turn; most documents satisfy the narrowest.
pub(crate) const MAXIMA: [u64; 4] = [40, 60, 80, 100];
/// The maximum of the first version of a schema.
pub(crate) const MAXIMUM_FIRST: u64 = 100;
/// The largest maximum of any schema.
pub(crate) const MAXIMUM_EVER: u64 = 100;
/// Size of a large document, in bytes.
const LARGE_BYTES: std::ops::RangeInclusive<usize> = 2_000..=20_000;
/// Maximum size of a small one, in bytes, besides its numbers.
const SMALL_BYTES_MAX: usize = 160;
/// The alphabet of texts, with characters that JSON escapes and characters of two to four bytes.
const LETTERS: [&str; 12] = ["a", "b", "z", "0", " ", "\"", "\\", "\n", "/", "ü", "漢", "🦀"];

/// SHA-256 of a value's compact text, in hexadecimal, as the cluster reports it.
pub fn digest(value: &Value) -> String {
    hex::encode(Sha256::digest(value.to_string()))
}

/// A schema that requires a `limit` of at most `maximum`. The serial number makes it unique.
pub fn schema_body(serial: u64, maximum: u64) -> Value {
    json!({
        "$comment": serial.to_string(),
        "type": "object",
        "required": ["serial", "limit"],
        "properties": { "limit": { "type": "integer", "minimum": 0, "maximum": maximum } },
    })
}

/// The serial number and the maximum of a schema made by [`schema_body`].
pub(crate) fn schema_parts(schema: &Value) -> (Option<u64>, Option<u64>) {
    let serial = schema["$comment"].as_str().and_then(|text| text.parse().ok());
    let maximum = schema["properties"]["limit"]["maximum"].as_u64();
    let ours = serial.zip(maximum).is_some_and(|(serial, maximum)| schema_body(serial, maximum) == *schema);
    (serial, maximum.filter(|_| ours))
}

/// Whether a document with this limit satisfies a schema with that maximum, without a schema library.
pub(crate) fn satisfies(limit: Option<u64>, maximum: u64) -> bool {
    limit.is_some_and(|limit| limit <= maximum)
}

/// A limit that most schemas permit; with `spoilt` one that none permits.
pub(crate) fn limit(random: &mut StdRng, spoilt: bool) -> u64 {
    match random.random_range(0..100) {
        _ if spoilt => random.random_range(MAXIMUM_EVER + 1..=2 * MAXIMUM_EVER),
        0..70 => random.random_range(0..=MAXIMA[0]),
        _ => random.random_range(MAXIMA[0]..=MAXIMUM_EVER),
    }
}

/// A document, and what the history records of it.
pub(crate) fn document(
    random: &mut StdRng,
    serial: u64,
    prev: Option<u64>,
    limit: Option<u64>,
) -> (Value, Document) {
    let mut value = json!({ "serial": serial, "prev": prev });
    if let Some(limit) = limit {
        value["limit"] = limit.into();
    }
    match random.random_range(0..100) {
        0..55 => {}
        55..75 => value["text"] = text(random, SMALL_BYTES_MAX).into(),
        75..90 => value["rest"] = tree(random, 3),
        _ => {
            let bytes = random.random_range(LARGE_BYTES);
            value["text"] = text(random, bytes).into();
        }
    }
    let digest = digest(&value);
    let bytes = value.to_string().len();
    (value, Document { serial, prev, limit, digest, bytes })
}

/// Text of about this many bytes: a random passage, repeated.
fn text(random: &mut StdRng, bytes: usize) -> String {
    let passage: String = (0..24).map(|_| LETTERS[random.random_range(0..LETTERS.len())]).collect();
    passage.chars().cycle().take(bytes / 2).collect()
}

/// Random JSON, without fractions, because their text may differ between programs.
fn tree(random: &mut StdRng, depth: usize) -> Value {
    match random.random_range(0..if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => random.random_bool(0.5).into(),
        2 => random.random_range(i64::MIN..=i64::MAX).into(),
        3 => random.random_range(0..=9_i64).into(),
        4 => text(random, 20).into(),
        5 => (0..random.random_range(0..4)).map(|_| tree(random, depth - 1)).collect(),
        _ => {
            let members = random.random_range(0..4);
            (0..members).map(|n| (format!("m{n}"), tree(random, depth - 1))).collect()
        }
    }
}
