//! Detects the dialect of a schema from `$schema`, and holds the bundled meta-schemas.

use crate::value::Json;
use crate::violation::in_schema;
use application::ports::Violation;
use domain::Dialect;
use jsonschema::{Draft, Uri};
use referencing::SPECIFICATIONS;
use std::collections::BTreeMap;
use std::sync::LazyLock;

const DIALECTS: [(&str, Dialect); 5] = [
    ("http://json-schema.org/draft-04/schema", Dialect::Draft4),
    ("http://json-schema.org/draft-06/schema", Dialect::Draft6),
    ("http://json-schema.org/draft-07/schema", Dialect::Draft7),
    ("https://json-schema.org/draft/2019-09/schema", Dialect::Draft201909),
    ("https://json-schema.org/draft/2020-12/schema", Dialect::Draft202012),
];

const VOCABULARIES: [(&str, Dialect, &[&str]); 2] = [
    (
        "https://json-schema.org/draft/2019-09/meta/",
        Dialect::Draft201909,
        &["core", "applicator", "validation", "meta-data", "format", "content"],
    ),
    (
        "https://json-schema.org/draft/2020-12/meta/",
        Dialect::Draft202012,
        &["core", "applicator", "unevaluated", "validation", "meta-data", "format-annotation", "content"],
    ),
];

/// The dialect of a URI, with `http` or `https`, with or without an empty fragment.
fn named(uri: &str) -> Option<Dialect> {
    let without_scheme = |uri: &str| {
        let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
        rest.map(str::to_owned)
    };
    let asked = without_scheme(uri.strip_suffix('#').unwrap_or(uri))?;
    let known = DIALECTS.iter().find(|(known, _)| without_scheme(known).as_ref() == Some(&asked));
    known.map(|(_, dialect)| *dialect)
}

/// The dialect of a schema from `$schema`; 2020-12 without `$schema`.
pub(crate) fn of(schema: &Json) -> Result<Dialect, Violation> {
    let Some(asked) = schema.get("$schema") else { return Ok(Dialect::Draft202012) };
    meant(asked).ok_or_else(|| unknown("/$schema"))
}

/// The dialect for a value of `$schema`.
pub(crate) fn meant(asked: &Json) -> Option<Dialect> {
    asked.as_str().and_then(named)
}

/// The violation for an unknown `$schema`.
pub(crate) fn unknown(pointer: &str) -> Violation {
    in_schema(
        pointer,
        "$schema",
        "the dialect is not known; use draft 4, 6, 7, 2019-09 or 2020-12, or leave it out for 2020-12",
    )
}

/// The meta-schema with this URI, with its dialect and its canonical URI.
pub(crate) fn bundled(address: &str) -> Option<&'static (String, Dialect, Json)> {
    static ALL: LazyLock<BTreeMap<String, (String, Dialect, Json)>> = LazyLock::new(|| {
        let vocabularies = VOCABULARIES.iter().flat_map(|(base, dialect, names)| {
            names.iter().map(move |name| (format!("{base}{name}"), *dialect))
        });
        let all = DIALECTS.iter().map(|(uri, dialect)| ((*uri).to_owned(), *dialect)).chain(vocabularies);
        all.filter_map(|(uri, dialect)| {
            let text = contents(&uri)?;
            Some((uri.clone(), (uri, dialect, Json::read(&text).ok()?)))
        })
        .collect()
    });
    let known = named(address).and_then(|dialect| DIALECTS.iter().find(|(_, other)| *other == dialect));
    ALL.get(known.map_or(address, |(uri, _)| *uri))
}

/// The text of a meta-schema that the library bundles.
fn contents(uri: &str) -> Option<String> {
    let resolver = SPECIFICATIONS.resolver(Uri::parse(uri.to_owned()).ok()?);
    Some(resolver.lookup(uri).ok()?.contents().to_string())
}

/// The library's type of the dialect.
pub(crate) fn draft(dialect: Dialect) -> Draft {
    match dialect {
        Dialect::Draft4 => Draft::Draft4,
        Dialect::Draft6 => Draft::Draft6,
        Dialect::Draft7 => Draft::Draft7,
        Dialect::Draft201909 => Draft::Draft201909,
        Dialect::Draft202012 => Draft::Draft202012,
    }
}
