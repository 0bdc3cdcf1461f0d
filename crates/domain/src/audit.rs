//! The audit chain: one entry for each accepted command, linked by hashes.
//!
//! An entry's record is canonical JSON (RFC 8785: members sorted, no spaces; the members here are
//! ASCII and the numbers integers, so sorting the fields is enough). Documents appear only by digest.
//! `head = SHA-256(0x01 || previous head || record)`; the first previous head is 32 zero bytes.
//! Equal heads at equal revisions mean equal histories.

use crate::{
    ChangeKind, Committed, Digest, EnvironmentName, Event, Permission, Quotas, Retention, Revision, TraceId,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The prefix that separates chain digests from other uses of SHA-256.
const CHAIN_DOMAIN: &[u8] = &[0x01];

/// One entry of the chain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditEntry {
    /// The revision of the command.
    pub revision: Revision,
    /// The record as canonical JSON text.
    pub record: String,
    /// The head of the chain after this entry.
    pub head: Digest,
}

impl AuditEntry {
    /// Creates the entry for `committed` that follows the head `previous`.
    pub fn seal(previous: Digest, committed: &Committed) -> Self {
        let record = canonical(committed);
        let head = link(previous, &record);
        Self { revision: committed.revision, record, head }
    }

    /// Whether this entry is unaltered and its predecessor's head is `previous`.
    pub fn follows(&self, previous: Digest) -> bool {
        link(previous, &self.record) == self.head
    }
}

fn link(previous: Digest, record: &str) -> Digest {
    Digest::of(&[CHAIN_DOMAIN, &previous.0, record.as_bytes()])
}

/// The content of an entry. The fields are in alphabetical order, as canonical JSON requires.
#[derive(Serialize)]
struct Record<'a> {
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    at: i64,
    changes: Vec<Change<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    request_id: &'a str,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a TraceId>,
}

/// One change of the record. Large values appear as digests.
#[derive(Serialize)]
struct Change<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounds: Option<Bounds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<Grant<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

/// The quotas and retention of a project; `null` means the default.
#[derive(Serialize)]
struct Bounds {
    api_keys: Option<u64>,
    bytes: Option<u64>,
    documents: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_versions: Option<u64>,
    retention_age_ms: Option<i64>,
    retention_versions: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_versions: Option<u64>,
    watchers: Option<u64>,
}

/// The permissions and scope of a new API key.
#[derive(Serialize)]
struct Grant<'a> {
    environments: &'a Option<BTreeSet<EnvironmentName>>,
    expires_at: Option<i64>,
    key_prefixes: &'a Option<BTreeSet<String>>,
    name: &'a str,
    permissions: &'a BTreeSet<Permission>,
}

fn canonical(committed: &Committed) -> String {
    let record = Record {
        actor: committed.actor.to_string(),
        address: committed.provenance.address,
        at: committed.at.0,
        changes: committed.events.iter().filter_map(change).collect(),
        message: committed.provenance.message.as_ref().map(crate::Message::as_str),
        request_id: committed.request_id.as_str(),
        revision: committed.revision.0,
        trace_id: committed.provenance.trace_id.as_ref(),
    };
    serde_json::to_string(&record).expect("strings and integers always serialise")
}

/// The change that an event records; `None` for events that concern only receipts or write nothing.
#[expect(clippy::too_many_lines, reason = "one arm for each event")]
fn change(event: &Event) -> Option<Change<'_>> {
    let plain = |action, resource| Change {
        action,
        binding: None,
        bounds: None,
        digest: None,
        from_version: None,
        grant: None,
        message: None,
        resource,
        schema: None,
        version: None,
    };
    Some(match event {
        Event::AnswerKept { .. } | Event::AnswerForgotten { .. } | Event::ConfigKept { .. } => return None,
        Event::ClusterNamed { cluster_id } => plain("cluster.name", cluster_id.to_string()),
        Event::ProjectCreated { name, display_name } => {
            Change { message: Some(display_name.as_str()), ..plain("project.create", name.to_string()) }
        }
        Event::ProjectUpdated { name, display_name } => {
            Change { message: Some(display_name.as_str()), ..plain("project.update", name.to_string()) }
        }
        Event::ProjectBounded { name, quotas, retention } => {
            Change { bounds: Some(bounds(quotas, retention)), ..plain("project.bound", name.to_string()) }
        }
        Event::HistoryPruned { id, oldest, .. } => {
            Change { version: Some(oldest.0), ..plain("config.prune", id.to_string()) }
        }
        Event::EpochRaised { user, epoch } => {
            Change { version: Some(epoch.0), ..plain("user.epoch", user.to_string()) }
        }
        Event::ProjectDeleted { name } => plain("project.delete", name.to_string()),
        Event::AuditAnchored { anchor } => Change {
            digest: Some(anchor.end.head),
            from_version: Some(anchor.cut.number),
            version: Some(anchor.end.number),
            ..plain("audit.anchor", anchor.cut.head.to_string())
        },
        Event::EnvironmentCreated { id } => {
            plain("environment.create", format!("{}/{}", id.project, id.name))
        }
        Event::EnvironmentDeleted { id } => {
            plain("environment.delete", format!("{}/{}", id.project, id.name))
        }
        Event::SchemaRegistered { id, version, schema, uses, .. } => Change {
            digest: Some(schema.digest()),
            schema: (!uses.is_empty()).then(|| {
                let named = uses.iter().map(|used| format!("{}@{}", used.name, used.version));
                named.collect::<Vec<_>>().join(" ")
            }),
            version: Some(version.0),
            ..plain("schema.register", format!("{}/{}", id.project, id.name))
        },
        Event::SchemaHeld { id, hold } => {
            let action = if *hold { "schema.hold" } else { "schema.release" };
            plain(action, format!("{}/{}", id.project, id.name))
        }
        Event::SchemaDeleted { id, version } => Change {
            version: Some(version.0),
            ..plain("schema.delete", format!("{}/{}", id.project, id.name))
        },
        Event::ConfigPut { id, version, kind, binding, schema, digest, message, .. } => Change {
            binding: binding.as_ref().map(|binding| match binding.pinned {
                Some(version) => format!("{}@{version}", binding.schema),
                None => binding.schema.to_string(),
            }),
            digest: Some(*digest),
            from_version: match kind {
                ChangeKind::Rollback { from } | ChangeKind::Undelete { from } => Some(from.0),
                ChangeKind::Create
                | ChangeKind::Update
                | ChangeKind::Patch
                | ChangeKind::Import
                | ChangeKind::Delete => None,
            },
            message: Some(message.as_str()),
            schema: schema.as_ref().map(|schema| format!("{}@{}", schema.name, schema.version)),
            version: Some(version.0),
            ..plain("config.put", id.to_string())
        },
        Event::ConfigDeleted { id, version, message, .. } => Change {
            message: Some(message.as_str()),
            version: Some(version.0),
            ..plain("config.delete", id.to_string())
        },
        Event::ApiKeyCreated { key } => Change {
            digest: Some(key.hash),
            grant: Some(Grant {
                environments: &key.environments,
                expires_at: key.expires_at.map(|at| at.0),
                key_prefixes: &key.key_prefixes,
                name: key.name.as_str(),
                permissions: &key.permissions,
            }),
            ..plain("api_key.create", key_name(&key.key))
        },
        Event::ApiKeyRotated { key, hash, .. } => {
            Change { digest: Some(*hash), ..plain("api_key.rotate", key_name(key)) }
        }
        Event::ApiKeyNarrowed { key, environment } => {
            let without = format!("no longer reaches environment {environment}, which was deleted");
            Change { schema: Some(without), ..plain("api_key.narrow", key_name(key)) }
        }
        Event::ApiKeyRevoked { key } => plain("api_key.revoke", key_name(key)),
        Event::MemberAdmitted { member } => plain(
            "member.admit",
            format!("{} {} {} {}", member.id, member.name, member.peer_addr, member.api_url),
        ),
        Event::MemberUpdated { member } => plain(
            "member.update",
            format!("{} {} {} {}", member.id, member.name, member.peer_addr, member.api_url),
        ),
        Event::MemberRetired { id } => plain("member.retire", id.to_string()),
    })
}

fn bounds(quotas: &Quotas, retention: &Retention) -> Bounds {
    Bounds {
        api_keys: quotas.api_keys,
        bytes: quotas.bytes,
        documents: quotas.documents,
        history_bytes: quotas.history_bytes,
        history_versions: quotas.history_versions,
        retention_age_ms: retention.age_ms,
        retention_versions: retention.versions,
        schema_bytes: quotas.schema_bytes,
        schema_versions: quotas.schema_versions,
        watchers: quotas.watchers,
    }
}

fn key_name(key: &crate::KeyRef) -> String {
    match &key.project {
        Some(project) => format!("{project}/{}", key.id),
        None => key.id.to_string(),
    }
}
