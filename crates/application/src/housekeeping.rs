//! What the cluster does by itself: taking versions out of the history where a project asks for that.
//!
//! One node looks for what may go, outside the log; the replicated state decides, so that all nodes hold
//! the same.

use crate::history::let_others_run;
use crate::ports::{Freshness, View};
use crate::{Core, Error, RequestContext};
use domain::limits::PRUNED_VERSIONS_MAX;
use domain::{Actor, Command, ConfigId, Project, Pruned, Rejection, Retention, Timestamp, Version};

/// Most configs that one command prunes.
const CONFIGS_PER_COMMAND_MAX: usize = 500;
/// How many configs are looked at before other tasks have a turn.
const LOOKED_AT_ONCE: usize = 256;
/// How many versions are read at a time when their age is asked for.
const AGE_BATCH: usize = 64;

/// Work of the cluster on itself.
#[derive(Clone, Debug)]
pub struct Housekeeping {
    core: Core,
}

impl Housekeeping {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Prunes what every project's retention lets go; gives about how many versions went. To be called on the
    /// node that leads, now and then; harmless anywhere and at any time.
    pub async fn prune(&self) -> Result<u64, Error> {
        let view = self.core.state.view(Freshness::STALE).await?;
        let now = self.core.env.clock.now();
        let (mut plan, mut planned, mut gone) = (Vec::new(), 0, 0);
        let bounded = |project: &&Project| project.retention != Retention::default();
        let projects: Vec<Project> = view.state.projects_after(None).filter(bounded).cloned().collect();
        for project in projects {
            let held = view.state.all_configs(&project.name);
            let prunable = held.filter(|(id, newest)| view.state.oldest_kept(id) < *newest);
            for (number, (id, newest)) in prunable.enumerate() {
                if number.is_multiple_of(LOOKED_AT_ONCE) {
                    let_others_run().await;
                }
                let from = view.state.oldest_kept(id).max(Version(1));
                let oldest = oldest(&view, id, newest, project.retention, now).await?;
                if oldest <= from {
                    continue;
                }
                planned += oldest.0 - from.0;
                plan.push(Pruned { id: id.clone(), oldest });
                if plan.len() == CONFIGS_PER_COMMAND_MAX || planned >= PRUNED_VERSIONS_MAX {
                    gone += self.commit(std::mem::take(&mut plan), std::mem::take(&mut planned)).await?;
                }
            }
        }
        Ok(gone + self.commit(plan, planned).await?)
    }

    /// Has the plan, of so many versions, decided; gives about how many went.
    async fn commit(&self, pruned: Vec<Pruned>, versions: u64) -> Result<u64, Error> {
        if pruned.is_empty() {
            return Ok(0);
        }
        let ctx = RequestContext::new(Actor::System, self.core.env.ids.request_id());
        match self.core.commit(&ctx, Command::PruneHistory { pruned }).await {
            Ok(_) => Ok(versions.min(PRUNED_VERSIONS_MAX)),
            Err(Error::Rejected(Rejection::NothingToPrune)) => Ok(0),
            Err(error) => Err(error),
        }
    }
}

/// The oldest version of a config that the retention keeps.
async fn oldest(
    view: &View,
    id: &ConfigId,
    newest: Version,
    retention: Retention,
    now: Timestamp,
) -> Result<Version, Error> {
    let by_count = retention.versions.map_or(Version(0), |kept| Version((newest.0 + 1).saturating_sub(kept)));
    let Some(age_ms) = retention.age_ms else { return Ok(by_count) };
    let since = Timestamp(now.0.saturating_sub(age_ms));
    // Newest first: the first version that was made before that time was current at it, and is kept.
    let floor = view.state.oldest_kept(id).max(by_count);
    let mut before = newest.next();
    while before > floor {
        let batch = view.archive.config_history(id, Some(before), AGE_BATCH)?;
        let_others_run().await;
        let Some(last) = batch.last().map(|found| found.version) else { break };
        if let Some(current) = batch.iter().find(|found| found.at <= since) {
            return Ok(current.version.max(by_count));
        }
        before = last;
    }
    Ok(by_count)
}
