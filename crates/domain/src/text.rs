//! Free text that people write for people, bounded and free of control characters.

use crate::limits::{DISPLAY_NAME_BYTES_MAX, KEY_LABEL_BYTES_MAX, MESSAGE_BYTES_MAX};
use serde::{Deserialize, Serialize};

/// Text that is too long, empty where it must not be, or holds control characters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} must be {bytes_min} to {bytes_max} bytes without control characters")]
pub struct TextError {
    /// What was being written, as the API calls it.
    pub field: &'static str,
    /// The shortest allowed length, in bytes.
    pub bytes_min: usize,
    /// The longest allowed length, in bytes.
    pub bytes_max: usize,
}

macro_rules! text_type {
    ($(#[$doc:meta])* $type:ident, $field:literal, $min:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Takes the text when it keeps the limits.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                let controls = text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
                if !($min..=$max).contains(&text.len()) || controls {
                    Err(TextError { field: $field, bytes_min: $min, bytes_max: $max })
                } else {
                    Ok(Self(text.to_owned()))
                }
            }

            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(text: $type) -> Self {
                text.0
            }
        }
    };
}

text_type!(
    /// Why a change was made; may be empty.
    Message,
    "message",
    0,
    MESSAGE_BYTES_MAX
);
text_type!(
    /// What people call a project; may be empty.
    DisplayName,
    "display_name",
    0,
    DISPLAY_NAME_BYTES_MAX
);
text_type!(
    /// What people call an API key.
    KeyLabel,
    "name",
    1,
    KEY_LABEL_BYTES_MAX
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_control_characters_are_refused() {
        assert!(Message::parse("").is_ok());
        assert!(Message::parse("two\nlines").is_ok());
        assert!(Message::parse(&"m".repeat(MESSAGE_BYTES_MAX)).is_ok());
        assert!(Message::parse(&"m".repeat(MESSAGE_BYTES_MAX + 1)).is_err());
        assert!(Message::parse("bell\u{7}").is_err());
        assert!(KeyLabel::parse("").is_err());
    }
}
