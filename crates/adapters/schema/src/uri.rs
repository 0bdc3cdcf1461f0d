//! Addresses inside schemas (RFC 3986) and pointers inside documents (RFC 6901).

use domain::{SchemaName, SchemaVersion};
use jsonschema::Uri;

/// The address of a document that has no `$id`.
const NO_ID: &str = "json-schema:///";

/// The address that references are relative to before any `$id`.
pub(crate) fn document() -> String {
    NO_ID.to_owned()
}

/// The address of another schema of the project. No reference can be written so that it comes out as this by
/// chance: `@` is in no name.
pub(crate) fn of(name: &SchemaName, version: SchemaVersion) -> String {
    format!("{NO_ID}{name}@{version}/")
}

/// Resolves `reference` against `base` and splits off the fragment; `None` when it is no address.
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

/// The pointer one member further in.
pub(crate) fn join(pointer: &str, member: &str) -> String {
    format!("{pointer}/{}", member.replace('~', "~0").replace('/', "~1"))
}
