//! What a client knows from the answers it got; it may be out of date, and that is part of the test.

use crate::event::{Outcome, Shown};
use crate::operation::{Guard, Operation, Part};
use crate::plan::Scene;
use std::collections::{BTreeMap, VecDeque};

/// How many earlier versions of a key a client remembers.
const REMEMBERED_MAX: usize = 5;

/// A version that a client saw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// Which.
    pub(super) version: u64,
    /// The number of its change; `None` when only the version was told.
    pub(super) serial: Option<u64>,
}

/// What a client knows of one key.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Whether it existed when the client last looked.
    pub(super) live: bool,
    /// The versions it saw, the last one seen at the end.
    pub(super) tags: VecDeque<Tag>,
}

/// Everything that a client knows.
#[derive(Clone, Debug)]
pub(super) struct Knowledge {
    keys: BTreeMap<String, Known>,
    schemas: BTreeMap<String, u64>,
    /// The largest revision in any answer it got.
    pub(super) floor: u64,
}

impl Knowledge {
    pub(super) fn new(scene: &Scene) -> Self {
        let schemas = scene.schemas.iter().map(|schema| (schema.name.clone(), 1)).collect();
        Self { keys: BTreeMap::new(), schemas, floor: scene.floor }
    }

    /// What it knows of a key.
    pub(super) fn key(&self, key: &str) -> Known {
        self.keys.get(key).cloned().unwrap_or_default()
    }

    /// The newest version of a schema that it knows.
    pub(super) fn schema(&self, name: &str) -> u64 {
        self.schemas.get(name).copied().unwrap_or(1)
    }

    /// Takes in an answer.
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
    /// The version that it believes to be current.
    pub(super) fn current(&self) -> Option<Tag> {
        self.tags.back().copied().filter(|_| self.live)
    }

    /// The number of the change that a guard names.
    pub(super) fn prev(&self, guard: Guard) -> Option<u64> {
        let Guard::Version(version) = guard else { return None };
        self.tags.iter().rev().find(|tag| tag.version == version)?.serial
    }
}
