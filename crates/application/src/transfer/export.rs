//! Walking one view record by record. Holds names, never more than one document.

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
    /// The environment, unless it is the whole project.
    only: Option<EnvironmentName>,
    project: ProjectName,
    environments: VecDeque<EnvironmentName>,
    schemas: VecDeque<(SchemaName, SchemaVersion)>,
    /// Whether `schemas` are in the order in which they can be registered.
    ordered: bool,
    /// Whose configs are still to come.
    holders: VecDeque<EnvironmentName>,
    /// The last config of the first of `holders` that came.
    after: Option<ConfigKey>,
    totals: Totals,
    done: bool,
    /// Who is sent it, and may be sent it no longer at some time.
    reader: Reader,
}

/// Who is sent an export.
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

    /// Fails once the reader may not have this export any more: the key was revoked, rights were taken away, or the
    /// session was ended. That the access token with which it began runs out does not end it. To be asked from time
    /// to time while it is sent.
    pub async fn still_allowed(&self) -> Result<(), Error> {
        let Reader { core, ctx } = &self.reader;
        let ctx = RequestContext { expires_at: None, ..ctx.clone() };
        let view = core.state.view(Freshness::STALE).await?;
        let (project, now) = (&self.project, core.env.clock.now());
        let environment = self.only.clone().map(|name| EnvironmentId { project: project.clone(), name });
        let resource = environment.as_ref().map_or(Resource::Project(project), Resource::Environment);
        ctx.require(&view, Permission::DocumentRead, resource, now)
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

    /// Puts the versions into the order in which they were registered: what one refers to comes before it, and
    /// a reference without a version means the same again.
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

/// The schemas that an environment's configs are bound to, and those that these refer to.
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
