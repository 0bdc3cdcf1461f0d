//! From the text of a schema to a validator: every guard, then the library.

use crate::graph::Graph;
use crate::violation::{VIOLATIONS_MAX, from_error, in_schema};
use crate::{cost, dialect, graph, limits};
use application::ports::Violation;
use domain::{Content, Dialect};
use jsonschema::{PatternOptions, ValidationOptions, Validator};
use serde_json::{Value, json};

/// Largest compiled regular expression, in bytes.
const PATTERN_COMPILED_BYTES_MAX: usize = 1024 * 1024;
/// Largest cache of one regular expression while it matches, in bytes.
const PATTERN_CACHE_BYTES_MAX: usize = 1024 * 1024;

/// A schema that passed every guard.
pub(crate) struct Compiled {
    pub dialect: Dialect,
    pub validator: Validator,
    /// The most evaluations that one value of a document may be given.
    pub evaluations: u64,
}

/// Compiles a schema, or says everything that is wrong with it.
pub(crate) fn compile(schema: &Content) -> Result<Compiled, Vec<Violation>> {
    let value = limits::parse(schema).map_err(|violation| vec![violation])?;
    if !value.is_object() && !value.is_boolean() {
        return Err(vec![in_schema("", "type", "a schema is an object or a boolean")]);
    }
    let dialect = dialect::of(&value).map_err(|violation| vec![violation])?;
    let broken = against_meta_schema(dialect, &value);
    if !broken.is_empty() {
        return Err(broken);
    }
    let graph = graph::explore(&value, dialect).map_err(|violation| vec![violation])?;
    let evaluations = cost::bound(&graph).map_err(|violation| vec![violation])?;
    patterns(&graph)?;
    let validator = options().with_draft(dialect::draft(dialect)).build(&value);
    validator.map(|validator| Compiled { dialect, validator, evaluations }).map_err(|error| {
        // The error is about the schema: where it was found is the place in the document of the client.
        let place =
            if error.instance_path().is_empty() { error.schema_path() } else { error.instance_path() };
        vec![in_schema(place.as_str(), error.kind().keyword(), &error)]
    })
}

fn options() -> ValidationOptions<'static> {
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_pattern_options(
            PatternOptions::regex()
                .size_limit(PATTERN_COMPILED_BYTES_MAX)
                .dfa_size_limit(PATTERN_CACHE_BYTES_MAX),
        )
}

fn against_meta_schema(dialect: Dialect, schema: &Value) -> Vec<Violation> {
    let meta = match dialect {
        Dialect::Draft4 => jsonschema::draft4::meta::validator(),
        Dialect::Draft6 => jsonschema::draft6::meta::validator(),
        Dialect::Draft7 => jsonschema::draft7::meta::validator(),
        Dialect::Draft201909 => jsonschema::draft201909::meta::validator(),
        Dialect::Draft202012 => jsonschema::draft202012::meta::validator(),
    };
    meta.iter_errors(schema).take(VIOLATIONS_MAX).map(|error| from_error(&error)).collect()
}

/// Compiles each pattern alone, because only then is it known which one is at fault.
fn patterns(graph: &Graph) -> Result<(), Vec<Violation>> {
    let refused = |(place, pattern): &(String, String)| {
        let compiled = options().build(&json!({ "pattern": pattern }));
        let message = "is not a regular expression that matches in linear time within its size limit: \
                       look-around and back-references are not supported";
        compiled.err().map(|_| in_schema(place, "pattern", message))
    };
    let broken: Vec<Violation> = graph.patterns.iter().filter_map(refused).take(VIOLATIONS_MAX).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}
