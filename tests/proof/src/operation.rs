//! What clients ask: one operation, and what of it concerns one config.

use serde::{Deserialize, Serialize};

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
    /// Several changes of configs as one.
    Transact {
        /// What is to be done, each with another config.
        parts: Vec<Part>,
        /// The number of the change; each document has one of its own.
        serial: u64,
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
    /// The config as it was.
    Past {
        /// Which config.
        key: String,
        /// At which revision.
        revision: u64,
        /// How fresh.
        fresh: Freshness,
    },
    /// The configs below a prefix, page after page.
    List {
        /// The prefix, with the environment as keys have it.
        prefix: String,
        /// Most items of a page.
        page_size: usize,
        /// Whether with documents.
        content: bool,
        /// How fresh.
        fresh: Freshness,
    },
}

/// A part of a transaction. All parts see the state before it; version 0 means that there is no config.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Only compares the version.
    Check {
        /// Which config.
        key: String,
        /// The version that it must have.
        at: u64,
    },
    /// A whole document.
    Put {
        /// Which config.
        key: String,
        /// The version that it must have.
        at: u64,
        /// What it is held to.
        bind: Bind,
        /// The document.
        document: Document,
    },
    /// A deletion.
    Delete {
        /// Which config.
        key: String,
        /// The version that it must have.
        at: u64,
    },
}

/// What an operation does to one config.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect<'a> {
    Put(&'a Bind, &'a Document),
    Delete,
    /// To the document of that version.
    Rollback(u64),
}

impl Part {
    /// The config that it is about.
    pub fn key(&self) -> &str {
        match self {
            Self::Check { key, .. } | Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }

    /// What the config must be.
    pub fn guard(&self) -> Guard {
        let (Self::Check { at, .. } | Self::Put { at, .. } | Self::Delete { at, .. }) = self;
        if *at == 0 { Guard::Absent } else { Guard::Version(*at) }
    }

    /// How the contract calls it.
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
    /// Whether it changes something. A transaction that only checks does not.
    pub fn is_change(&self) -> bool {
        match self {
            Self::Put { .. } | Self::Delete { .. } | Self::Rollback { .. } | Self::Schema { .. } => true,
            Self::Transact { parts, .. } => parts.iter().any(|part| part.effect().is_some()),
            Self::Get { .. } | Self::Old { .. } | Self::Past { .. } | Self::List { .. } => false,
        }
    }

    /// The number of the change; single deletions and reads have none.
    pub fn serial(&self) -> Option<u64> {
        match self {
            Self::Put { document, .. } => Some(document.serial),
            Self::Rollback { serial, .. } | Self::Schema { serial, .. } | Self::Transact { serial, .. } => {
                Some(*serial)
            }
            _ => None,
        }
    }

    /// The one config that it is about.
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

    /// What it does to a config, and what it expects of it before.
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

    /// The documents that it writes.
    pub(crate) fn documents(&self) -> impl Iterator<Item = &Document> {
        let (one, parts) = match self {
            Self::Put { document, .. } => (Some(document), &[][..]),
            Self::Transact { parts, .. } => (None, parts.as_slice()),
            _ => (None, &[][..]),
        };
        one.into_iter().chain(parts.iter().filter_map(Part::document))
    }

    /// How fresh a read must be; a change is as fresh as can be.
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
