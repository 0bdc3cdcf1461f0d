//! References to other schemas of the project, by name: `schema:limits` and `schema:limits@3`, each also
//! with a fragment.

use domain::{SchemaName, SchemaVersion};

/// What such a reference begins with.
const SCHEME: &str = "schema:";

/// What a reference says.
#[derive(Debug)]
pub(crate) struct Named {
    pub name: SchemaName,
    /// `None` for the newest at the time of the registration.
    pub version: Option<SchemaVersion>,
    /// What comes after the `#`, as it is written.
    pub fragment: String,
}

/// Whether the text is meant as such a reference.
pub(crate) fn is_meant(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// Reads a reference; `None` when it is not formed as one.
pub(crate) fn parse(text: &str) -> Option<Named> {
    let rest = text.strip_prefix(SCHEME)?;
    let (named, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (name, version) = match named.split_once('@') {
        None => (named, None),
        Some((name, digits)) => {
            let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
            (name, Some(SchemaVersion(digits.parse().ok().filter(|_| plain)?)))
        }
    };
    let name = SchemaName::parse(name).ok()?;
    Some(Named { name, version, fragment: fragment.to_owned() })
}
