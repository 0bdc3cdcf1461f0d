//! The cluster's own account, read after everything is healed.

mod read;

pub use read::{is_pruned, truth};

use crate::event::Shown;
use crate::operation::SchemaRef;
use crate::plan::Scene;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The account of the scene at one revision.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Truth {
    /// The scene.
    pub scene: Scene,
    /// The revision; later changes are not included.
    pub revision: u64,
    /// The versions of each key, oldest first; none for a key that never existed. Pruned versions are
    /// included only after [`crate::complete`].
    pub keys: BTreeMap<String, Vec<Version>>,
    /// The readable versions of each key.
    pub kept: BTreeMap<String, Vec<u64>>,
    /// The prunings of each key, in order; set by [`crate::complete`].
    pub pruned: BTreeMap<String, Vec<Pruned>>,
    /// Whether the account was completed.
    pub complete: bool,
    /// The versions of each schema, oldest first.
    pub schemas: BTreeMap<String, Vec<SchemaVersion>>,
    /// The live configs at the revision, with documents.
    pub list: Vec<Shown>,
    /// The head of the audit chain.
    pub audit: Option<Audit>,
    /// Contradictions found while the account was read.
    pub faults: Vec<String>,
}

/// A pruning of a config.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pruned {
    /// The revision of the pruning.
    pub revision: u64,
    /// The oldest version kept.
    pub oldest: u64,
}

/// A version of a config.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Version {
    /// The version.
    pub version: u64,
    /// The revision that made it.
    pub revision: u64,
    /// `create`, `update`, `rollback` or `delete`.
    pub kind: String,
    /// For a rollback: the version with the restored document.
    pub from: Option<u64>,
    /// The schema version that it was checked against.
    pub schema: Option<SchemaRef>,
    /// The change message; the serial number for changes of this crate.
    pub message: String,
    /// The SHA-256 of the document as reported by the cluster.
    pub claimed: Option<String>,
    /// The document; `None` for a deletion.
    pub content: Option<Content>,
}

/// A document of the history.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Content {
    /// SHA-256 of its compact text, computed by this crate.
    pub digest: String,
    /// The serial number of the change that first wrote it.
    pub serial: Option<u64>,
    /// The serial number that its writer had seen before.
    pub prev: Option<u64>,
    /// The value that schemas limit.
    pub limit: Option<u64>,
}

/// A version of a schema.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaVersion {
    /// The version.
    pub version: u64,
    /// The revision that made it.
    pub revision: u64,
    /// The serial number of the change; `None` if the text has none.
    pub serial: Option<u64>,
    /// The maximum; `None` for a schema not made by this crate.
    pub maximum: Option<u64>,
    /// SHA-256 of its compact text.
    pub digest: String,
}

/// The head of the audit chain at one node.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Audit {
    /// The node, by the caller's name.
    pub node: String,
    /// The revision that it had applied.
    pub revision: u64,
    /// The head.
    pub head: String,
}

impl Truth {
    /// The account as one line of JSON.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
