//! References to other schemas of the project by name: `schema:limits` and `schema:limits@3`, each with an
//! optional fragment.

use domain::{SchemaName, SchemaVersion};

/// The URI scheme.
const SCHEME: &str = "schema:";

/// A parsed reference.
#[derive(Debug)]
pub(crate) struct Named {
    pub name: SchemaName,
    /// `None`: the newest version at registration.
    pub version: Option<SchemaVersion>,
    /// The fragment after `#`, undecoded.
    pub fragment: String,
}

/// Whether the text has the scheme `schema:`.
pub(crate) fn is_meant(text: &str) -> bool {
    text.starts_with(SCHEME)
}

/// Parses a reference; `None` if its form is invalid.
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
