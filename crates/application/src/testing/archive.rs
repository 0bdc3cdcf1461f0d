//! A fake archive in memory.

use crate::ports::{Archive, ArchiveError, Changes, ChangesWanted, Place, Selection};
use domain::{
    AuditEntry, Committed, ConfigId, ConfigRevision, Revision, SchemaId, SchemaRevision, SchemaVersion,
    Version,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

/// An archive in memory. Like a real one it may contain versions newer than a view.
#[derive(Debug, Default)]
pub struct MemoryArchive(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    configs: BTreeMap<(ConfigId, Version), ConfigRevision>,
    schemas: BTreeMap<(SchemaId, SchemaVersion), SchemaRevision>,
    changes: BTreeMap<Place, (ConfigId, Version)>,
    audit: BTreeMap<Revision, AuditEntry>,
    /// Changes up to this revision were pruned.
    forgotten: Revision,
    broken: bool,
}

/// The error of a broken archive.
#[derive(Debug, thiserror::Error)]
#[error("the test broke the archive")]
struct Broken;

impl MemoryArchive {
    /// Stores the versions of these events.
    pub fn record(&self, committed: &Committed) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (found, index) in committed.config_revisions().zip(0..) {
            let place = Place { revision: found.revision, index };
            tables.changes.insert(place, (found.id, found.version));
        }
        tables
            .configs
            .extend(committed.config_revisions().map(|found| ((found.id.clone(), found.version), found)));
        for (id, from, oldest) in committed.pruned() {
            let range = (id.clone(), from)..(id.clone(), oldest);
            let gone: Vec<_> = tables.configs.range(range).map(|(key, _)| key.clone()).collect();
            for key in gone {
                tables.configs.remove(&key);
            }
        }
        for (id, version) in committed.schemas_gone() {
            tables.schemas.retain(|(other, own), _| other != id || *own > version);
        }
        tables
            .schemas
            .extend(committed.schema_revisions().map(|found| ((found.id.clone(), found.version), found)));
    }

    /// Stores an entry of the audit chain.
    pub fn record_audit(&self, entry: AuditEntry) {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tables.audit.insert(entry.revision, entry);
    }

    /// Prunes the changes up to this revision; the versions stay.
    pub fn forget_changes(&self, up_to: Revision) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).forgotten = up_to;
    }

    /// Makes every later read fail, or succeed again.
    pub fn set_broken(&self, broken: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).broken = broken;
    }

    fn read<T>(&self, get: impl FnOnce(&Tables) -> T) -> Result<T, ArchiveError> {
        let tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.broken { Err(ArchiveError(Box::new(Broken))) } else { Ok(get(&tables)) }
    }
}

impl Archive for MemoryArchive {
    fn config_revision(
        &self,
        id: &ConfigId,
        version: Version,
    ) -> Result<Option<ConfigRevision>, ArchiveError> {
        self.read(|tables| tables.configs.get(&(id.clone(), version)).cloned())
    }

    fn config_history(
        &self,
        id: &ConfigId,
        before: Option<Version>,
        limit: usize,
    ) -> Result<Vec<ConfigRevision>, ArchiveError> {
        let end = before.unwrap_or(Version(u64::MAX));
        self.read(|tables| {
            let range = (id.clone(), Version(0))..(id.clone(), end);
            tables.configs.range(range).rev().take(limit).map(|(_, found)| found.clone()).collect()
        })
    }

    fn config_changes(&self, wanted: &ChangesWanted<'_>) -> Result<Changes, ArchiveError> {
        self.read(|tables| {
            if wanted.after < Place::end_of(tables.forgotten) {
                return Changes::Gone;
            }
            let mut selection = Selection::new(wanted);
            let range = (Bound::Excluded(wanted.after), Bound::Unbounded);
            for (place, (id, version)) in tables.changes.range(range) {
                let shown = || {
                    let found = tables.configs.get(&(id.clone(), *version)).cloned();
                    Ok::<_, std::convert::Infallible>(found.map(Arc::new))
                };
                if !matches!(selection.offer(*place, id, shown), Ok(true)) {
                    break;
                }
            }
            selection.finish()
        })
    }

    fn schema_revision(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
    ) -> Result<Option<SchemaRevision>, ArchiveError> {
        self.read(|tables| tables.schemas.get(&(id.clone(), version)).cloned())
    }

    fn audit_entries(&self, after: Revision, limit: usize) -> Result<Vec<AuditEntry>, ArchiveError> {
        self.read(|tables| {
            let range = (Bound::Excluded(after), Bound::Unbounded);
            tables.audit.range(range).take(limit).map(|(_, entry)| entry.clone()).collect()
        })
    }
}
