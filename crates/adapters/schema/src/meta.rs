//! Validation of a schema against the meta-schema of its dialect.

use crate::value::Json;
use crate::violation::{VIOLATIONS_MAX, from_error};
use application::ports::Violation;
use domain::Dialect;

/// The violations of the meta-schema. Numbers are rounded to doubles; keywords parse theirs exactly later.
pub(crate) fn broken(dialect: Dialect, schema: &Json) -> Vec<Violation> {
    let meta = match dialect {
        Dialect::Draft4 => jsonschema::draft4::meta::validator(),
        Dialect::Draft6 => jsonschema::draft6::meta::validator(),
        Dialect::Draft7 => jsonschema::draft7::meta::validator(),
        Dialect::Draft201909 => jsonschema::draft201909::meta::validator(),
        Dialect::Draft202012 => jsonschema::draft202012::meta::validator(),
    };
    meta.iter_errors(&schema.to_value()).take(VIOLATIONS_MAX).map(|error| from_error(&error)).collect()
}
