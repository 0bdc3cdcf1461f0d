//! Loading a schema together with all schemas of its project that it references, directly or indirectly.

use crate::violation::in_schema;
use application::ports::{Archive, SchemaFault, Violation};
use domain::limits::SCHEMA_USES_MAX;
use domain::{Content, ProjectName, SchemaId, SchemaName, SchemaUse, SchemaVersion, State};
use std::collections::BTreeMap;
use std::fmt;

/// One schema of a closure. The first document of a closure is the root schema.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Name and version; `None` for the root schema.
    pub is: Option<(SchemaName, SchemaVersion)>,
    pub text: Content,
    /// The versions that references without a version resolve to in this document.
    pub newest: BTreeMap<SchemaName, SchemaVersion>,
    /// JSON Pointer to the reference in the root schema that led to this document.
    pub entry: String,
}

impl Document {
    /// The root document. `uses` are its resolved references; empty for an offered schema.
    pub(crate) fn first(text: Content, uses: &[SchemaUse]) -> Self {
        Self { is: None, text, newest: newest(uses), entry: String::new() }
    }

    /// A violation in this document, reported at the place of the root schema that led to it.
    pub(crate) fn fault(&self, pointer: &str, keyword: &str, message: impl fmt::Display) -> Violation {
        match &self.is {
            None => in_schema(pointer, keyword, message),
            Some((name, version)) => {
                let place = if pointer.is_empty() { "its root" } else { pointer };
                let message = format!("in schema {name} version {version} at {place}: {message}");
                in_schema(&self.entry, "$ref", message)
            }
        }
    }
}

fn newest(uses: &[SchemaUse]) -> BTreeMap<SchemaName, SchemaVersion> {
    uses.iter().filter(|used| used.newest).map(|used| (used.name.clone(), used.version)).collect()
}

/// A referenced schema that is not loaded.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Index of the referring document.
    pub from: usize,
    /// JSON Pointer to the reference in that document.
    pub place: String,
    pub name: SchemaName,
    /// `None` if the newest version is not resolved yet.
    pub version: Option<SchemaVersion>,
}

/// The source of referenced schemas: only the schemas of the same project.
pub(crate) struct Source<'a> {
    pub project: &'a ProjectName,
    pub archive: &'a dyn Archive,
    /// For an offered schema: its id and the state in which its references are resolved.
    pub offered: Option<(&'a SchemaId, &'a State)>,
}

impl Source<'_> {
    /// Loads the wanted schema and appends it to `documents`.
    pub(crate) fn load(&self, documents: &mut Vec<Document>, wanted: &Wanted) -> Result<(), SchemaFault> {
        let version = self.version(wanted)?;
        if wanted.version.is_none() {
            documents[wanted.from].newest.insert(wanted.name.clone(), version);
        }
        let is = Some((wanted.name.clone(), version));
        if documents.iter().any(|document| document.is == is) {
            return Ok(());
        }
        let from = &documents[wanted.from];
        let entry = if from.is.is_none() { wanted.place.clone() } else { from.entry.clone() };
        if documents.len() > SCHEMA_USES_MAX {
            let message = format!("the schema uses more than {SCHEMA_USES_MAX} others");
            return Err(SchemaFault::Invalid(vec![in_schema(&entry, "$ref", message)]));
        }
        let id = SchemaId { project: self.project.clone(), name: wanted.name.clone() };
        let missing = || SchemaFault::Missing(wanted.name.to_string(), version.0);
        let found = self.archive.schema_revision(&id, version)?.ok_or_else(missing)?;
        documents.push(Document { is, text: found.schema, newest: newest(&found.uses), entry });
        Ok(())
    }

    /// Resolves the wanted version. Only references of an offered schema can be invalid; those of committed
    /// schemas are already resolved.
    fn version(&self, wanted: &Wanted) -> Result<SchemaVersion, SchemaFault> {
        let name = &wanted.name;
        let Some((own, state)) = self.offered.filter(|_| wanted.from == 0) else {
            return wanted.version.ok_or_else(|| SchemaFault::Missing(name.to_string(), 0));
        };
        let refused = |message: String| SchemaFault::Invalid(vec![in_schema(&wanted.place, "$ref", message)]);
        let other = SchemaId { project: self.project.clone(), name: name.clone() };
        if state.schemas_lead_to(std::iter::once(other.clone()), own) {
            return Err(refused(format!("leads back to the schema itself through {name}")));
        }
        let series = state.schema(&other).ok_or_else(|| {
            refused(format!("leads to the schema {name}, which does not exist in the project"))
        })?;
        let version = wanted.version.unwrap_or(series.latest);
        if version < series.first || version > series.latest {
            return Err(refused(format!("leads to version {version} of {name}, which does not exist")));
        }
        Ok(version)
    }
}
