//! Validated names. A value of these types is always well formed, also after decoding.

use crate::limits::{
    CONFIG_KEY_BYTES_MAX, EMAIL_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX, MEMBER_ADDRESS_BYTES_MAX, NAME_BYTES_MAX,
    REQUEST_ID_BYTES_MAX, SCHEMA_NAME_BYTES_MAX, TRACE_ID_BYTES,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::sync::Arc;

/// The text is not an allowed name. The message names the field, the limit and the allowed form.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} must be 1 to {bytes_max} bytes and match {pattern}")]
pub struct NameError {
    /// The name of the field, as in the API.
    pub field: &'static str,
    /// The longest allowed length, in bytes.
    pub bytes_max: usize,
    /// The allowed form, as a regular expression.
    pub pattern: &'static str,
}

/// Whether the text is a label: its first and last character are lower-case letters or digits, and the
/// characters between may also be one of `extra`.
fn is_label(text: &str, bytes_max: usize, extra: &[u8]) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            bytes.len() <= bytes_max
                && edge(first)
                && edge(last)
                && bytes.iter().all(|byte| edge(byte) || extra.contains(byte))
        }
        _ => false,
    }
}

/// The bytes that a config key may contain besides letters, digits and the slash between segments.
const KEY_PUNCTUATION: &[u8] = b"._:@+~-";

/// Whether the text consists of segments separated by `/`. Each segment begins and ends with a letter or a
/// digit, so none is empty, `.` or `..`.
fn is_config_key(text: &str) -> bool {
    let segment = |segment: &str| match (segment.as_bytes().first(), segment.as_bytes().last()) {
        (Some(first), Some(last)) => first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric(),
        _ => false,
    };
    ConfigKey::is_prefix(text) && text.split('/').all(segment)
}

/// Refuses ASCII upper case instead of folding it, so that a stored address has one form.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !c.is_ascii_uppercase();
    (1..=EMAIL_LOCAL_BYTES_MAX).contains(&local.len())
        && local.chars().all(plain)
        && is_label(domain, EMAIL_BYTES_MAX - EMAIL_LOCAL_BYTES_MAX - 2, b".-")
        && text.len() <= EMAIL_BYTES_MAX
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $field:literal, $max:expr, $pattern:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $type(Arc<str>);

        impl $type {
            /// The allowed form, as a regular expression.
            pub const PATTERN: &'static str = $pattern;
            /// The longest allowed length, in bytes.
            pub const BYTES_MAX: usize = $max;

            /// Checks the text against the allowed form.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(NameError { field: $field, bytes_max: $max, pattern: $pattern })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

name_type!(
    /// The name of a project: an RFC 1123 label.
    ProjectName,
    "project name",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The name of an environment within its project: an RFC 1123 label.
    EnvironmentName,
    "environment name",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The key of a config within its environment: case-sensitive segments separated by `/`. Keys sort by
    /// bytes; the smallest is `0`.
    ConfigKey,
    "config key",
    CONFIG_KEY_BYTES_MAX,
    "^[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?)*$",
    is_config_key
);
name_type!(
    /// The name of a schema within its project.
    SchemaName,
    "schema name",
    SCHEMA_NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$",
    |text| is_label(text, SCHEMA_NAME_BYTES_MAX, b"._-")
);
name_type!(
    /// The id of an API key; not secret.
    ApiKeyId,
    "API key id",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The id of a cluster, by which members refuse nodes of other clusters.
    ClusterId,
    "cluster id",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The id of a user; not secret, never reused.
    UserId,
    "user id",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The id of a session; not secret.
    SessionId,
    "session id",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The name of a role, built-in or custom.
    RoleName,
    "role",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The name of a group of users.
    GroupName,
    "group name",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The name of an organisation, which owns projects.
    OrganisationName,
    "organisation name",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The e-mail address of a user in canonical form: lower case, one `@`, no blanks (a subset of RFC 5321).
    Email,
    "email",
    EMAIL_BYTES_MAX,
    "^[^@\\s\\p{Cc}A-Z]{1,64}@[a-z0-9]([a-z0-9.-]{0,186}[a-z0-9])?$",
    is_email
);
name_type!(
    /// The name of a member for operators: an RFC 1123 label.
    MemberName,
    "member name",
    NAME_BYTES_MAX,
    "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
    |text| is_label(text, NAME_BYTES_MAX, b"-")
);
name_type!(
    /// The address of a member: printable ASCII. The code that connects to it checks the finer form.
    MemberAddress,
    "member address",
    MEMBER_ADDRESS_BYTES_MAX,
    "^[!-~]{1,255}$",
    |text| (1..=MEMBER_ADDRESS_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
);
name_type!(
    /// The id of a trace (W3C trace context, `trace-id`).
    TraceId,
    "trace id",
    TRACE_ID_BYTES,
    "^[0-9a-f]{32}$",
    |text| text.len() == TRACE_ID_BYTES
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
);
name_type!(
    /// The id of a client request in logs, responses and the audit chain.
    RequestId,
    "request id",
    REQUEST_ID_BYTES_MAX,
    "^[A-Za-z0-9._:-]{1,128}$",
    |text| !text.is_empty()
        && text.len() <= REQUEST_ID_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte))
);

impl ConfigKey {
    /// The allowed form of a key prefix, as a regular expression.
    pub const PREFIX_PATTERN: &'static str = "^[A-Za-z0-9._:@+~/-]*$";

    /// Whether the text is an allowed key prefix. The empty text is a prefix of all keys.
    pub fn is_prefix(text: &str) -> bool {
        let allowed =
            |byte: u8| byte.is_ascii_alphanumeric() || byte == b'/' || KEY_PUNCTUATION.contains(&byte);
        text.len() <= CONFIG_KEY_BYTES_MAX && text.bytes().all(allowed)
    }

    /// The smallest key that starts with `prefix`; `None` if there is none. If the prefix itself is no key,
    /// as with `app.`, it is filled up with `+`, the smallest character, and ended by `0`, the smallest
    /// letter or digit.
    pub fn least_with(prefix: &str) -> Option<Self> {
        let filled = || Self::parse(&format!("{prefix:+<width$}0", width = CONFIG_KEY_BYTES_MAX - 1));
        Self::parse(prefix).or_else(|_| filled()).or_else(|_| Self::parse(&format!("{prefix}0"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_key(text: &str, valid: bool) {
        assert_eq!(ConfigKey::parse(text).is_ok(), valid, "{text:?}");
    }

    #[test]
    fn config_keys_have_edges() {
        check_key("a", true);
        check_key("app.web_port-2", true);
        check_key(&"k".repeat(255), true);
        check_key(&"k".repeat(256), false);
        check_key("", false);
        check_key("Upper/Case:1@x+y~z/0", true);
        check_key(&format!("{}/b", "k".repeat(253)), true);
        check_key(&format!("{}/b", "k".repeat(254)), false);
        for edge in
            ["-start", "end.", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a/.b", "a./b", "+a", "a~"]
        {
            check_key(edge, false);
        }
        for strange in ["a%2fb", "a b", "a\\b", "a,b", "a*", "a?b", "a#b", "a\nb"] {
            check_key(strange, false);
        }
        check_key("ünïcode", false);
        check_key("a\0b", false);
    }

    #[test]
    fn the_least_key_of_a_prefix_is_the_least() {
        let least = |prefix| ConfigKey::least_with(prefix).map(|key| key.as_str().to_owned());
        assert_eq!(least("").as_deref(), Some("0"));
        assert_eq!(least("app").as_deref(), Some("app"));
        assert_eq!(least("app/").as_deref(), Some("app/0"));
        assert_eq!(least("app/."), None);
        assert_eq!(least("/"), None);
        for later in ["app.+0", "app.+-0", "app..0", "app./", "app.0", "app.A", "app.:0"] {
            assert!(
                least("app.").is_some_and(|least| later.starts_with("app.") && *least < *later),
                "{later}"
            );
        }
    }

    #[test]
    fn project_names_have_edges() {
        assert!(ProjectName::parse(&"p".repeat(63)).is_ok());
        assert!(ProjectName::parse(&"p".repeat(64)).is_err());
        assert!(ProjectName::parse("with.dot").is_err());
    }

    #[test]
    fn decoding_checks_too() {
        assert!(serde_json::from_str::<ConfigKey>("\"ok\"").is_ok());
        assert!(serde_json::from_str::<ConfigKey>("\"not ok\"").is_err());
    }
}
