//! Events: an operation of a client, its outcome, and its begin and end.

use crate::operation::{Operation, Part, SchemaRef};
use serde::{Deserialize, Serialize};

/// An operation of a client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Event {
    /// The number of the operation, in order of begin.
    pub number: usize,
    /// The number of the client.
    pub client: usize,
    /// The node; several joined by `+` for a list with pages from several nodes.
    pub node: String,
    /// The begin, by the recorder's counter.
    pub begin: u64,
    /// The end; `None` if the driver dropped the operation.
    pub end: Option<u64>,
    /// The number of its idempotency key. Attempts of one request have the same.
    pub token: Option<u64>,
    /// Whether the response states that it is a replay.
    pub replayed: bool,
    /// The operation.
    pub operation: Operation,
    /// The outcome.
    pub outcome: Outcome,
}

/// Metadata of a version.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Meta {
    /// The revision that made it.
    pub revision: u64,
    /// The schema version it was checked against.
    pub schema: Option<SchemaRef>,
    /// The change message; the serial number for changes of this crate.
    pub message: String,
}

/// A version of a config in a response.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Shown {
    /// The config key.
    pub key: String,
    /// The version.
    pub version: u64,
    /// The metadata; `None` for a bare document.
    pub meta: Option<Meta>,
    /// The kind of change; only in histories.
    pub kind: Option<String>,
    /// SHA-256 of the document's compact text; `None` in lists without documents, and for deletions.
    pub digest: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Page {
    /// The stated revision.
    pub revision: u64,
    /// The items.
    pub items: Vec<Shown>,
}

/// The outcome of an operation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No response yet, or never if the driver dropped the operation.
    Pending,
    /// The change was acknowledged.
    Written {
        /// The revision.
        revision: u64,
        /// The config after it; `None` for a deletion.
        shown: Option<Shown>,
    },
    /// The schema version was registered.
    Registered {
        /// The revision.
        revision: u64,
        /// The version.
        version: u64,
        /// SHA-256 of the schema's compact text.
        digest: String,
    },
    /// The transaction was applied.
    Transacted {
        /// The revision.
        revision: u64,
        /// For each part: the config and its version afterwards.
        versions: Vec<(String, u64)>,
    },
    /// A config or a version of it.
    Found {
        /// The revision that the response reflects.
        revision: u64,
        /// The version.
        shown: Shown,
    },
    /// Not modified.
    Unchanged {
        /// The revision that the response reflects.
        revision: u64,
        /// The version that the client has.
        version: u64,
    },
    /// A list or its first pages.
    Listed {
        /// The pages.
        pages: Vec<Page>,
        /// Whether the last page was reached.
        complete: bool,
    },
    /// Refused: the response promises that nothing was changed.
    Refused {
        /// The status.
        status: u16,
        /// The stable code.
        code: String,
        /// The revision that the response reflects, if stated.
        revision: Option<u64>,
        /// The current version (412).
        current: Option<u64>,
        /// The index of the refused part of a transaction, from 0.
        part: Option<usize>,
        /// Documents that violate a schema version, with their versions.
        failures: Vec<(String, u64)>,
    },
    /// The change may or may not have been applied, or the read has no response.
    Unknown {
        /// The reason, as text.
        why: String,
    },
    /// The request did not reach a server.
    Unsent {
        /// The reason, as text.
        why: String,
    },
    /// A response that the API contract does not permit. A change may or may not have been applied.
    Odd {
        /// The status.
        status: u16,
        /// The error, as text.
        why: String,
    },
}

impl Event {
    /// The event as one line of JSON.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether this attempt may have made the change.
    pub(crate) fn may_have_happened(&self) -> bool {
        self.operation.is_change() && (self.outcome.is_unknown() || self.outcome.is_acknowledged())
    }

    /// The config of a response.
    pub(crate) fn subject(&self) -> Option<&str> {
        match (&self.operation, &self.outcome) {
            (Operation::Transact { parts, .. }, Outcome::Refused { part: Some(at), .. }) => {
                parts.get(*at).map(Part::key)
            }
            (operation, _) => operation.key(),
        }
    }
}

impl Outcome {
    /// The revision that the response reflects.
    pub fn revision(&self) -> Option<u64> {
        match self {
            Self::Written { revision, .. }
            | Self::Registered { revision, .. }
            | Self::Transacted { revision, .. }
            | Self::Found { revision, .. }
            | Self::Unchanged { revision, .. } => Some(*revision),
            Self::Listed { pages, .. } => pages.first().map(|page| page.revision),
            Self::Refused { revision, .. } => *revision,
            Self::Pending | Self::Unknown { .. } | Self::Unsent { .. } | Self::Odd { .. } => None,
        }
    }

    /// Whether a change with this outcome may have been applied although it was not acknowledged.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Pending | Self::Unknown { .. } | Self::Odd { .. })
    }

    /// Whether the change was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self, Self::Written { .. } | Self::Registered { .. } | Self::Transacted { .. })
    }
}
