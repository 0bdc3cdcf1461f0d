//! Walking one view record by record. Holds names, never more than one document.

use super::{ConfigRecord, ExportHeader, Record, SchemaRecord, Totals};
use crate::Error;
use crate::history::let_others_run;
use crate::ports::View;
use domain::{
    ConfigKey, EnvironmentId, EnvironmentName, ProjectName, Revision, SchemaId, SchemaName, SchemaVersion,
};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

/// What comes next out of an export.
#[derive(Clone, Debug)]
pub enum ExportLine {
    /// What this is; comes first.
    Header(ExportHeader),
    /// One thing.
    Record(Record),
    /// Nothing is missing: how many there were. Comes last.
    End(Totals),
}

/// An export under way: everything that it shows is of one view.
#[derive(Debug)]
pub struct Export {
    view: View,
    header: Option<ExportHeader>,
    project: ProjectName,
    environments: VecDeque<EnvironmentName>,
    schemas: VecDeque<SchemaName>,
    /// The version of the first of `schemas` that comes next; `None` for its oldest.
    version: Option<SchemaVersion>,
    /// Whose configs are still to come.
    holders: VecDeque<EnvironmentName>,
    /// The last config of the first of `holders` that came.
    after: Option<ConfigKey>,
    totals: Totals,
    done: bool,
}

impl Export {
    pub(super) fn new(view: View, project: ProjectName, environment: Option<EnvironmentName>) -> Self {
        let revision = view.state.revision();
        let header = ExportHeader { project: project.clone(), environment: environment.clone(), revision };
        let environments: VecDeque<_> = match &environment {
            Some(only) => VecDeque::from([only.clone()]),
            None => view.state.environments(&project).map(|found| found.id.name.clone()).collect(),
        };
        let bound =
            environment.map(|name| bound_schemas(&view, &EnvironmentId { project: project.clone(), name }));
        let wanted = |name: &SchemaName| bound.as_ref().is_none_or(|bound| bound.contains(name));
        let schemas = view.state.schemas(&project).map(|schema| schema.id.name.clone()).filter(wanted);
        Self {
            header: Some(header),
            holders: environments.clone(),
            schemas: schemas.collect(),
            environments,
            version: None,
            after: None,
            totals: Totals::default(),
            done: false,
            project,
            view,
        }
    }

    /// The revision of the state that it shows.
    pub fn revision(&self) -> Revision {
        self.view.state.revision()
    }

    /// For a stale view: how long ago this node had last heard from a leader, in milliseconds.
    pub fn stale_for_ms(&self) -> Option<u64> {
        self.view.stale_for_ms
    }

    /// What comes next; `None` after the end. An error ends it early: what came until then is not whole.
    pub async fn next(&mut self) -> Result<Option<ExportLine>, Error> {
        if let Some(header) = self.header.take() {
            return Ok(Some(ExportLine::Header(header)));
        }
        let_others_run().await;
        let record = match self.environments.pop_front() {
            Some(name) => Some(Record::Environment(name)),
            None => match self.schema()? {
                Some(record) => Some(Record::Schema(record)),
                None => self.config()?.map(Record::Config),
            },
        };
        if let Some(record) = record {
            self.totals.count(&record);
            return Ok(Some(ExportLine::Record(record)));
        }
        let first = !std::mem::replace(&mut self.done, true);
        Ok(first.then_some(ExportLine::End(self.totals)))
    }

    fn schema(&mut self) -> Result<Option<SchemaRecord>, Error> {
        let Some(name) = self.schemas.front() else { return Ok(None) };
        let id = SchemaId { project: self.project.clone(), name: name.clone() };
        let schema = self.view.state.schema(&id).ok_or_else(|| Error::not_found("schema", name))?;
        let version = self.version.unwrap_or(schema.first);
        let shown = self.view.archive.schema_revision(&id, version)?;
        let shown = shown.ok_or_else(|| Error::not_found("schema version", version))?;
        let record = SchemaRecord { name: name.clone(), version, mode: schema.mode, schema: shown.schema };
        self.version = Some(version.next()).filter(|next| *next <= schema.latest);
        if self.version.is_none() {
            self.schemas.pop_front();
        }
        Ok(Some(record))
    }

    fn config(&mut self) -> Result<Option<ConfigRecord>, Error> {
        while let Some(name) = self.holders.front() {
            let environment = EnvironmentId { project: self.project.clone(), name: name.clone() };
            let from = self.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let Some(config) = self.view.state.configs_from(&environment, from).next() else {
                self.holders.pop_front();
                self.after = None;
                continue;
            };
            let body = self.view.archive.config_revision(&config.id, config.version)?;
            let content = body.and_then(|found| found.content);
            let content = content.ok_or(Error::Contended)?;
            self.after = Some(config.id.key.clone());
            return Ok(Some(ConfigRecord {
                environment: config.id.environment.clone(),
                key: config.id.key.clone(),
                binding: config.binding.clone(),
                content,
            }));
        }
        Ok(None)
    }
}

/// The schemas that an environment's configs are bound to.
fn bound_schemas(view: &View, environment: &EnvironmentId) -> BTreeSet<SchemaName> {
    let mut names = BTreeSet::new();
    for config in view.state.configs_from(environment, Bound::Unbounded) {
        if let Some(binding) = config.binding.as_ref().filter(|binding| !names.contains(&binding.schema)) {
            names.insert(binding.schema.clone());
        }
    }
    names
}
