//! Deletes entities that are not in the file: configs first, then environments and schemas.

use super::import::Import;
use crate::check::CHECK_ATTEMPTS_MAX;
use crate::ports::{Freshness, View};
use crate::{Error, Step, Transact};
use domain::limits::TRANSACTION_OPERATIONS_MAX;
use domain::{ConfigKey, EnvironmentId, EnvironmentName, Precondition, Rejection, SchemaId};
use std::ops::Bound;

impl Import {
    /// Deletes what is in the scope of the file but not in it. For a file of one environment, only configs.
    pub(super) async fn delete_the_rest(&mut self) -> Result<(), Error> {
        let view = self.fresh().await?;
        let project = self.project.clone();
        let names: Vec<EnvironmentName> = match &self.scope {
            Some(only) => vec![only.clone()],
            None => view.state.environments(&project).map(|found| found.id.name.clone()).collect(),
        };
        for name in &names {
            self.delete_configs(&EnvironmentId { project: project.clone(), name: name.clone() }).await?;
        }
        if self.scope.is_some() {
            return Ok(());
        }
        for name in names.into_iter().filter(|name| !self.known.has_environment(name)).collect::<Vec<_>>() {
            if self.ctx.dry_run {
                self.report.effect("delete", "environment", format!("{project}/{name}"));
            } else {
                let id = EnvironmentId { project: project.clone(), name };
                let gone = self.tools.projects.delete_environment(&self.ctx, id).await?;
                self.report.revision = gone.revision;
            }
            self.report.environments.deleted += 1;
        }
        let schemas = view.state.schemas(&project).map(|schema| schema.id.clone());
        for id in schemas.filter(|id| !self.mentions(&id.name)).collect::<Vec<SchemaId>>() {
            if self.ctx.dry_run {
                self.report.effect("delete", "schema", format!("{project}/{}", id.name));
            } else {
                let gone = self.tools.schemas.delete(&self.ctx, id, None).await?;
                self.report.revision = gone.revision;
            }
            self.report.schemas.deleted += 1;
        }
        Ok(())
    }

    async fn fresh(&self) -> Result<View, Error> {
        Ok(self.tools.core.state.view(Freshness::LINEARIZABLE).await?)
    }

    /// Deletes in transactions. Configs that changed concurrently are examined again.
    async fn delete_configs(&mut self, environment: &EnvironmentId) -> Result<(), Error> {
        let (mut after, mut conflicts): (Option<ConfigKey>, usize) = (None, 0);
        loop {
            let view = self.fresh().await?;
            let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let steps: Vec<Step> = view
                .state
                .configs_from(environment, from)
                .filter(|config| !self.kept.contains(&config.id))
                .take(TRANSACTION_OPERATIONS_MAX)
                .map(|config| Step::Delete {
                    id: config.id.clone(),
                    expected: Precondition::Version(config.version),
                })
                .collect();
            let Some(last) = steps.last().map(|step| step.id().key.clone()) else { return Ok(()) };
            let count = steps.len() as u64;
            let request = Transact { steps, message: self.message.clone() };
            match self.tools.transactions.transact(&self.ctx, request).await {
                Ok(done) => {
                    self.report.revision = done.revision;
                    self.report.configs.deleted += count;
                    if self.ctx.dry_run {
                        let ids = done.item.results.iter().map(|result| result.id.to_string());
                        ids.for_each(|name| self.report.effect("delete", "config", name));
                    }
                    after = Some(last);
                }
                Err(error) if is_conflict(&error) && conflicts < CHECK_ATTEMPTS_MAX => conflicts += 1,
                Err(error) if is_conflict(&error) => return Err(Error::Contended),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether the config was changed or deleted concurrently.
fn is_conflict(error: &Error) -> bool {
    let Error::Rejected(Rejection::Operation { rejection, .. }) = error else { return false };
    matches!(**rejection, Rejection::VersionConflict { .. } | Rejection::ConfigNotFound(_))
}
