//! The cluster's own account of what happened, read after everything healed.

mod read;

pub use read::{is_pruned, truth};

use crate::event::Shown;
use crate::operation::SchemaRef;
use crate::plan::Scene;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything the cluster says about the scene, as of one revision.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Truth {
    /// What the clients worked on.
    pub scene: Scene,
    /// The revision; nothing later is told.
    pub revision: u64,
    /// The versions of each key, oldest first. A key that never existed has none. What is not kept any more
    /// is only here after [`crate::complete`].
    pub keys: BTreeMap<String, Vec<Version>>,
    /// The versions of each key that could be read.
    pub kept: BTreeMap<String, Vec<u64>>,
    /// What went from the history of each key, in order; filled by [`crate::complete`].
    pub pruned: BTreeMap<String, Vec<Pruned>>,
    /// Whether the account was completed.
    pub complete: bool,
    /// The versions of each schema, oldest first.
    pub schemas: BTreeMap<String, Vec<SchemaVersion>>,
    /// The live configs at the revision, with documents.
    pub list: Vec<Shown>,
    /// The head of the audit chain.
    pub audit: Option<Audit>,
    /// Where the account contradicts itself, while it was read.
    pub faults: Vec<String>,
}

/// Versions that are not kept any more.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pruned {
    /// The revision from which on.
    pub revision: u64,
    /// The oldest version that is kept.
    pub oldest: u64,
}

/// One version of a config.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Version {
    /// Which.
    pub version: u64,
    /// The revision that made it.
    pub revision: u64,
    /// `create`, `update`, `rollback` or `delete`.
    pub kind: String,
    /// For a rollback: whose document it is.
    pub from: Option<u64>,
    /// The schema version that it was checked against.
    pub schema: Option<SchemaRef>,
    /// The message as it is; for a write of ours its serial number.
    pub message: String,
    /// What the cluster says is the document's SHA-256.
    pub claimed: Option<String>,
    /// The document; `None` for a deletion.
    pub content: Option<Content>,
}

/// A document in the history.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Content {
    /// SHA-256 of its compact text, computed here.
    pub digest: String,
    /// The number of the change that wrote it first.
    pub serial: Option<u64>,
    /// What its writer saw before.
    pub prev: Option<u64>,
    /// What a schema limits.
    pub limit: Option<u64>,
}

/// One version of a schema.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaVersion {
    /// Which.
    pub version: u64,
    /// The revision that made it.
    pub revision: u64,
    /// The number of the change; `None` when the text has none.
    pub serial: Option<u64>,
    /// The largest limit that it allows; `None` when it is not a schema of ours.
    pub maximum: Option<u64>,
    /// SHA-256 of its compact text.
    pub digest: String,
}

/// The head of the audit chain as one node knows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Audit {
    /// The node that was asked, by the caller's name.
    pub node: String,
    /// The revision that it had applied.
    pub revision: u64,
    /// The head.
    pub head: String,
}

impl Truth {
    /// As one line of JSON, to be kept.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
