//! A schema together with those of its project that it refers to, directly or through others.

use crate::violation::in_schema;
use application::ports::{Archive, SchemaFault, Violation};
use domain::limits::SCHEMA_USES_MAX;
use domain::{Content, ProjectName, SchemaId, SchemaName, SchemaUse, SchemaVersion, State};
use std::collections::BTreeMap;
use std::fmt;

/// One of the schemas; the first of a closure is the one that it is about.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    /// Which version it is; `None` for the first.
    pub is: Option<(SchemaName, SchemaVersion)>,
    pub text: Content,
    /// What references without a version mean in it.
    pub newest: BTreeMap<SchemaName, SchemaVersion>,
    /// Where in the first schema the reference is that led here.
    pub entry: String,
}

impl Document {
    /// The schema that a closure is about, with what it is known to use.
    pub(crate) fn first(text: Content, uses: &[SchemaUse]) -> Self {
        Self { is: None, text, newest: newest(uses), entry: String::new() }
    }

    /// Something wrong at a place of this schema, told as a place of the first.
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

/// A schema that a reference leads to and that is not at hand.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Which document refers to it.
    pub from: usize,
    /// Where in that document.
    pub place: String,
    pub name: SchemaName,
    /// `None` when it is yet to be settled which is the newest.
    pub version: Option<SchemaVersion>,
}

/// Where schemas come from: the project's own, and nowhere else.
pub(crate) struct Source<'a> {
    pub project: &'a ProjectName,
    pub archive: &'a dyn Archive,
    /// For a schema that is only offered: its name to be, and the state that its references mean.
    pub offered: Option<(&'a SchemaId, &'a State)>,
}

impl Source<'_> {
    /// Adds what is wanted to the documents.
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

    /// The version that is meant. What committed schemas use is settled and there; only the references of
    /// an offered one can be wrong.
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
