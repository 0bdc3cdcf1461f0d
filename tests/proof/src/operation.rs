//! Operations of clients, and their effects on single configs.

use serde::{Deserialize, Serialize};

/// The precondition of a change of a config.
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

/// The change that a write makes to the binding.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bind {
    /// Keeps it.
    Keep,
    /// Removes it.
    Free,
    /// Follows the newest version of a schema.
    Follow(String),
    /// Pins it to one version of a schema.
    Pin(SchemaRef),
}

/// One version of a schema.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SchemaRef {
    /// The name.
    pub name: String,
    /// The version.
    pub version: u64,
}

/// A written document.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Document {
    /// The serial number, unique among all changes.
    pub serial: u64,
    /// The serial number of the version in the precondition, as far as the writer knows it.
    pub prev: Option<u64>,
    /// The value that schemas limit.
    pub limit: Option<u64>,
    /// SHA-256 of its compact text, in hexadecimal.
    pub digest: String,
    /// The length of its compact text.
    pub bytes: usize,
}

/// The required freshness of a read.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Freshness {
    /// Whether a stale read is permitted.
    pub stale: bool,
    /// The oldest permitted revision.
    pub min_revision: Option<u64>,
}

/// An operation of a client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Puts a document.
    Put {
        /// The config key.
        key: String,
        /// The precondition.
        guard: Guard,
        /// The change of the binding.
        bind: Bind,
        /// The document.
        document: Document,
    },
    /// Deletes a config. It has no serial number, because the API has no body for it.
    Delete {
        /// The config key.
        key: String,
        /// The precondition.
        guard: Guard,
    },
    /// Rolls a config back.
    Rollback {
        /// The config key.
        key: String,
        /// The precondition.
        guard: Guard,
        /// The version with the document to restore.
        to: u64,
        /// The serial number of the change.
        serial: u64,
    },
    /// Registers a new version of a schema.
    Schema {
        /// The name of the schema.
        name: String,
        /// The version that must be the newest.
        guard: Option<u64>,
        /// The serial number of the change.
        serial: u64,
        /// The maximum of `limit`.
        maximum: u64,
        /// SHA-256 of its compact text, in hexadecimal.
        digest: String,
    },
    /// A transaction.
    Transact {
        /// The parts, each on another config.
        parts: Vec<Part>,
        /// The serial number of the change; each document has its own.
        serial: u64,
    },
    /// Reads the current config.
    Get {
        /// The config key.
        key: String,
        /// The freshness.
        fresh: Freshness,
        /// The version that the client has (`If-None-Match`).
        known: Option<u64>,
        /// Reads only the document, from `…/content`.
        bare: bool,
    },
    /// Reads a version from the history.
    Old {
        /// The config key.
        key: String,
        /// The version.
        version: u64,
        /// The freshness.
        fresh: Freshness,
    },
    /// Reads the config at an earlier revision.
    Past {
        /// The config key.
        key: String,
        /// The revision.
        revision: u64,
        /// The freshness.
        fresh: Freshness,
    },
    /// Lists the configs with a prefix, page by page.
    List {
        /// The prefix, with the environment as in keys.
        prefix: String,
        /// The page size.
        page_size: usize,
        /// Whether the items contain documents.
        content: bool,
        /// The freshness.
        fresh: Freshness,
    },
}

/// A part of a transaction. All parts refer to the state before it; version 0 means that the config is
/// absent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Checks the version only.
    Check {
        /// The config key.
        key: String,
        /// The expected version.
        at: u64,
    },
    /// Puts a document.
    Put {
        /// The config key.
        key: String,
        /// The expected version.
        at: u64,
        /// The change of the binding.
        bind: Bind,
        /// The document.
        document: Document,
    },
    /// Deletes the config.
    Delete {
        /// The config key.
        key: String,
        /// The expected version.
        at: u64,
    },
}

/// The effect of an operation on one config.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect<'a> {
    Put(&'a Bind, &'a Document),
    Delete,
    /// Restores the document of this version.
    Rollback(u64),
}

impl Part {
    /// The config key.
    pub fn key(&self) -> &str {
        match self {
            Self::Check { key, .. } | Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }

    /// The precondition.
    pub fn guard(&self) -> Guard {
        let (Self::Check { at, .. } | Self::Put { at, .. } | Self::Delete { at, .. }) = self;
        if *at == 0 { Guard::Absent } else { Guard::Version(*at) }
    }

    /// The name in the API.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Check { .. } => "check",
            Self::Put { .. } => "put",
            Self::Delete { .. } => "delete",
        }
    }

    fn document(&self) -> Option<&Document> {
        match self {
            Self::Put { document, .. } => Some(document),
            Self::Check { .. } | Self::Delete { .. } => None,
        }
    }

    pub(crate) fn effect(&self) -> Option<Effect<'_>> {
        match self {
            Self::Check { .. } => None,
            Self::Put { bind, document, .. } => Some(Effect::Put(bind, document)),
            Self::Delete { .. } => Some(Effect::Delete),
        }
    }
}

impl Operation {
    /// Whether it is a change. A transaction with checks only is not.
    pub fn is_change(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Delete { .. } | Self::Rollback { .. } | Self::Schema { .. } => true,
            Self::Transact { parts, .. } => parts.iter().any(|part| part.effect().is_some()),
            Self::Get { .. } | Self::Old { .. } | Self::Past { .. } | Self::List { .. } => false,
        }
    }

    /// The serial number; single deletions and reads have none.
    pub fn serial(&self) -> Option<u64> {
        match self {
            Self::Put { document, .. } => Some(document.serial),
            Self::Rollback { serial, .. } | Self::Schema { serial, .. } | Self::Transact { serial, .. } => {
                Some(*serial)
            }
            _ => None,
        }
    }

    /// The config, if there is exactly one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Put { key, .. }
            | Self::Delete { key, .. }
            | Self::Rollback { key, .. }
            | Self::Get { key, .. }
            | Self::Old { key, .. }
            | Self::Past { key, .. } => Some(key),
            Self::Schema { .. } | Self::Transact { .. } | Self::List { .. } => None,
        }
    }

    /// The precondition and the effect on a config.
    pub(crate) fn effect_on(&self, key: &str) -> Option<(Guard, Effect<'_>)> {
        match self {
            Self::Put { key: own, guard, bind, document } if own == key => {
                Some((*guard, Effect::Put(bind, document)))
            }
            Self::Delete { key: own, guard } if own == key => Some((*guard, Effect::Delete)),
            Self::Rollback { key: own, guard, to, .. } if own == key => Some((*guard, Effect::Rollback(*to))),
            Self::Transact { parts, .. } => {
                let part = parts.iter().find(|part| part.key() == key)?;
                Some((part.guard(), part.effect()?))
            }
            _ => None,
        }
    }

    /// The written documents.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Document> {
        let (one, parts) = match self {
            Self::Put { document, .. } => (Some(document), &[][..]),
            Self::Transact { parts, .. } => (None, parts.as_slice()),
            _ => (None, &[][..]),
        };
        one.into_iter().chain(parts.iter().filter_map(Part::document))
    }

    /// The required freshness of a read; a change is always fresh.
    pub fn freshness(&self) -> Freshness {
        match self {
            Self::Get { fresh, .. }
            | Self::Old { fresh, .. }
            | Self::Past { fresh, .. }
            | Self::List { fresh, .. } => *fresh,
            _ => Freshness::default(),
        }
    }
}
