//! Housekeeping of the cluster: prunes the history by the retention of each project.
//!
//! One node searches for versions to prune. The replicated state decides, so that all nodes keep the same
//! versions.

use crate::history::let_others_run;
use crate::ports::{Freshness, View};
use crate::{Core, Error, RequestContext};
use domain::limits::{HISTORY_FULL_PERCENT, HISTORY_TRIMMED_PERCENT, PRUNED_VERSIONS_MAX};
use domain::{Actor, Command, ConfigId, Project, Pruned, Rejection, Retention, Timestamp, Usage, Version};

/// Most configs that one command prunes.
const CONFIGS_PER_COMMAND_MAX: usize = 500;
/// Number of configs that are examined before yielding to other tasks.
const LOOKED_AT_ONCE: usize = 256;
/// Number of versions that are read at a time.
const AGE_BATCH: usize = 64;

/// Most versions of one config that are read for one command.
const VERSIONS_READ_MAX: u64 = 1024;
/// Size of pruned documents at which a command is full, in bytes.
const PRUNED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Housekeeping of the cluster.
#[derive(Clone, Debug)]
pub struct Housekeeping {
    core: Core,
}

impl Housekeeping {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Prunes versions by the retention of every project, and more in projects without a retention whose
    /// history is nearly full. Returns the approximate number of pruned versions. Must be called regularly on
    /// the leader; harmless on other nodes and at any time.
    pub async fn prune(&self) -> Result<u64, Error> {
        let view = self.core.state.view(Freshness::STALE).await?;
        let now = self.core.env.clock.now();
        let (mut plan, mut gone) = (Plan::default(), 0);
        let projects: Vec<Project> = view.state.projects_after(None).cloned().collect();
        for project in projects {
            let usage = view.state.usage(&project.name);
            let rule = Rule::of(&project, &usage);
            if !rule.may_apply(&usage) {
                continue;
            }
            let held = view.state.all_configs(&project.name);
            let prunable = held.filter(|(id, newest)| view.state.oldest_kept(id) < *newest);
            for (number, (id, newest)) in prunable.enumerate() {
                if number.is_multiple_of(LOOKED_AT_ONCE) {
                    let_others_run().await;
                }
                let mut from = view.state.oldest_kept(id).max(Version(1));
                let oldest = oldest(&view, id, newest, &rule, now).await?;
                while oldest > from {
                    let part = oldest.min(Version(from.0 + plan.room()));
                    let bytes = documents(&view, id, from, part).await?;
                    plan.add(Pruned { id: id.clone(), oldest: part, from, bytes: Some(bytes) });
                    from = part;
                    if plan.is_full() {
                        gone += self.commit(std::mem::take(&mut plan)).await?;
                    }
                }
            }
        }
        Ok(gone + self.commit(plan).await?)
    }

    /// Commits the plan. Returns the approximate number of pruned versions.
    async fn commit(&self, plan: Plan) -> Result<u64, Error> {
        let Plan { pruned, versions, .. } = plan;
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

/// The content of one prune command.
#[derive(Default)]
struct Plan {
    pruned: Vec<Pruned>,
    versions: u64,
    bytes: u64,
}

impl Plan {
    fn add(&mut self, one: Pruned) {
        self.versions += one.oldest.0.saturating_sub(one.from.0);
        self.bytes += one.bytes.unwrap_or(0);
        self.pruned.push(one);
    }

    /// Number of versions of the next config that fit.
    fn room(&self) -> u64 {
        (PRUNED_VERSIONS_MAX - self.versions).clamp(1, VERSIONS_READ_MAX)
    }

    fn is_full(&self) -> bool {
        self.pruned.len() == CONFIGS_PER_COMMAND_MAX
            || self.versions >= PRUNED_VERSIONS_MAX
            || self.bytes >= PRUNED_BYTES_MAX
    }
}

/// The pruning rule of one project.
struct Rule {
    retention: Retention,
    /// The share of each config's history to keep, in thousandths. Only for a project without a retention
    /// whose history is nearly full.
    part: Option<u64>,
}

impl Rule {
    fn of(project: &Project, usage: &Usage) -> Self {
        let quotas = &project.quotas;
        let history = [
            (usage.history.bytes, quotas.history_bytes()),
            (usage.history.versions, quotas.history_versions()),
        ];
        let fullest = history.into_iter().map(|(used, max)| used.saturating_mul(100) / max.max(1)).max();
        let fullest = fullest.unwrap_or(0);
        let trims = !project.retention.is_chosen() && fullest >= HISTORY_FULL_PERCENT;
        let part = trims.then(|| HISTORY_TRIMMED_PERCENT * 1000 / fullest);
        Self { retention: project.retention, part }
    }

    /// Whether there may be something to prune, without examining each config.
    fn may_apply(&self, usage: &Usage) -> bool {
        let many = self.retention.versions().is_some_and(|kept| usage.history.versions >= kept);
        many || self.part.is_some() || (self.retention.age_ms.is_some() && usage.history.versions > 0)
    }

    /// The oldest version to keep by number.
    fn by_count(&self, kept_from: Version, newest: Version) -> Version {
        let after = |kept: u64| Version((newest.0 + 1).saturating_sub(kept));
        let by_retention = self.retention.versions().map_or(Version(0), after);
        let held = (newest.0 + 1).saturating_sub(kept_from.0.max(1));
        let by_part = self.part.map_or(Version(0), |part| after((held.saturating_mul(part) / 1000).max(1)));
        by_retention.max(by_part)
    }
}

/// The size of the documents of the versions from `from` to before `to`, in bytes.
async fn documents(view: &View, id: &ConfigId, from: Version, to: Version) -> Result<u64, Error> {
    let (mut before, mut bytes) = (to, 0);
    while before > from {
        let wanted = usize::try_from(before.0 - from.0).unwrap_or(AGE_BATCH).min(AGE_BATCH);
        let batch = view.archive.config_history(id, Some(before), wanted)?;
        let_others_run().await;
        let Some(last) = batch.last().map(|found| found.version) else { break };
        let own = batch.iter().filter(|found| found.version >= from);
        bytes += own
            .filter_map(|found| found.content.as_ref())
            .map(|text| text.as_str().len() as u64)
            .sum::<u64>();
        before = last;
    }
    Ok(bytes)
}

/// The oldest version of a config to keep.
async fn oldest(
    view: &View,
    id: &ConfigId,
    newest: Version,
    rule: &Rule,
    now: Timestamp,
) -> Result<Version, Error> {
    let by_count = rule.by_count(view.state.oldest_kept(id), newest);
    let Some(age_ms) = rule.retention.age_ms else { return Ok(by_count) };
    let since = Timestamp(now.0.saturating_sub(age_ms));
    // The newest first: the first version that is older than `since` was current at that time and stays.
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
