//! Which dialect a schema is written in, by its `$schema`.

use crate::violation::in_schema;
use application::ports::Violation;
use domain::Dialect;
use jsonschema::Draft;
use serde_json::Value;

const DIALECTS: [(&str, Dialect); 5] = [
    ("http://json-schema.org/draft-04/schema", Dialect::Draft4),
    ("http://json-schema.org/draft-06/schema", Dialect::Draft6),
    ("http://json-schema.org/draft-07/schema", Dialect::Draft7),
    ("https://json-schema.org/draft/2019-09/schema", Dialect::Draft201909),
    ("https://json-schema.org/draft/2020-12/schema", Dialect::Draft202012),
];

/// The dialect that `$schema` names; 2020-12 when it names none.
pub(crate) fn of(schema: &Value) -> Result<Dialect, Violation> {
    let Some(named) = schema.get("$schema") else { return Ok(Dialect::Draft202012) };
    let known = named.as_str().and_then(|uri| {
        let uri = uri.strip_suffix('#').unwrap_or(uri);
        DIALECTS.iter().find(|(known, _)| *known == uri)
    });
    known.map(|(_, dialect)| *dialect).ok_or_else(|| unknown("/$schema"))
}

/// Refuses a `$schema` that is not one of the dialects.
pub(crate) fn unknown(pointer: &str) -> Violation {
    in_schema(
        pointer,
        "$schema",
        "the dialect is not known; use draft 4, 6, 7, 2019-09 or 2020-12, or leave it out for 2020-12",
    )
}

/// Says whether the address names one of the meta-schemas that come with the library.
pub(crate) fn is_bundled(uri: &str) -> bool {
    let vocabularies =
        ["https://json-schema.org/draft/2019-09/meta/", "https://json-schema.org/draft/2020-12/meta/"];
    DIALECTS.iter().any(|(known, _)| *known == uri) || vocabularies.iter().any(|base| uri.starts_with(base))
}

/// The library's name for the dialect.
pub(crate) fn draft(dialect: Dialect) -> Draft {
    match dialect {
        Dialect::Draft4 => Draft::Draft4,
        Dialect::Draft6 => Draft::Draft6,
        Dialect::Draft7 => Draft::Draft7,
        Dialect::Draft201909 => Draft::Draft201909,
        Dialect::Draft202012 => Draft::Draft202012,
    }
}
