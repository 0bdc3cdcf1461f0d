//! URIs of schemas (RFC 3986) and JSON Pointers (RFC 6901).

use domain::{SchemaName, SchemaVersion};
use jsonschema::Uri;

/// The URI of a document without `$id`.
const NO_ID: &str = "json-schema:///";

/// The initial base URI of a document.
pub(crate) fn document() -> String {
    NO_ID.to_owned()
}

/// The URI of another schema of the project. No reference resolves to it by accident, because names contain
/// no `@`.
pub(crate) fn of(name: &SchemaName, version: SchemaVersion) -> String {
    format!("{NO_ID}{name}@{version}/")
}

/// Resolves `reference` against `base` and splits off the fragment; `None` if the URI is invalid.
pub(crate) fn resolve(base: &str, reference: &str) -> Option<(String, String)> {
    let base = Uri::parse(base).ok()?;
    let resolved = jsonschema::uri::resolve_against(&base, reference).ok()?;
    let (address, fragment) = resolved.as_str().split_once('#').unwrap_or((resolved.as_str(), ""));
    Some((address.to_owned(), percent_decoded(fragment)?))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Appends a member name to a pointer.
pub(crate) fn join(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}
