//! Decisions on quotas, retention and pruning.

use super::Decision;
use crate::access::{Permission, Resource};
use crate::limits::{
    HISTORY_ROW_BYTES, PRUNED_VERSIONS_MAX, QUOTA_MAX, RETENTION_AGE_MS_MAX, RETENTION_VERSIONS_MAX,
};
use crate::{Command, Content, Event, ProjectName, Pruned, Quotas, Rejection, Retention, Version};
use std::collections::BTreeMap;

/// The change of a project's usage by events.
#[derive(Default)]
struct Growth {
    documents: i64,
    bytes: i64,
    history_versions: i64,
    history_bytes: i64,
    /// Whether a document is written, not only deleted.
    writes: bool,
}

impl Decision<'_> {
    pub(super) fn change_project(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::ChangeProject { name, display_name, quotas, retention } = command else {
            return Ok(Vec::new());
        };
        if display_name.is_some() || retention.is_some() || quotas.is_none() {
            self.require(Permission::ProjectWrite, Resource::Project(name))?;
        }
        if quotas.is_some() {
            self.require(Permission::QuotaWrite, Resource::Platform)?;
        }
        self.existing_project(name)?;
        let present = self.state.project(name).ok_or_else(|| Rejection::ProjectNotFound(name.clone()))?;
        let mut events = Vec::new();
        if let Some(display_name) = display_name {
            events.push(Event::ProjectUpdated { name: name.clone(), display_name: display_name.clone() });
        }
        if quotas.is_some() || retention.is_some() {
            let quotas = quotas.unwrap_or(present.quotas);
            let retention = retention.unwrap_or(present.retention);
            sensible(&quotas, &retention)?;
            events.push(Event::ProjectBounded { name: name.clone(), quotas, retention });
        }
        Ok(events)
    }

    /// Rejects events that would exceed a quota of their project. Events that do not increase a usage pass
    /// even above its quota. The history quotas reject every write above them, even one that adds no history.
    pub(super) fn within_quotas(&self, events: &[Event]) -> Result<(), Rejection> {
        for (name, growth) in self.growth(events) {
            let Some(project) = self.state.project(name) else { continue };
            let (used, quotas) = (self.state.usage(name), &project.quotas);
            let grown = |limit: &str, max: u64, used: u64, more: i64| {
                if more > 0 && used.saturating_add_signed(more) > max {
                    exceeded(name, limit, max, used)
                } else {
                    Ok(())
                }
            };
            grown("documents", quotas.documents(), used.documents, growth.documents)?;
            grown("bytes", quotas.bytes(), used.bytes, growth.bytes)?;
            if !growth.writes {
                continue;
            }
            let kept = |limit: &str, max: u64, used: u64, more: i64| {
                if used.saturating_add_signed(more) > max { exceeded(name, limit, max, used) } else { Ok(()) }
            };
            let (history, versions) = (used.history, growth.history_versions);
            kept("history_versions", quotas.history_versions(), history.versions, versions)?;
            kept("history_bytes", quotas.history_bytes(), history.bytes, growth.history_bytes)?;
        }
        Ok(())
    }

    /// The growth of each project.
    fn growth<'e>(&self, events: &'e [Event]) -> BTreeMap<&'e ProjectName, Growth> {
        let mut growth: BTreeMap<&ProjectName, Growth> = BTreeMap::new();
        for event in events {
            let (id, bytes) = match event {
                Event::ConfigPut { id, content, .. } => (id, Some(content.as_str().len())),
                Event::ConfigDeleted { id, .. } => (id, None),
                _ => continue,
            };
            let before = self.state.config(id).map(|config| i64::from(config.bytes));
            let now = bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
            let own = growth.entry(&id.project).or_default();
            own.documents += i64::from(now.is_some()) - i64::from(before.is_some());
            own.bytes += now.unwrap_or(0) - before.unwrap_or(0);
            own.writes |= now.is_some();
            if let Some(before) = before {
                own.history_versions += 1;
                own.history_bytes += before + HISTORY_ROW_BYTES.cast_signed();
            }
        }
        growth
    }

    /// Rejects another schema version if the project would exceed a quota.
    pub(super) fn room_for_schema(&self, name: &ProjectName, schema: &Content) -> Result<(), Rejection> {
        let Some(project) = self.state.project(name) else { return Ok(()) };
        let (used, quotas, bytes) = (self.state.usage(name), &project.quotas, schema.as_str().len() as u64);
        if used.schema_versions >= quotas.schema_versions() {
            return exceeded(name, "schema_versions", quotas.schema_versions(), used.schema_versions);
        }
        if used.schema_bytes.saturating_add(bytes) > quotas.schema_bytes() {
            return exceeded(name, "schema_bytes", quotas.schema_bytes(), used.schema_bytes);
        }
        Ok(())
    }

    /// Skips versions that were pruned before and never prunes the newest, so that an outdated plan is
    /// harmless.
    pub(super) fn prune_history(&self, pruned: &[Pruned]) -> Result<Vec<Event>, Rejection> {
        self.require_system()?;
        let (mut events, mut count) = (Vec::new(), 0);
        for Pruned { id, oldest, from: counted_from, bytes } in pruned {
            let wanted = *oldest;
            let live = self.state.config(id).map(|config| config.version);
            let newest = live.or_else(|| self.state.retired_config(id).map(|retired| retired.version));
            let Some(newest) = newest else { continue };
            let from = self.state.oldest_kept(id).max(Version(1));
            let oldest = (*oldest).min(newest).min(Version(from.0 + PRUNED_VERSIONS_MAX - count));
            if oldest > from {
                count += oldest.0 - from.0;
                // The size applies only to exactly the versions that it was computed for.
                let bytes = bytes.filter(|_| *counted_from == from && wanted == oldest);
                events.push(Event::HistoryPruned { id: id.clone(), from, oldest, bytes });
            }
        }
        if events.is_empty() { Err(Rejection::NothingToPrune) } else { Ok(events) }
    }
}

fn exceeded(project: &ProjectName, limit: &str, max: u64, used: u64) -> Result<(), Rejection> {
    Err(Rejection::QuotaExceeded { project: project.clone(), limit: limit.to_owned(), max, used })
}

fn sensible(quotas: &Quotas, retention: &Retention) -> Result<(), Rejection> {
    let too_large = |limit: &str, max: u64| Err(Rejection::LimitReached { limit: limit.to_owned(), max });
    if quotas.set().any(|quota| quota > QUOTA_MAX) {
        return too_large("quota", QUOTA_MAX);
    }
    if retention.versions.is_some_and(|versions| !(1..=RETENTION_VERSIONS_MAX).contains(&versions)) {
        return too_large("retention_versions", RETENTION_VERSIONS_MAX);
    }
    if retention.age_ms.is_some_and(|age| !(1..=RETENTION_AGE_MS_MAX).contains(&age)) {
        return too_large("retention_age_ms", RETENTION_AGE_MS_MAX.unsigned_abs());
    }
    Ok(())
}
