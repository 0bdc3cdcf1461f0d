//! Importing records: collects a window of records, checks it completely, and only then changes anything.
//!
//! A file that fits into one window is checked completely before its first change. After the first failure
//! the remaining records are only checked, so that one report lists all problems.

use super::plan::Action;
use super::series::Known;
use super::trial::Trial;
use super::{ExportHeader, ImportReport, Record, SchemaRecord, Totals, Transfer};
use crate::history::let_others_run;
use crate::ports::{Freshness, View};
use crate::{Error, RequestContext};
use domain::access::authorize_somewhere;
use domain::{
    ConfigId, Digest, EnvironmentName, Message, Permission, Precondition, ProjectName, Rejection, Resource,
    SchemaName,
};
use std::collections::{BTreeSet, HashSet};

/// Size of the records in one window, in bytes.
pub const IMPORT_WINDOW_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest size of planned but unregistered schemas, in bytes. In a dry run all new schemas stay planned.
pub const IMPORT_PLANNED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most schema versions in one import.
pub const IMPORT_SCHEMA_VERSIONS_MAX: usize = 100_000;
/// Most configs in an import that deletes all others.
pub const IMPORT_KEPT_MAX: usize = 200_000;
/// The size of a record in addition to its document, in bytes.
const RECORD_BYTES: usize = 512;

/// How an import treats existing entities.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ImportMode {
    /// Fails if an existing entity differs.
    Create,
    /// Updates entities that differ and leaves all others.
    #[default]
    Merge,
    /// Updates entities that differ and deletes those that are not in the file.
    Replace,
}

/// An import to begin.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The target project.
    pub project: ProjectName,
    /// How existing entities are treated.
    pub mode: ImportMode,
    /// The change message; if empty, the message names the source.
    pub message: Message,
    /// The source of the records. If it names an environment, the import is limited to the environment of
    /// that name.
    pub source: ExportHeader,
}

/// An import in progress. Dropping it keeps the changes made so far; importing the same records again
/// continues.
#[derive(Debug)]
pub struct Import {
    pub(super) tools: Transfer,
    pub(super) ctx: RequestContext,
    pub(super) project: ProjectName,
    pub(super) scope: Option<EnvironmentName>,
    pub(super) mode: ImportMode,
    pub(super) message: Message,
    pub(super) known: Known,
    pub(super) report: ImportReport,
    /// The state with the planned schemas, while they are not registered.
    pub(super) trial: Option<Trial>,
    /// With `Replace`: the configs not to delete.
    pub(super) kept: BTreeSet<ConfigId>,
    /// The truncated digests of all configs that were read.
    seen: HashSet<u64>,
    window: Vec<(u64, Record, bool)>,
    window_bytes: usize,
    /// A schema version that may or may not be the newest, depending on the next record.
    pending: Option<(u64, SchemaRecord)>,
    totals: Totals,
}

/// A planned change, with its line.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) line: u64,
    pub(super) action: Action,
}

impl Transfer {
    /// Checks that the caller may begin an import into the project. Must be called before the file is read.
    pub async fn may_import(&self, ctx: &RequestContext, project: &ProjectName) -> Result<(), Error> {
        self.import_view(ctx, project).await.map(drop)
    }

    /// Begins an import. In a dry run everything is checked and nothing changed.
    pub async fn import(&self, ctx: &RequestContext, request: ImportRequest) -> Result<Import, Error> {
        let ImportRequest { project, mode, message: given, source } = request;
        let view = self.import_view(ctx, &project).await?;
        let message = format!("import of {} at revision {}", source.project, source.revision);
        Ok(Import {
            tools: self.clone(),
            ctx: RequestContext { idempotency: None, ..ctx.clone() },
            scope: source.environment,
            project,
            mode,
            message: if given.as_str().is_empty() {
                Message::parse(&message).unwrap_or_default()
            } else {
                given
            },
            known: Known::default(),
            trial: None,
            report: ImportReport { revision: view.state.revision(), ..ImportReport::default() },
            kept: BTreeSet::new(),
            seen: HashSet::new(),
            window: Vec::new(),
            window_bytes: 0,
            pending: None,
            totals: Totals::default(),
        })
    }

    async fn import_view(&self, ctx: &RequestContext, project: &ProjectName) -> Result<View, Error> {
        let (permission, resource) = (Permission::EnvironmentRead, Resource::Project(project));
        let view = self.core.authorized_view(ctx, Freshness::LINEARIZABLE, permission, resource).await?;
        // A caller who may only read must not occupy one of the limited imports.
        let writes = [Permission::DocumentWrite, Permission::SchemaWrite, Permission::EnvironmentWrite];
        let now = self.core.env.clock.now();
        authorize_somewhere(&view.state, ctx.principal(), &writes, project, now)?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        Ok(view)
    }
}

impl Import {
    /// Adds the record of a line, counted from 1.
    pub async fn add(&mut self, line: u64, record: Record) {
        self.totals.count(&record);
        if let Some((earlier, schema)) = self.pending.take() {
            let another = matches!(&record, Record::Schema(next) if next.name == schema.name);
            let newest = schema.newest.unwrap_or(!another);
            self.window.push((earlier, Record::Schema(schema), newest));
        }
        let bytes = match &record {
            Record::Environment(_) => 0,
            Record::Schema(schema) => schema.schema.as_str().len(),
            Record::Config(config) => config.content.as_str().len(),
        };
        match record {
            Record::Schema(schema) => self.pending = Some((line, schema)),
            other => self.window.push((line, other, false)),
        }
        self.window_bytes += bytes + RECORD_BYTES;
        if self.window_bytes >= IMPORT_WINDOW_BYTES_MAX {
            self.work_off().await;
        }
    }

    /// Reports that a line is not a record, so that nothing more is changed. The caller lists the failure.
    pub fn spoil(&mut self) {
        self.report.failed += 1;
    }

    /// Whether the import was stopped by an outside failure, so that further records are useless.
    pub fn is_stopped(&self) -> bool {
        self.report.stopped.is_some()
    }

    /// Ends the import. `end` are the line and the totals of the last line of a complete file; without it
    /// nothing is deleted.
    pub async fn finish(mut self, end: Option<(u64, Totals)>) -> ImportReport {
        if let Some((line, schema)) = self.pending.take() {
            let newest = schema.newest.unwrap_or(true);
            self.window.push((line, Record::Schema(schema), newest));
        }
        if let Some((line, totals)) = end.filter(|(_, totals)| *totals != self.totals) {
            let message = format!("says {totals}, but there were {}", self.totals);
            self.report.fail(line, Error::Invalid { field: "end", message });
        }
        if end.is_none() && self.mode == ImportMode::Replace {
            let message = "is missing: a file that is not whole must not delete the rest".to_owned();
            self.report.fail(0, Error::Invalid { field: "end", message });
        }
        self.work_off().await;
        if let Some((line, _)) = end.filter(|_| self.mode == ImportMode::Replace && !self.report.is_spoiled())
            && let Err(error) = self.delete_the_rest().await
        {
            self.report.fail(line, error);
        }
        self.report.read = self.totals;
        self.report
    }

    pub(super) fn require(
        &self,
        view: &View,
        permission: Permission,
        resource: Resource<'_>,
    ) -> Result<(), Error> {
        self.ctx.require(view, permission, resource, self.tools.core.env.clock.now())
    }

    pub(super) fn mentions(&self, schema: &SchemaName) -> bool {
        self.known.has_schema(schema)
    }

    /// Checks the window, and executes it if neither it nor an earlier record failed.
    async fn work_off(&mut self) {
        let window = std::mem::take(&mut self.window);
        self.window_bytes = 0;
        if self.is_stopped() {
            return;
        }
        let view = match self.tools.core.state.view(Freshness::LINEARIZABLE).await {
            Ok(view) => view,
            Err(error) => {
                self.report.stopped.get_or_insert(error.into());
                return;
            }
        };
        self.report.revision = self.report.revision.max(view.state.revision());
        let planned = self.plan(&view, window).await;
        if self.ctx.dry_run || self.report.is_spoiled() {
            if self.ctx.dry_run {
                for planned in &planned {
                    self.count(&planned.action);
                }
            }
            return;
        }
        self.trial = None;
        self.carry_out(planned).await;
        self.known.planned_bytes = 0;
    }

    async fn plan(&mut self, view: &View, window: Vec<(u64, Record, bool)>) -> Vec<Planned> {
        let mut planned = Vec::new();
        for (line, record, newest) in window {
            let_others_run().await;
            let action = match &record {
                Record::Environment(name) => self.plan_environment(view, name),
                Record::Schema(schema) => self.plan_schema(view, schema, newest).await,
                Record::Config(config) => {
                    let id = self.config_id(config);
                    match self.first(&id).and_then(|()| self.keep(&id)) {
                        Ok(()) => self.plan_config(view, config).await,
                        Err(error) => Err(error),
                    }
                }
            };
            match action {
                Ok(Some(action)) => planned.push(Planned { line, action }),
                Ok(None) => self.count_unchanged(&record),
                Err(error) => self.report.fail(line, error),
            }
        }
        planned
    }

    /// Marks a config as part of the file, for `Replace`.
    fn keep(&mut self, id: &ConfigId) -> Result<(), Error> {
        if self.mode != ImportMode::Replace {
            return Ok(());
        }
        if self.kept.len() >= IMPORT_KEPT_MAX {
            let message = format!("replace takes at most {IMPORT_KEPT_MAX} configs; use merge");
            return Err(Error::Invalid { field: "config", message });
        }
        self.kept.insert(id.clone());
        Ok(())
    }

    /// Fails if the config occurred before in the file. Stores eight bytes of a digest for each config, which
    /// clients cannot choose.
    fn first(&mut self, id: &ConfigId) -> Result<(), Error> {
        let name = [id.environment.as_str().as_bytes(), b"/", id.key.as_str().as_bytes()];
        let digest = Digest::of(&name);
        let (short, _) = digest.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        if self.seen.insert(u64::from_be_bytes(*short)) {
            return Ok(());
        }
        Err(Error::Rejected(Rejection::ConfigRepeated(id.clone())))
    }

    fn count_unchanged(&mut self, record: &Record) {
        let counts = match record {
            Record::Environment(_) => &mut self.report.environments,
            Record::Schema(_) => &mut self.report.schemas,
            Record::Config(_) => &mut self.report.configs,
        };
        counts.unchanged += 1;
    }

    /// Counts a planned change in a dry run.
    fn count(&mut self, action: &Action) {
        let (counts, kind, name, new) = match action {
            Action::Environment(id) => {
                let name = format!("{}/{}", id.project, id.name);
                (&mut self.report.environments, "environment", name, true)
            }
            Action::Schema { id, new, .. } => {
                (&mut self.report.schemas, "schema", format!("{}/{}", id.project, id.name), *new)
            }
            Action::Config { record, expected } => {
                let name = self.config_id(record).to_string();
                (&mut self.report.configs, "config", name, *expected == Precondition::Absent)
            }
        };
        *(if new { &mut counts.created } else { &mut counts.updated }) += 1;
        self.report.effect(if new { "create" } else { "update" }, kind, name);
    }
}
