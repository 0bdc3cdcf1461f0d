//! One operation of one client: what it asked, what came back, and between which two moments.

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
    /// What was asked.
    pub operation: Operation,
    /// What came back.
    pub outcome: Outcome,
}

/// What a change of a config expects of it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// `If-None-Match: *`.
    Absent,
    /// `If-Match: *`.
    Present,
    /// `If-Match: "<version>"`.
    Version(u64),
}

/// What a write does to the tie between a config and its schema.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// Leaves it.
    Keep,
    /// Removes it.
    Free,
    /// Follows the newest version of a schema from now on.
    Follow(String),
    /// Stays at one version of a schema.
    Pin(SchemaRef),
}

/// One version of a schema.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SchemaRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u64,
}

/// A document that was written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Document {
    /// Its number; no other change has it.
    pub serial: u64,
    /// The number of the change that the writer saw before, at the version it names in its guard.
    pub prev: Option<u64>,
    /// What a schema limits.
    pub limit: Option<u64>,
    /// SHA-256 of its compact text, in hexadecimal.
    pub digest: String,
    /// The length of its compact text.
    pub bytes: usize,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Freshness {
    /// Whether whatever the node has applied is good enough.
    pub stale: bool,
    /// The oldest revision that is good enough.
    pub min_revision: Option<u64>,
}

/// What a client asked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A whole document.
    Put {
        /// Which config.
        key: String,
        /// What it must be.
        guard: Guard,
        /// What it is held to.
        bind: Bind,
        /// The document.
        document: Document,
    },
    /// A deletion. It carries no number of its own, because the contract gives it no body.
    Delete {
        /// Which config.
        key: String,
        /// What it must be.
        guard: Guard,
    },
    /// An earlier document made current again.
    Rollback {
        /// Which config.
        key: String,
        /// What it must be.
        guard: Guard,
        /// Whose document.
        to: u64,
        /// The number of the change.
        serial: u64,
    },
    /// A new version of a schema.
    Schema {
        /// Which schema.
        name: String,
        /// The version that must be the newest.
        guard: Option<u64>,
        /// The number of the change.
        serial: u64,
        /// The largest `limit` that it allows.
        maximum: u64,
        /// SHA-256 of its compact text, in hexadecimal.
        digest: String,
    },
    /// The config as it is.
    Get {
        /// Which config.
        key: String,
        /// How fresh.
        fresh: Freshness,
        /// The version that the client has already (`If-None-Match`).
        known: Option<u64>,
        /// Only the document, from `…/content`.
        bare: bool,
    },
    /// One version from the history.
    Old {
        /// Which config.
        key: String,
        /// Which version.
        version: u64,
        /// How fresh.
        fresh: Freshness,
    },
    /// The configs below a prefix, page after page.
    List {
        /// The prefix.
        prefix: String,
        /// Most items of a page.
        page_size: usize,
        /// Whether with documents.
        content: bool,
        /// How fresh.
        fresh: Freshness,
    },
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
}

impl Operation {
    /// Whether it changes something.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Put { .. } | Self::Delete { .. } | Self::Rollback { .. } | Self::Schema { .. })
    }

    /// The number of the change; deletions and reads have none.
    pub fn serial(&self) -> Option<u64> {
        match self {
            Self::Put { document, .. } => Some(document.serial),
            Self::Rollback { serial, .. } | Self::Schema { serial, .. } => Some(*serial),
            Self::Delete { .. } | Self::Get { .. } | Self::Old { .. } | Self::List { .. } => None,
        }
    }

    /// The config that it is about.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Put { key, .. }
            | Self::Delete { key, .. }
            | Self::Rollback { key, .. }
            | Self::Get { key, .. }
            | Self::Old { key, .. } => Some(key),
            Self::Schema { .. } | Self::List { .. } => None,
        }
    }

    /// How fresh a read must be; a change is as fresh as can be.
    pub fn freshness(&self) -> Freshness {
        match self {
            Self::Get { fresh, .. } | Self::Old { fresh, .. } | Self::List { fresh, .. } => *fresh,
            _ => Freshness::default(),
        }
    }
}

impl Outcome {
    /// The revision that the answer reflects.
    pub fn revision(&self) -> Option<u64> {
        match self {
            Self::Written { revision, .. }
            | Self::Registered { revision, .. }
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
        matches!(self, Self::Written { .. } | Self::Registered { .. })
    }
}
