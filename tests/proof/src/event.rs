//! One operation of one client: what it asked, what came back, and between which two moments.

use crate::operation::{Operation, Part, SchemaRef};
use serde::{Deserialize, Serialize};

/// One operation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Event {
    /// Counts the operations in the order in which they began.
    pub number: usize,
    /// Who.
    pub client: usize,
    /// Through which node; several, joined by `+`, for a list whose pages came from several.
    pub node: String,
    /// When it began, by the recorder's counter.
    pub begin: u64,
    /// When it ended. `None` when it never did: the driver dropped it.
    pub end: Option<u64>,
    /// The number of the idempotency key that it was sent with. What is asked for again has the same.
    pub token: Option<u64>,
    /// Whether the answer says that an earlier request made the change.
    pub replayed: bool,
    /// What was asked.
    pub operation: Operation,
    /// What came back.
    pub outcome: Outcome,
}

/// What is known of a version beside its document.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Meta {
    /// The revision that made it.
    pub revision: u64,
    /// The schema version it was checked against.
    pub schema: Option<SchemaRef>,
    /// The number of its change, or whatever the message says.
    pub message: String,
}

/// One version of a config, as an answer showed it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Shown {
    /// Which config.
    pub key: String,
    /// Which version.
    pub version: u64,
    /// Not with the bare document.
    pub meta: Option<Meta>,
    /// How it came to be; only in histories.
    pub kind: Option<String>,
    /// SHA-256 of the document's compact text; not in lists without documents, nor for deletions.
    pub digest: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Page {
    /// The revision that it says.
    pub revision: u64,
    /// What it shows.
    pub items: Vec<Shown>,
}

/// What came back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing yet, and nothing ever when the driver dropped the operation.
    Pending,
    /// The change was made.
    Written {
        /// At which revision.
        revision: u64,
        /// The config after it; `None` for a deletion.
        shown: Option<Shown>,
    },
    /// The schema version was registered.
    Registered {
        /// At which revision.
        revision: u64,
        /// As which version.
        version: u64,
        /// SHA-256 of the schema's compact text.
        digest: String,
    },
    /// Everything in a transaction was done.
    Transacted {
        /// At which revision.
        revision: u64,
        /// One for each part: the config, and its version afterwards.
        versions: Vec<(String, u64)>,
    },
    /// A config or a version of it.
    Found {
        /// The revision that the answer reflects.
        revision: u64,
        /// What it shows.
        shown: Shown,
    },
    /// The client has it already.
    Unchanged {
        /// The revision that the answer reflects.
        revision: u64,
        /// The version it has.
        version: u64,
    },
    /// A list, or its beginning.
    Listed {
        /// Its pages.
        pages: Vec<Page>,
        /// Whether the last page was reached.
        complete: bool,
    },
    /// Nothing happened, and the answer promises that.
    Refused {
        /// The status.
        status: u16,
        /// The stable code.
        code: String,
        /// The revision that the answer reflects, when it says.
        revision: Option<u64>,
        /// The version that was there instead (412).
        current: Option<u64>,
        /// Which part of a transaction was refused, from 0.
        part: Option<usize>,
        /// Documents that a schema version would break, with their versions.
        failures: Vec<(String, u64)>,
    },
    /// A change may or may not have happened, or a read was not answered.
    Unknown {
        /// For people.
        why: String,
    },
    /// No server saw it.
    Unsent {
        /// For people.
        why: String,
    },
    /// An answer that the contract does not allow. A change may or may not have happened.
    Odd {
        /// The status.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
}

impl Event {
    /// As one line of JSON, to be kept or compared.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether this attempt, as it was answered, may have made the change.
    pub(crate) fn may_have_happened(&self) -> bool {
        self.operation.is_change() && (self.outcome.is_unknown() || self.outcome.is_acknowledged())
    }

    /// The config that an answer is about.
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
    /// The revision that the answer reflects.
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

    /// Whether a change with this outcome may have happened all the same.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Pending | Self::Unknown { .. } | Self::Odd { .. })
    }

    /// Whether the change was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        matches!(self, Self::Written { .. } | Self::Registered { .. } | Self::Transacted { .. })
    }
}
