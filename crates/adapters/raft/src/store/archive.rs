//! Reading the archive: first what waits for a checkpoint, then the disk.

use super::Table;
use super::published::Published;
use super::segment::Segment;
use super::tables::{ChangeRow, audit_key, change_key, change_place, changes_from, config_key, schema_key};
use crate::codec::row;
use application::ports::{Archive, ArchiveError, Changes, ChangesWanted, Place, Selection};
use domain::{
    AuditEntry, ConfigId, ConfigRevision, Revision, SchemaId, SchemaRevision, SchemaVersion, Version,
};
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

/// The archive of a published state.
#[derive(Debug)]
pub struct LiveArchive(pub Arc<Published>);

impl LiveArchive {
    fn segments(&self) -> [&Segment; 2] {
        [&self.0.active, &self.0.sealed]
    }

    fn read_config(&self, id: &ConfigId, version: Version) -> io::Result<Option<ConfigRevision>> {
        let key = (id.clone(), version);
        for segment in self.segments() {
            if let Some(found) = segment.read().configs.get(&key) {
                return Ok(Some(ConfigRevision::clone(found)));
            }
        }
        let bytes = self.0.engine.view()?.get(Table::Configs, &config_key(id, version))?;
        bytes.map(|bytes| row::decode(&bytes)).transpose()
    }

    fn read_history(
        &self,
        id: &ConfigId,
        before: Option<Version>,
        limit: usize,
    ) -> io::Result<Vec<ConfigRevision>> {
        let before = before.unwrap_or(Version(u64::MAX));
        let mut found = BTreeMap::new();
        for segment in self.segments() {
            let range = (id.clone(), Version(0))..(id.clone(), before);
            for ((_, version), revision) in segment.read().configs.range(range).rev().take(limit) {
                found.insert(*version, ConfigRevision::clone(revision));
            }
        }
        let (low, high) = (config_key(id, Version(0)), config_key(id, before));
        let range = (Bound::Included(low.as_slice()), Bound::Excluded(high.as_slice()));
        let mut read = 0;
        if limit > 0 {
            self.0.engine.view()?.scan(Table::Configs, range, true, &mut |_, value| {
                let revision: ConfigRevision = row::decode(value)?;
                found.entry(revision.version).or_insert(revision);
                read += 1;
                Ok(read < limit)
            })?;
        }
        Ok(found.into_values().rev().take(limit).collect())
    }

    /// The changes that are too old for the ring: from the disk, followed by those that wait for a
    /// checkpoint.
    fn read_changes(&self, wanted: &ChangesWanted<'_>) -> io::Result<Changes> {
        if wanted.after.revision.next() < changes_from(self.0.state.revision()) {
            return Ok(Changes::Gone);
        }
        let mut selection = Selection::new(wanted);
        let (low, high) = (change_key(wanted.after), change_key(Place::end_of(wanted.through)));
        let range = (Bound::Excluded(low.as_slice()), Bound::Included(high.as_slice()));
        let mut go_on = true;
        self.0.engine.view()?.scan(Table::Changes, range, false, &mut |key, value| {
            let ChangeRow { id, version } = row::decode(value)?;
            let shown = || Ok::<_, io::Error>(self.read_config(&id, version)?.map(Arc::new));
            go_on = selection.offer(change_place(key)?, &id, shown)?;
            Ok(go_on)
        })?;
        // A later checkpoint may have written some of these to disk.
        for segment in self.segments().into_iter().rev() {
            if !go_on {
                break;
            }
            let range = (Bound::Excluded(selection.at()), Bound::Unbounded);
            for (place, shown) in segment.read().changes.range(range) {
                go_on = selection.offer(*place, &shown.id, || Ok::<_, io::Error>(Some(shown.clone())))?;
                if !go_on {
                    break;
                }
            }
        }
        Ok(selection.finish())
    }

    fn read_schema(&self, id: &SchemaId, version: SchemaVersion) -> io::Result<Option<SchemaRevision>> {
        let key = (id.clone(), version);
        for segment in self.segments() {
            if let Some(found) = segment.read().schemas.get(&key) {
                return Ok(Some(SchemaRevision::clone(found)));
            }
        }
        let bytes = self.0.engine.view()?.get(Table::Schemas, &schema_key(id, version))?;
        bytes.map(|bytes| row::decode(&bytes)).transpose()
    }
}

impl LiveArchive {
    /// Entries from the disk, followed by those that wait for a checkpoint; some may be in both.
    fn read_audit(&self, after: Revision, limit: usize) -> io::Result<Vec<AuditEntry>> {
        let mut found = BTreeMap::new();
        let low = audit_key(after);
        if limit > 0 {
            let range = (Bound::Excluded(low.as_slice()), Bound::Unbounded);
            self.0.engine.view()?.scan(Table::Audit, range, false, &mut |_, value| {
                let entry: AuditEntry = row::decode(value)?;
                found.insert(entry.revision, entry);
                Ok(found.len() < limit)
            })?;
        }
        for segment in self.segments().into_iter().rev() {
            if found.len() >= limit {
                break;
            }
            let rows = segment.read();
            let from = rows.audit.partition_point(|entry| entry.revision <= after);
            found.extend(rows.audit[from..].iter().take(limit).map(|entry| (entry.revision, entry.clone())));
        }
        Ok(found.into_values().take(limit).collect())
    }
}

impl Archive for LiveArchive {
    fn config_revision(
        &self,
        id: &ConfigId,
        version: Version,
    ) -> Result<Option<ConfigRevision>, ArchiveError> {
        self.read_config(id, version).map_err(fault)
    }

    fn config_history(
        &self,
        id: &ConfigId,
        before: Option<Version>,
        limit: usize,
    ) -> Result<Vec<ConfigRevision>, ArchiveError> {
        self.read_history(id, before, limit).map_err(fault)
    }

    fn config_changes(&self, wanted: &ChangesWanted<'_>) -> Result<Changes, ArchiveError> {
        self.0.recent.read(wanted).map_or_else(|| self.read_changes(wanted).map_err(fault), Ok)
    }

    fn schema_revision(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
    ) -> Result<Option<SchemaRevision>, ArchiveError> {
        self.read_schema(id, version).map_err(fault)
    }

    fn audit_entries(&self, after: Revision, limit: usize) -> Result<Vec<AuditEntry>, ArchiveError> {
        self.read_audit(after, limit).map_err(fault)
    }
}

fn fault(error: io::Error) -> ArchiveError {
    ArchiveError(Box::new(error))
}
