//! Conversion of library errors to violations of bounded number and length.

use application::ports::Violation;
use jsonschema::ValidationError;
use std::fmt::{self, Write};

/// Maximum number of violations of one check.
pub const VIOLATIONS_MAX: usize = 100;
/// Maximum length of a message, in characters; longer ones are truncated.
pub const MESSAGE_CHARS_MAX: usize = 200;

/// A violation at a place of an offered schema.
pub(crate) fn in_schema(pointer: &str, keyword: &str, message: impl fmt::Display) -> Violation {
    Violation {
        pointer: pointer.to_owned(),
        schema_pointer: String::new(),
        keyword: keyword.to_owned(),
        message: cut(&message),
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

/// Formats at most [`MESSAGE_CHARS_MAX`] characters without building the whole text, which may quote a
/// document of a megabyte.
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
