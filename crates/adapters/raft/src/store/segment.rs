//! Archive rows that were applied but are not on disk yet.
//!
//! Rows are only added, except that pruned versions are removed. A reader finds a row by an id and a version
//! from its own state. So one segment serves all published states: it may contain rows newer than a reader's
//! state, which the reader does not request.

use application::ports::Place;
use domain::{
    AuditEntry, Committed, ConfigId, ConfigRevision, SchemaId, SchemaRevision, SchemaVersion, Version,
};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// The archive rows that wait for a checkpoint. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Segment(Arc<RwLock<Rows>>);

/// The rows of a segment.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) configs: BTreeMap<(ConfigId, Version), Arc<ConfigRevision>>,
    pub(super) changes: BTreeMap<Place, Arc<ConfigRevision>>,
    pub(super) schemas: BTreeMap<(SchemaId, SchemaVersion), Arc<SchemaRevision>>,
    pub(super) audit: Vec<AuditEntry>,
    /// Config versions to delete from disk: from the first version to before the second.
    pub(super) pruned: Vec<(ConfigId, Version, Version)>,
    /// Schemas whose versions to delete from disk, up to this one.
    pub(super) schemas_gone: Vec<(SchemaId, SchemaVersion)>,
}

/// The archive rows of one batch of entries.
#[derive(Debug, Default)]
pub(super) struct Added {
    configs: Vec<(Place, Arc<ConfigRevision>)>,
    schemas: Vec<SchemaRevision>,
    audit: Vec<AuditEntry>,
    pruned: Vec<(ConfigId, Version, Version)>,
    schemas_gone: Vec<(SchemaId, SchemaVersion)>,
}

impl Added {
    pub(super) fn rows(&mut self, committed: &Committed) {
        let placed = committed.config_revisions().zip(0..).map(|(row, index)| {
            let place = Place { revision: committed.revision, index };
            (place, Arc::new(row))
        });
        self.configs.extend(placed);
        for (id, version) in committed.schemas_gone() {
            self.schemas.retain(|row| row.id != *id || row.version > version);
            self.schemas_gone.push((id.clone(), version));
        }
        self.schemas.extend(committed.schema_revisions());
        self.pruned.extend(committed.pruned().map(|(id, from, oldest)| (id.clone(), from, oldest)));
    }

    /// The changes of configs, in order.
    pub(super) fn changes(&self) -> impl Iterator<Item = (Place, Arc<ConfigRevision>)> + '_ {
        self.configs.iter().cloned()
    }

    pub(super) fn audit(&mut self, entry: AuditEntry) {
        self.audit.push(entry);
    }
}

impl Segment {
    pub(super) fn add(&self, added: Added) {
        let mut rows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (place, row) in added.configs {
            rows.changes.insert(place, row.clone());
            rows.configs.insert((row.id.clone(), row.version), row);
        }
        for (id, version) in added.schemas_gone {
            let range = (id.clone(), SchemaVersion(0))..=(id.clone(), version);
            let gone: Vec<_> = rows.schemas.range(range).map(|(key, _)| key.clone()).collect();
            for key in gone {
                rows.schemas.remove(&key);
            }
            rows.schemas_gone.push((id, version));
        }
        for row in added.schemas {
            rows.schemas.insert((row.id.clone(), row.version), Arc::new(row));
        }
        rows.audit.extend(added.audit);
        for (id, from, oldest) in added.pruned {
            let range = (id.clone(), from)..(id.clone(), oldest);
            let gone: Vec<_> = rows.configs.range(range).map(|(key, _)| key.clone()).collect();
            for key in gone {
                rows.configs.remove(&key);
            }
            rows.pruned.push((id, from, oldest));
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
