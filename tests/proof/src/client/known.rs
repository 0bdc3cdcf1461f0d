//! A client's knowledge from its responses. It may be outdated, deliberately.

use crate::event::{Outcome, Shown};
use crate::operation::{Guard, Operation, Part};
use crate::plan::Scene;
use std::collections::{BTreeMap, VecDeque};

/// Maximum number of remembered versions per key.
const REMEMBERED_MAX: usize = 5;

/// A version that a client saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// The version.
    pub(super) version: u64,
    /// The serial number of its change; `None` if only the version is known.
    pub(super) serial: Option<u64>,
}

/// A client's knowledge of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Whether the config existed at the last response.
    pub(super) live: bool,
    /// The versions seen, the latest last.
    pub(super) tags: VecDeque<Tag>,
}

/// A client's knowledge.
#[derive(Clone, Debug)]
pub(super) struct Knowledge {
    keys: BTreeMap<String, Known>,
    schemas: BTreeMap<String, u64>,
    /// The largest revision in any response.
    pub(super) floor: u64,
}

impl Knowledge {
    pub(super) fn new(scene: &Scene) -> Self {
        let schemas = scene.schemas.iter().map(|schema| (schema.name.clone(), 1)).collect();
        Self { keys: BTreeMap::new(), schemas, floor: scene.floor }
    }

    /// The knowledge of a key.
    pub(super) fn key(&self, key: &str) -> Known {
        self.keys.get(key).cloned().unwrap_or_default()
    }

    /// The newest known version of a schema.
    pub(super) fn schema(&self, name: &str) -> u64 {
        self.schemas.get(name).copied().unwrap_or(1)
    }

    /// Learns from a response.
    pub(super) fn learn(&mut self, operation: &Operation, outcome: &Outcome) {
        self.floor = self.floor.max(outcome.revision().unwrap_or_default());
        match (operation, outcome) {
            (Operation::Delete { key, .. }, Outcome::Written { .. }) => self.gone(key),
            (_, Outcome::Written { shown: Some(shown), .. })
            | (Operation::Get { .. }, Outcome::Found { shown, .. }) => self.saw(shown),
            (_, Outcome::Listed { pages, .. }) => {
                pages.iter().flat_map(|page| &page.items).for_each(|shown| self.saw(shown));
            }
            (Operation::Transact { parts, serial }, Outcome::Transacted { versions, .. }) => {
                for (part, (key, version)) in parts.iter().zip(versions) {
                    match part {
                        Part::Check { .. } => {}
                        Part::Put { .. } => {
                            self.tag(key, Tag { version: *version, serial: Some(*serial) });
                        }
                        Part::Delete { .. } => self.gone(key),
                    }
                }
            }
            (Operation::Schema { name, .. }, Outcome::Registered { version, .. }) => {
                self.schemas.insert(name.clone(), *version);
            }
            (Operation::Transact { parts, .. }, Outcome::Refused { code, current, part, .. }) => {
                let key = part.and_then(|part| parts.get(part)).map(Part::key);
                self.refused(operation, key, code, *current);
            }
            (Operation::Past { .. } | Operation::Old { .. }, Outcome::Refused { .. }) => {}
            (_, Outcome::Refused { code, current, .. }) => {
                self.refused(operation, operation.key(), code, *current);
            }
            _ => {}
        }
    }

    fn refused(&mut self, operation: &Operation, key: Option<&str>, code: &str, current: Option<u64>) {
        match (operation, code, current) {
            (Operation::Schema { name, .. }, "schema_version_conflict", Some(version)) => {
                self.schemas.insert(name.clone(), version);
            }
            (_, "config_not_found", _) | (_, "version_conflict", Some(0)) => {
                if let Some(key) = key {
                    self.gone(key);
                }
            }
            (_, "version_conflict", Some(version)) => {
                if let Some(key) = key {
                    self.tag(key, Tag { version, serial: None });
                }
            }
            _ => {}
        }
    }

    fn saw(&mut self, shown: &Shown) {
        let serial = shown.meta.as_ref().and_then(|meta| meta.message.parse().ok());
        self.tag(&shown.key, Tag { version: shown.version, serial });
    }

    fn tag(&mut self, key: &str, tag: Tag) {
        let known = self.keys.entry(key.to_owned()).or_default();
        known.live = true;
        known.tags.push_back(tag);
        if known.tags.len() > REMEMBERED_MAX {
            known.tags.pop_front();
        }
    }

    fn gone(&mut self, key: &str) {
        self.keys.entry(key.to_owned()).or_default().live = false;
    }
}

impl Known {
    /// The version assumed to be current.
    pub(super) fn current(&self) -> Option<Tag> {
        self.tags.back().copied().filter(|_| self.live)
    }

    /// The serial number of the version that a precondition names.
    pub(super) fn prev(&self, guard: Guard) -> Option<u64> {
        let Guard::Version(version) = guard else { return None };
        self.tags.iter().rev().find(|tag| tag.version == version)?.serial
    }
}
