//! The mapping of a file's schema versions to those of the target, whose numbers may differ. In a dry run,
//! and until they are registered, versions are only planned.

use crate::Error;
use crate::ports::{Validator, View};
use domain::{Binding, Content, EnvironmentName, Schema, SchemaName, SchemaVersion};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Most registered versions that are compared with an imported one; the newest are compared.
const VERSIONS_COMPARED_MAX: u64 = 100;

/// A schema version of the file.
#[derive(Clone)]
pub(super) enum Slot {
    /// Registered under this number.
    There(SchemaVersion),
    /// Planned; the validator checks documents until it is registered.
    Planned(Arc<dyn Validator>),
    /// Left out: an old version that does not fit into the target's history.
    LeftOut,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::There(version) => write!(f, "There({version})"),
            Self::Planned(_) => f.write_str("Planned"),
            Self::LeftOut => f.write_str("LeftOut"),
        }
    }
}

/// The versions of one schema.
#[derive(Debug, Default)]
pub(super) struct Series {
    slots: BTreeMap<SchemaVersion, Slot>,
    /// The number, in the file, of the last version read.
    last: Option<SchemaVersion>,
}

/// The schemas and environments of the file that were read so far.
#[derive(Debug, Default)]
pub(super) struct Known {
    series: BTreeMap<SchemaName, Series>,
    environments: BTreeSet<EnvironmentName>,
    /// The number of versions in `series`.
    pub(super) versions: usize,
    /// The size of the planned schemas, in bytes.
    pub(super) planned_bytes: usize,
}

/// The resolved schema of a config.
#[derive(Debug)]
pub(super) enum Meaning {
    /// A binding in the target.
    There(Binding),
    /// A version that is not registered yet.
    Planned(Arc<dyn Validator>),
    /// The file has the schema, but not this version, or the version was refused.
    Unknown,
}

impl fmt::Debug for dyn Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Validator")
    }
}

impl Known {
    /// The last version read of a schema.
    pub(super) fn last(&self, name: &SchemaName) -> Option<&Slot> {
        let series = self.series.get(name)?;
        series.slots.get(&series.last?)
    }

    /// The number, in the file, of the last version read of a schema.
    pub(super) fn last_number(&self, name: &SchemaName) -> Option<SchemaVersion> {
        self.series.get(name)?.last
    }

    /// Records that the file has this schema, even if its versions are refused.
    pub(super) fn mention(&mut self, name: &SchemaName) {
        self.series.entry(name.clone()).or_default();
    }

    pub(super) fn set(&mut self, name: &SchemaName, version: SchemaVersion, slot: Slot) {
        let series = self.series.entry(name.clone()).or_default();
        series.last = Some(version);
        if series.slots.insert(version, slot).is_none() {
            self.versions += 1;
        }
    }

    pub(super) fn add_environment(&mut self, name: EnvironmentName) {
        self.environments.insert(name);
    }

    pub(super) fn has_environment(&self, name: &EnvironmentName) -> bool {
        self.environments.contains(name)
    }

    pub(super) fn has_schema(&self, name: &SchemaName) -> bool {
        self.series.contains_key(name)
    }

    /// Resolves the binding of a config in the file.
    pub(super) fn meaning(&self, binding: &Binding) -> Meaning {
        let Some(series) = self.series.get(&binding.schema) else { return Meaning::There(binding.clone()) };
        let slot = binding.pinned.or(series.last).and_then(|version| series.slots.get(&version));
        match slot {
            Some(Slot::There(version)) => {
                let pinned = binding.pinned.map(|_| *version);
                Meaning::There(Binding { schema: binding.schema.clone(), pinned })
            }
            Some(Slot::Planned(validator)) => Meaning::Planned(validator.clone()),
            Some(Slot::LeftOut) | None => Meaning::Unknown,
        }
    }
}

/// The number under which `body` is already registered: preferably the same number, or the newest.
pub(super) fn find(
    view: &View,
    schema: &Schema,
    body: &Content,
    number: SchemaVersion,
) -> Result<Option<SchemaVersion>, Error> {
    let oldest = schema.first.0.max(schema.latest.0.saturating_sub(VERSIONS_COMPARED_MAX));
    let newest_first = (oldest..=schema.latest.0).rev().map(SchemaVersion);
    let same = (schema.first..=schema.latest).contains(&number).then_some(number);
    for version in same.into_iter().chain(newest_first) {
        let shown = view.archive.schema_revision(&schema.id, version)?;
        if shown.is_some_and(|shown| shown.schema == *body) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
