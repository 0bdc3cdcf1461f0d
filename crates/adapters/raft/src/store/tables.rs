//! The layout of state and archive in the tables of the engine.

use super::published::Published;
use super::{Batch, EngineView, Table};
use crate::codec::proto;
use crate::codec::row;
use crate::type_config::{LogId, StoredMembership};
use application::ports::Place;
use domain::{
    AuditEntry, ConfigId, ConfigRevision, Digest, Revision, RowKey, SchemaId, SchemaVersion, State, Version,
};
use prost::Message as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::ops::Bound;

/// Number of revisions for which changes are kept. A watcher that was away for longer starts with a reset.
pub(super) const CHANGES_KEPT_REVISIONS: u64 = 1_000_000;

/// The one key of the marker table.
const MARKER_KEY: &[u8] = b"applied";

/// The last applied log id, and the membership.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Marker {
    pub(crate) applied: Option<LogId>,
    pub(crate) membership: StoredMembership,
}

impl Marker {
    pub(super) fn encode(&self) -> Vec<u8> {
        proto::SnapshotMeta {
            last_log_id: self.applied.as_ref().map(Into::into),
            last_membership: Some((&self.membership).into()),
        }
        .encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> io::Result<Self> {
        let meta = proto::SnapshotMeta::decode(bytes).map_err(io::Error::other)?;
        let membership = meta.last_membership.map(TryInto::try_into).transpose().map_err(io::Error::from)?;
        Ok(Self { applied: meta.last_log_id.map(Into::into), membership: membership.unwrap_or_default() })
    }
}

/// `project 0 environment 0 key 0 version`: keeps the versions of a config together, in order.
pub(super) fn config_key(id: &ConfigId, version: Version) -> Vec<u8> {
    let parts = [id.project.as_str(), id.environment.as_str(), id.key.as_str()];
    versioned(&parts, version.0)
}

/// `project 0 name 0 version`.
pub(super) fn schema_key(id: &SchemaId, version: SchemaVersion) -> Vec<u8> {
    versioned(&[id.project.as_str(), id.name.as_str()], version.0)
}

fn versioned(parts: &[&str], version: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>() + 8);
    for part in parts {
        key.extend_from_slice(part.as_bytes());
        key.push(0);
    }
    key.extend_from_slice(&version.to_be_bytes());
    key
}

pub(super) fn audit_key(revision: Revision) -> Vec<u8> {
    revision.0.to_be_bytes().to_vec()
}

/// The config version that a change created.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct ChangeRow {
    pub(super) id: ConfigId,
    pub(super) version: Version,
}

/// `revision index`: keeps changes in order.
pub(super) fn change_key(place: Place) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&place.revision.0.to_be_bytes());
    key[8..].copy_from_slice(&place.index.to_be_bytes());
    key
}

pub(super) fn change_place(key: &[u8]) -> io::Result<Place> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a change has a malformed key");
    let (revision, index) = key.split_first_chunk::<8>().ok_or_else(malformed)?;
    let index = <[u8; 4]>::try_from(index).map_err(|_| malformed())?;
    Ok(Place { revision: Revision(u64::from_be_bytes(*revision)), index: u32::from_be_bytes(index) })
}

fn change_row(place: Place, row: &ConfigRevision) -> io::Result<(Table, Vec<u8>, Option<Vec<u8>>)> {
    let value = ChangeRow { id: row.id.clone(), version: row.version };
    Ok((Table::Changes, change_key(place).to_vec(), Some(row::encode(&value)?)))
}

/// Rebuilds the changes of a state without a table of changes: one for each config version, because each
/// revision made at most one change then. Empty if the table has rows.
pub(super) fn missing_changes(view: &dyn EngineView) -> io::Result<Batch> {
    let mut batch = Batch::default();
    let everything = || (Bound::Unbounded, Bound::Unbounded);
    let mut there = false;
    view.scan(Table::Changes, everything(), false, &mut |_, _| {
        there = true;
        Ok(false)
    })?;
    if !there {
        view.scan(Table::Configs, everything(), false, &mut |_, value| {
            let row: ConfigRevision = row::decode(value)?;
            batch.changes.push(change_row(Place { revision: row.revision, index: 0 }, &row)?);
            Ok(true)
        })?;
    }
    Ok(batch)
}

/// See [`super::Store::verify_audit`].
pub(super) fn verify_audit(view: &dyn EngineView) -> io::Result<u64> {
    let broken = |revision: u64, why: &str| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("the audit chain breaks at revision {revision}: {why}"),
        )
    };
    let (mut entries, mut head) = (0, Digest([0; 32]));
    view.scan(Table::Audit, (Bound::Unbounded, Bound::Unbounded), false, &mut |_, value| {
        let entry: AuditEntry = row::decode(value)?;
        entries += 1;
        if entry.revision != Revision(entries) {
            return Err(broken(entries, &format!("the next entry is for revision {}", entry.revision)));
        }
        if !entry.follows(head) {
            return Err(broken(entries, "the entry does not follow the one before"));
        }
        head = entry.head;
        Ok(true)
    })?;
    let (state, _) = load(view)?;
    if state.revision() != Revision(entries) {
        return Err(broken(state.revision().0, &format!("there are {entries} entries")));
    }
    if state.header().audit_head != head {
        return Err(broken(entries, "the state names another head"));
    }
    Ok(entries)
}

/// See [`super::Store::audit_records`].
pub(super) fn audit_records(view: &dyn EngineView) -> io::Result<Vec<String>> {
    let mut records = Vec::new();
    view.scan(Table::Audit, (Bound::Unbounded, Bound::Unbounded), false, &mut |_, value| {
        let entry: AuditEntry = row::decode(value)?;
        records.push(entry.record);
        Ok(true)
    })?;
    Ok(records)
}

/// The first revision whose changes are kept for resumed watches, if `newest` is the newest.
pub(super) fn changes_from(newest: Revision) -> Revision {
    Revision(newest.0.saturating_sub(CHANGES_KEPT_REVISIONS))
}

/// All writes of a checkpoint of `published`, table by table.
pub(super) fn batch(published: &Published, dirty: &BTreeSet<RowKey>) -> io::Result<Batch> {
    let mut batch = Batch::default();
    for key in dirty {
        let value = published.state.row(key).map(|row| row::encode(&row)).transpose()?;
        batch.changes.push((Table::State, key.to_bytes(), value));
    }
    let sealed = published.sealed.read();
    for (id, from, oldest) in &sealed.pruned {
        let gone = (from.0..oldest.0).map(|version| config_key(id, Version(version)));
        batch.changes.extend(gone.map(|key| (Table::Configs, key, None)));
    }
    for ((id, version), row) in &sealed.configs {
        batch.changes.push((Table::Configs, config_key(id, *version), Some(row::encode(&**row)?)));
    }
    let forgotten = change_key(Place { revision: changes_from(published.state.revision()), index: 0 });
    let older = (Bound::Unbounded, Bound::Excluded(forgotten.as_slice()));
    published.engine.view()?.scan(Table::Changes, older, false, &mut |key, _| {
        batch.changes.push((Table::Changes, key.to_vec(), None));
        Ok(true)
    })?;
    for (place, row) in &sealed.changes {
        batch.changes.push(change_row(*place, row)?);
    }
    for (id, version) in &sealed.schemas_gone {
        let (first, last) = (schema_key(id, SchemaVersion(0)), schema_key(id, *version));
        let range = (Bound::Included(first.as_slice()), Bound::Included(last.as_slice()));
        published.engine.view()?.scan(Table::Schemas, range, false, &mut |key, _| {
            batch.changes.push((Table::Schemas, key.to_vec(), None));
            Ok(true)
        })?;
    }
    for ((id, version), row) in &sealed.schemas {
        batch.changes.push((Table::Schemas, schema_key(id, *version), Some(row::encode(&**row)?)));
    }
    for row in &sealed.audit {
        batch.changes.push((Table::Audit, audit_key(row.revision), Some(row::encode(row)?)));
    }
    batch.changes.push((Table::Marker, MARKER_KEY.to_vec(), Some(published.marker.encode())));
    Ok(batch)
}

/// The marker row of a new store.
pub(super) fn marker_change(marker: &[u8]) -> (Table, Vec<u8>, Option<Vec<u8>>) {
    (Table::Marker, MARKER_KEY.to_vec(), Some(marker.to_vec()))
}

/// Reads the marker of this node.
pub(super) fn marker(view: &dyn EngineView) -> io::Result<Marker> {
    view.get(Table::Marker, MARKER_KEY)?.map_or_else(|| Ok(Marker::default()), |bytes| Marker::decode(&bytes))
}

/// Reads the whole state and the marker.
pub(super) fn load(view: &dyn EngineView) -> io::Result<(State, Marker)> {
    let mut state = State::default();
    view.scan(Table::State, (Bound::Unbounded, Bound::Unbounded), false, &mut |_, value| {
        state.insert(row::decode(value)?);
        Ok(true)
    })?;
    Ok((state, marker(view)?))
}
