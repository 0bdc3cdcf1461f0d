//! Exporting a view, record by record. Holds names in memory, and never more than one document.

use super::{ConfigRecord, ExportHeader, Record, SchemaRecord, Totals};
use crate::history::let_others_run;
use crate::ports::{Freshness, View};
use crate::{Core, Error, RequestContext};
use domain::{
    ConfigKey, EnvironmentId, EnvironmentName, Permission, ProjectName, Resource, Revision, Schema, SchemaId,
    SchemaName, SchemaRevision, SchemaVersion,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

/// An item of an export.
#[derive(Clone, Debug)]
pub enum ExportLine {
    /// The header; comes first.
    Header(ExportHeader),
    /// A record.
    Record(Record),
    /// The totals; comes last and proves that the export is complete.
    End(Totals),
}

/// An export in progress. All its records are from one view.
#[derive(Debug)]
pub struct Export {
    view: View,
    header: Option<ExportHeader>,
    /// The environment; `None` for the whole project.
    only: Option<EnvironmentName>,
    project: ProjectName,
    environments: VecDeque<EnvironmentName>,
    schemas: VecDeque<(SchemaName, SchemaVersion)>,
    /// Whether `schemas` are in an order in which they can be registered.
    ordered: bool,
    /// The environments whose configs are still to be exported.
    holders: VecDeque<EnvironmentName>,
    /// The last exported config of the first environment in `holders`.
    after: Option<ConfigKey>,
    totals: Totals,
    done: bool,
    /// The receiver, whose rights are checked again during the export.
    reader: Reader,
}

/// The receiver of an export.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) core: Core,
    pub(super) ctx: RequestContext,
}

impl Export {
    pub(super) fn new(
        reader: Reader,
        view: View,
        project: ProjectName,
        environment: Option<EnvironmentName>,
    ) -> Self {
        let revision = view.state.revision();
        let header = ExportHeader { project: project.clone(), environment: environment.clone(), revision };
        let only = environment.clone();
        let environments: VecDeque<_> = match &environment {
            Some(only) => VecDeque::from([only.clone()]),
            None => view.state.environments(&project).map(|found| found.id.name.clone()).collect(),
        };
        let bound =
            environment.map(|name| bound_schemas(&view, &EnvironmentId { project: project.clone(), name }));
        let wanted = |name: &SchemaName| bound.as_ref().is_none_or(|bound| bound.contains(name));
        let schemas: Vec<_> = view.state.schemas(&project).filter(|schema| wanted(&schema.id.name)).collect();
        let ordered = schemas.iter().all(|schema| schema.uses.is_empty());
        let versions = |schema: &&Schema| {
            let (name, versions) = (schema.id.name.clone(), schema.first.0..=schema.latest.0);
            versions.map(move |version| (name.clone(), SchemaVersion(version)))
        };
        let schemas: VecDeque<_> = schemas.iter().flat_map(versions).collect();
        Self {
            header: Some(header),
            only,
            holders: environments.clone(),
            schemas,
            ordered,
            environments,
            after: None,
            totals: Totals::default(),
            done: false,
            project,
            view,
            reader,
        }
    }

    /// Checks that the caller may still read the export: that no API key was revoked, no rights were taken,
    /// and no session was ended. The expiry of the access token does not end an export. Must be called
    /// regularly during the export.
    pub async fn still_allowed(&self) -> Result<(), Error> {
        let Reader { core, ctx } = &self.reader;
        let ctx = RequestContext { expires_at: None, ..ctx.clone() };
        let view = core.state.view(Freshness::STALE).await?;
        let (project, now) = (&self.project, core.env.clock.now());
        let environment = self.only.clone().map(|name| EnvironmentId { project: project.clone(), name });
        let resource = environment.as_ref().map_or(Resource::Project(project), Resource::Environment);
        ctx.require(&view, Permission::DocumentRead, resource, now)
    }

    /// The revision of the view.
    pub fn revision(&self) -> Revision {
        self.view.state.revision()
    }

    /// For a stale view: time since this node last heard from a leader, in milliseconds.
    pub fn stale_for_ms(&self) -> Option<u64> {
        self.view.stale_for_ms
    }

    /// The next item; `None` after the end. After an error the export is incomplete.
    pub async fn next(&mut self) -> Result<Option<ExportLine>, Error> {
        if let Some(header) = self.header.take() {
            return Ok(Some(ExportLine::Header(header)));
        }
        let_others_run().await;
        let record = match self.environments.pop_front() {
            Some(name) => Some(Record::Environment(name)),
            None => match self.schema().await? {
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

    async fn schema(&mut self) -> Result<Option<SchemaRecord>, Error> {
        if !std::mem::replace(&mut self.ordered, true) {
            self.order().await?;
        }
        let Some((name, version)) = self.schemas.pop_front() else { return Ok(None) };
        let schema = self.live(&name)?;
        let (mode, newest) = (schema.mode, version == schema.latest);
        let looks_newest = self.schemas.front().is_none_or(|(next, _)| *next != name);
        let shown = self.body(&name, version)?;
        let newest = (newest != looks_newest).then_some(newest);
        Ok(Some(SchemaRecord { name, version, mode, schema: shown.schema, newest }))
    }

    /// Sorts the versions by the revisions that registered them. Then a version comes after those that it
    /// refers to, and references without a version resolve to the same version again.
    async fn order(&mut self) -> Result<(), Error> {
        let mut by_revision = BTreeMap::new();
        for (name, version) in std::mem::take(&mut self.schemas) {
            let_others_run().await;
            by_revision.insert(self.body(&name, version)?.revision, (name, version));
        }
        self.schemas = by_revision.into_values().collect();
        Ok(())
    }

    fn live(&self, name: &SchemaName) -> Result<&Schema, Error> {
        let id = SchemaId { project: self.project.clone(), name: name.clone() };
        self.view.state.schema(&id).ok_or_else(|| Error::not_found("schema", name))
    }

    fn body(&self, name: &SchemaName, version: SchemaVersion) -> Result<SchemaRevision, Error> {
        let id = SchemaId { project: self.project.clone(), name: name.clone() };
        let shown = self.view.archive.schema_revision(&id, version)?;
        shown.ok_or_else(|| Error::not_found("schema version", version))
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

/// The schemas that the environment's configs are bound to, and those that these refer to.
fn bound_schemas(view: &View, environment: &EnvironmentId) -> BTreeSet<SchemaName> {
    let mut names = BTreeSet::new();
    let mut found: Vec<SchemaName> = Vec::new();
    for config in view.state.configs_from(environment, Bound::Unbounded) {
        if let Some(binding) = config.binding.as_ref().filter(|binding| !names.contains(&binding.schema)) {
            names.insert(binding.schema.clone());
            found.push(binding.schema.clone());
        }
    }
    while let Some(name) = found.pop() {
        let id = SchemaId { project: environment.project.clone(), name };
        for used in view.state.schema(&id).into_iter().flat_map(|schema| &schema.uses) {
            if names.insert(used.clone()) {
                found.push(used.clone());
            }
        }
    }
    names
}
