//! Turning what the library says into violations: bounded in number and in length.

use application::ports::Violation;
use jsonschema::ValidationError;
use serde_json::Value;
use std::fmt::{self, Write};

/// Most violations that one check lists.
pub const VIOLATIONS_MAX: usize = 100;
/// Most errors that the library may collect for one document, to bound the memory that takes.
const ERRORS_COLLECTED_MAX: u64 = 100_000;
/// Longest message of a violation, in characters; the rest is cut.
pub const MESSAGE_CHARS_MAX: usize = 200;

/// Something wrong at a place of an offered schema.
pub(crate) fn in_schema(pointer: &str, keyword: &str, message: impl fmt::Display) -> Violation {
    Violation {
        pointer: pointer.to_owned(),
        schema_pointer: String::new(),
        keyword: keyword.to_owned(),
        message: cut(&message),
    }
}

/// The first violations of a document, when one value of it may be evaluated `evaluations` times.
///
/// The library collects every error before it gives the first, so where there could be too many only
/// the one that it finds first is told.
pub(crate) fn list(validator: &jsonschema::Validator, value: &Value, evaluations: u64) -> Vec<Violation> {
    if values_in(value).saturating_mul(evaluations) > ERRORS_COLLECTED_MAX {
        return validator.validate(value).err().map(|error| from_error(&error)).into_iter().collect();
    }
    validator.iter_errors(value).take(VIOLATIONS_MAX).map(|error| from_error(&error)).collect()
}

fn values_in(value: &Value) -> u64 {
    1 + match value {
        Value::Array(items) => items.iter().map(values_in).sum(),
        Value::Object(members) => members.values().map(values_in).sum(),
        _ => 0,
    }
}

pub(crate) fn from_error(error: &ValidationError<'_>) -> Violation {
    Violation {
        pointer: error.instance_path().as_str().to_owned(),
        schema_pointer: error.schema_path().as_str().to_owned(),
        keyword: error.kind().keyword().to_owned(),
        message: cut(error),
    }
}

/// Writes at most [`MESSAGE_CHARS_MAX`] characters, without ever holding the whole text: a message
/// may quote a document of a megabyte.
pub(crate) fn cut(message: &impl fmt::Display) -> String {
    let mut out = Cut { text: String::new(), left: MESSAGE_CHARS_MAX - 1 };
    if write!(out, "{message}").is_err() {
        out.text.push('…');
    }
    out.text
}

struct Cut {
    text: String,
    left: usize,
}

impl Write for Cut {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for character in part.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.text.push(character);
        }
        Ok(())
    }
}
