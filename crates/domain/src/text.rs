//! Free text written by users, of limited length and without control characters.

use crate::limits::{DISPLAY_NAME_BYTES_MAX, KEY_LABEL_BYTES_MAX, MESSAGE_BYTES_MAX};
use serde::{Deserialize, Serialize};

/// The text is too long, too short, or contains control characters.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} must be {bytes_min} to {bytes_max} bytes without control characters")]
pub struct TextError {
    /// The name of the field, as in the API.
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
            /// Checks the length and the characters; line breaks and tabs are allowed.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                let controls = text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
                if !($min..=$max).contains(&text.len()) || controls {
                    Err(TextError { field: $field, bytes_min: $min, bytes_max: $max })
                } else {
                    Ok(Self(text.to_owned()))
                }
            }

            /// The unchanged text.
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
    /// The message of a change; may be empty.
    Message,
    "message",
    0,
    MESSAGE_BYTES_MAX
);
text_type!(
    /// The display name of a project; may be empty.
    DisplayName,
    "display_name",
    0,
    DISPLAY_NAME_BYTES_MAX
);
text_type!(
    /// The label of an API key.
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
