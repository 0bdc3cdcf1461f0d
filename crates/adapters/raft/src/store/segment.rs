//! Bodies and audit entries that were applied but not yet written to disk.

use domain::{
    AuditEntry, Committed, ConfigId, ConfigRevision, Revision, SchemaId, SchemaRevision, SchemaVersion,
    Version,
};
use imbl::OrdMap;
use std::sync::Arc;

/// Archive rows that wait for a checkpoint. A clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Segment {
    pub(super) configs: OrdMap<(ConfigId, Version), Arc<ConfigRevision>>,
    pub(super) schemas: OrdMap<(SchemaId, SchemaVersion), Arc<SchemaRevision>>,
    pub(super) audit: OrdMap<Revision, Arc<AuditEntry>>,
}

/// Archive rows of one batch of entries.
#[derive(Debug, Default)]
pub(super) struct Added {
    configs: Vec<ConfigRevision>,
    schemas: Vec<SchemaRevision>,
    audit: Vec<AuditEntry>,
}

impl Added {
    pub(super) fn rows(&mut self, committed: &Committed) {
        self.configs.extend(committed.config_revisions());
        self.schemas.extend(committed.schema_revisions());
    }

    pub(super) fn audit(&mut self, entry: AuditEntry) {
        self.audit.push(entry);
    }
}

impl Segment {
    pub(super) fn add(&mut self, added: Added) {
        for row in added.configs {
            self.configs.insert((row.id.clone(), row.version), Arc::new(row));
        }
        for row in added.schemas {
            self.schemas.insert((row.id.clone(), row.version), Arc::new(row));
        }
        for row in added.audit {
            self.audit.insert(row.revision, Arc::new(row));
        }
    }
}
