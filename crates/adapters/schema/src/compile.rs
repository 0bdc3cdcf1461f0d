//! From the text of a schema to a validator: every guard, then the library.

use crate::closure::{Document, Wanted};
use crate::graph::Graph;
use crate::violation::{VIOLATIONS_MAX, from_error, in_schema};
use crate::{cost, dialect, graph, limits, uri};
use application::ports::Violation;
use domain::limits::SCHEMA_NODES_MAX;
use domain::{Dialect, SchemaUse};
use jsonschema::{PatternOptions, Registry, ValidationOptions, Validator};
use serde_json::{Value, json};
use std::fmt;

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
    /// What it refers to.
    pub uses: Vec<SchemaUse>,
    /// The size of its text and of all that it uses.
    pub bytes: usize,
}

/// How far compiling came.
pub(crate) enum Step {
    Done(Compiled),
    /// These have to be fetched first.
    Wants(Vec<Wanted>),
}

/// Compiles the first of the schemas with those that it uses, or says everything that is wrong with it.
pub(crate) fn compile(documents: &[Document]) -> Result<Step, Vec<Violation>> {
    let (mut values, mut left) = (Vec::with_capacity(documents.len()), SCHEMA_NODES_MAX);
    for document in documents {
        let value = limits::parse(&document.text, &mut left);
        values.push(value.map_err(|message| vec![document.fault("", "", message)])?);
    }
    let Some(value) = values.first() else { return Ok(Step::Wants(Vec::new())) };
    if !value.is_object() && !value.is_boolean() {
        return Err(vec![in_schema("", "type", "a schema is an object or a boolean")]);
    }
    let dialect = dialect::of(value).map_err(|violation| vec![violation])?;
    let broken = against_meta_schema(dialect, value);
    if !broken.is_empty() {
        return Err(broken);
    }
    for (document, value) in documents.iter().zip(&values).skip(1) {
        if dialect::of(value).ok() != Some(dialect) {
            return Err(vec![document.fault("", "$schema", "it is written in another dialect")]);
        }
    }
    let explored = graph::explore(documents, &values, dialect).map_err(|violation| vec![violation])?;
    if !explored.wants.is_empty() {
        return Ok(Step::Wants(explored.wants));
    }
    let graph = explored.graph;
    let evaluations = cost::bound(&graph).map_err(|violation| vec![violation])?;
    patterns(&graph)?;
    for (document, pointer, text) in explored.rewrites {
        if let Some(reference) = values[document].pointer_mut(&pointer) {
            *reference = Value::String(text);
        }
    }
    let bytes = documents.iter().map(|document| document.text.as_str().len()).sum();
    let uses = explored.uses.into_iter().collect();
    let validator = build(documents, &values, dialect)?;
    Ok(Step::Done(Compiled { dialect, validator, evaluations, uses, bytes }))
}

fn build(documents: &[Document], values: &[Value], dialect: Dialect) -> Result<Validator, Vec<Violation>> {
    let unusable = |error: &dyn fmt::Display| vec![in_schema("", "$ref", error)];
    let mut registry = Registry::new().draft(dialect::draft(dialect));
    for (document, value) in documents.iter().zip(values) {
        let Some((name, version)) = &document.is else { continue };
        registry = registry.add(uri::of(name, *version), value).map_err(|error| unusable(&error))?;
    }
    let registry = registry.prepare().map_err(|error| unusable(&error))?;
    let options = options().with_draft(dialect::draft(dialect)).with_registry(&registry);
    options.build(&values[0]).map_err(|error| {
        // The error is about the schema: where it was found is the place in the document of the client.
        let place =
            if error.instance_path().is_empty() { error.schema_path() } else { error.instance_path() };
        vec![in_schema(place.as_str(), error.kind().keyword(), &error)]
    })
}

fn options<'a>() -> ValidationOptions<'a> {
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
fn patterns(graph: &Graph<'_>) -> Result<(), Vec<Violation>> {
    let refused = |(place, pattern): &(String, String)| {
        let compiled = options().build(&json!({ "pattern": pattern }));
        let message = "is not a regular expression that matches in linear time within its size limit: \
                       look-around and back-references are not supported";
        compiled.err().map(|_| in_schema(place, "pattern", message))
    };
    let broken: Vec<Violation> = graph.patterns.iter().filter_map(refused).take(VIOLATIONS_MAX).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}
