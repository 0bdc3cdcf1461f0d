//! Checks a schema against all limits and compiles it to a program.

use crate::closure::{Document, Wanted};
use crate::evaluate::{Evaluated, Stop, evaluate};
use crate::link::{Linked, link};
use crate::program::Program;
use crate::value::{Json, Unreadable};
use crate::violation::in_schema;
use crate::{cost, dialect, limits, meta};
use application::ports::Violation;
use domain::limits::SCHEMA_NODES_MAX;
use domain::{Content, Dialect, SchemaUse};
use std::sync::atomic::AtomicBool;

/// Estimated memory of a compiled schema per byte of its text.
const BYTES_PER_BYTE: usize = 8;

/// A compiled schema that satisfies all limits.
pub(crate) struct Compiled {
    pub dialect: Dialect,
    pub program: Program,
    /// The schema versions that it references.
    pub uses: Vec<SchemaUse>,
    /// Estimated memory, in bytes.
    pub bytes: usize,
}

/// The result of a compilation attempt.
pub(crate) enum Step {
    Done(Box<Compiled>),
    /// These schemas must be loaded first.
    Wants(Vec<Wanted>),
}

/// Compiles the first document, using the others for its references. Returns the violations of the schema.
pub(crate) fn compile(documents: &[Document]) -> Result<Step, Vec<Violation>> {
    let (mut values, mut left) = (Vec::with_capacity(documents.len()), SCHEMA_NODES_MAX);
    for document in documents {
        let value = limits::parse(&document.text, &mut left);
        values.push(value.map_err(|message| vec![document.fault("", "", message)])?);
    }
    let Some(value) = values.first() else { return Ok(Step::Wants(Vec::new())) };
    if !value.is_schema() {
        return Err(vec![in_schema("", "type", "a schema is an object or a boolean")]);
    }
    let dialect = dialect::of(value).map_err(|violation| vec![violation])?;
    let broken = meta::broken(dialect, value);
    if !broken.is_empty() {
        return Err(broken);
    }
    for (document, value) in documents.iter().zip(&values).skip(1) {
        if dialect::of(value).ok() != Some(dialect) {
            return Err(vec![document.fault("", "$schema", "it is written in another dialect")]);
        }
    }
    let linked = link(documents, &values, dialect).map_err(|violation| vec![violation])?;
    let Linked { program, wants, uses, refused } = linked;
    if !wants.is_empty() {
        return Ok(Step::Wants(wants));
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    cost::bound(&program).map_err(|violation| vec![violation])?;
    let text: usize = documents.iter().map(|document| document.text.as_str().len()).sum();
    let bytes = text * BYTES_PER_BYTE + program.pattern_bytes;
    Ok(Step::Done(Box::new(Compiled { dialect, program, uses: uses.into_iter().collect(), bytes })))
}

impl Compiled {
    /// Validates a document.
    pub(crate) fn check(&self, document: &Content, cancelled: &AtomicBool) -> Result<Evaluated, Stop> {
        let unreadable = |violation| Ok(Evaluated { violations: vec![violation], steps: 0 });
        match Json::read(document.as_str()) {
            Ok(value) => evaluate(&self.program, &value, cancelled),
            Err(Unreadable::NotJson(error)) => {
                unreadable(in_schema("", "", format_args!("the document is not JSON: {error}")))
            }
            Err(Unreadable::Number(pointer, error)) => unreadable(in_schema(&pointer, "number", error)),
        }
    }
}
