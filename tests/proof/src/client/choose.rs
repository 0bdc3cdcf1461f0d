//! Draws the next operation. Some keys are contended; most preconditions are right, some are deliberately
//! outdated, and some writes should be refused.

use super::known::{Knowledge, Known};
use crate::document::{MAXIMA, digest, document, limit, schema_body};
use crate::operation::{Bind, Freshness, Guard, Operation, Part, SchemaRef};
use crate::plan::{Key, Scene};
use crate::recorder::Recorder;
use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::Value;

/// Maximum number of parts of a transaction.
const PARTS_MAX: usize = 5;

/// An operation with the documents or the schema that it writes.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub(super) operation: Operation,
    pub(super) contents: Vec<Value>,
}

/// The inputs of a choice.
pub(super) struct Choice<'a> {
    pub(super) scene: &'a Scene,
    pub(super) knowledge: &'a Knowledge,
    pub(super) recorder: &'a Recorder,
    pub(super) random: &'a mut StdRng,
}

/// An operation without a body.
pub(super) fn bodiless(operation: Operation) -> Intent {
    Intent { operation, contents: Vec::new() }
}

impl Choice<'_> {
    /// Draws an operation.
    pub(super) fn operation(&mut self) -> Intent {
        let drawn = self.random.random_range(0..100);
        if (95..).contains(&drawn) && !self.scene.schemas.is_empty() {
            return self.schema();
        }
        let fresh = self.freshness(drawn);
        if (87..95).contains(&drawn) || self.scene.keys.is_empty() {
            return self.list();
        }
        if (35..46).contains(&drawn) {
            return self.transact();
        }
        let key = self.key().clone();
        let known = self.knowledge.key(&key.name);
        match drawn {
            0..23 => self.put(&key, &known, false),
            23..26 => self.put(&key, &known, true),
            26..30 => bodiless(Operation::Delete { guard: self.guard(&known), key: key.name }),
            30..35 => self.rollback(key.name, &known),
            46..76 => self.get(key.name, &known, fresh),
            76..81 => self.past(key.name, fresh),
            _ => {
                let newest = known.tags.iter().map(|tag| tag.version).max().unwrap_or(1);
                let version = self.random.random_range(1..=newest + 1);
                bodiless(Operation::Old { key: key.name, version, fresh })
            }
        }
    }

    /// Draws a contended, a bound or another key.
    fn key(&mut self) -> &Key {
        let keys = &self.scene.keys;
        let hot = keys.iter().take_while(|key| key.name.starts_with("hot.")).count();
        let bound = keys.iter().filter(|key| key.schema.is_some()).count();
        let range = match self.random.random_range(0..100) {
            0..40 if hot > 0 => 0..hot,
            40..68 if bound > 0 => hot..hot + bound,
            _ if hot + bound < keys.len() => hot + bound..keys.len(),
            _ => 0..keys.len(),
        };
        &keys[self.random.random_range(range)]
    }

    /// Draws a freshness. Stale reads with a floor use the client's own, so that shown revisions never
    /// decrease.
    fn freshness(&mut self, drawn: usize) -> Freshness {
        let stale = self.random.random_range(0..100) < if drawn < 81 { 35 } else { 45 };
        let floor = self.random.random_bool(if stale { 0.6 } else { 0.15 });
        Freshness { stale, min_revision: floor.then_some(self.knowledge.floor) }
    }

    /// Draws a precondition.
    fn guard(&mut self, known: &Known) -> Guard {
        let draw = self.random.random_range(0..100);
        match (known.current(), known.tags.front()) {
            (Some(tag), _) if draw < 78 => Guard::Version(tag.version),
            (_, Some(old)) if (78..88).contains(&draw) => Guard::Version(old.version),
            _ => Guard::Present,
        }
    }

    fn put(&mut self, key: &Key, known: &Known, spoilt: bool) -> Intent {
        let create = self.random.random_bool(if known.live { 0.05 } else { 0.85 });
        let guard = if create { Guard::Absent } else { self.guard(known) };
        let serial = self.recorder.serial();
        let limited = key.schema.is_some() && self.random.random_bool(0.98) || self.random.random_bool(0.3);
        let limit = limited.then(|| limit(self.random, spoilt));
        let (body, document) = document(self.random, serial, known.prev(guard), limit);
        let bind = self.bind(key, guard);
        Intent {
            operation: Operation::Put { key: key.name.clone(), guard, bind, document },
            contents: vec![body],
        }
    }

    fn bind(&mut self, key: &Key, guard: Guard) -> Bind {
        let draw = self.random.random_range(0..100);
        let Some(name) = &key.schema else {
            return if draw < 3 { Bind::Free } else { Bind::Keep };
        };
        match draw {
            3..90 if guard != Guard::Absent => Bind::Keep,
            ..3 => Bind::Free,
            3..8 | 90..95 => {
                let newest = self.knowledge.schema(name);
                // Sometimes a version that may not exist yet.
                let version = self.random.random_range(1..=newest + u64::from(draw % 2 == 0));
                Bind::Pin(SchemaRef { name: name.clone(), version })
            }
            _ => Bind::Follow(name.clone()),
        }
    }

    fn rollback(&mut self, key: String, known: &Known) -> Intent {
        let newest = known.tags.iter().map(|tag| tag.version).max().unwrap_or(1);
        // Sometimes a version that may not exist yet.
        let last = newest + u64::from(self.random.random_bool(0.1));
        let to = self.random.random_range(newest.saturating_sub(6).max(1)..=last);
        let (guard, serial) = (self.guard(known), self.recorder.serial());
        bodiless(Operation::Rollback { key, guard, to, serial })
    }

    /// A transaction on different keys, mostly at the versions that the client knows; some are deliberately
    /// outdated.
    fn transact(&mut self) -> Intent {
        let (count, spoilt) = (self.random.random_range(1..=PARTS_MAX), self.random.random_bool(0.06));
        let only_checks = self.random.random_bool(0.08);
        let mut keys: Vec<Key> = Vec::new();
        for _ in 0..2 * count {
            let key = self.key().clone();
            if keys.len() < count && keys.iter().all(|own| own.name != key.name) {
                keys.push(key);
            }
        }
        let (serial, mut contents) = (self.recorder.serial(), Vec::new());
        let mut parts = Vec::new();
        for key in keys {
            let known = self.knowledge.key(&key.name);
            let old = known.tags.front().filter(|_| self.random.random_bool(0.05));
            let at = old.copied().or(known.current()).map_or(0, |tag| tag.version);
            let name = key.name.clone();
            parts.push(match self.random.random_range(0..100) {
                0..25 => Part::Check { key: name, at },
                _ if only_checks => Part::Check { key: name, at },
                25..37 if at > 0 => Part::Delete { key: name, at },
                _ => {
                    let guard = if at == 0 { Guard::Absent } else { Guard::Version(at) };
                    let own = self.recorder.serial();
                    let limited = key.schema.is_some() || self.random.random_bool(0.3);
                    let limit = limited.then(|| limit(self.random, spoilt));
                    let (body, document) = document(self.random, own, known.prev(guard), limit);
                    contents.push(body);
                    Part::Put { key: name, at, bind: self.bind(&key, guard), document }
                }
            });
        }
        Intent { operation: Operation::Transact { parts, serial }, contents }
    }

    fn past(&mut self, key: String, fresh: Freshness) -> Intent {
        let newest = self.knowledge.floor;
        // Mostly recent revisions, because old ones may be pruned.
        let back = if self.random.random_bool(0.7) { 60 } else { newest };
        let oldest = newest.saturating_sub(back).max(self.scene.floor).min(newest);
        let revision = self.random.random_range(oldest..=newest);
        bodiless(Operation::Past { key, revision, fresh: Freshness { min_revision: None, ..fresh } })
    }

    fn get(&mut self, key: String, known: &Known, fresh: Freshness) -> Intent {
        let asks = self.random.random_bool(0.3);
        let known = known.tags.back().filter(|_| asks).map(|tag| tag.version);
        let bare = self.random.random_bool(0.2);
        bodiless(Operation::Get { key, fresh, known, bare })
    }

    fn list(&mut self) -> Intent {
        let stale = self.random.random_bool(0.3);
        let floor = self.random.random_bool(if stale { 0.7 } else { 0.1 });
        let fresh = Freshness { stale, min_revision: floor.then_some(self.knowledge.floor) };
        let prefixes =
            ["", "hot.", "bound.", "many.", "many.00", "many.01", "nothing.", "other:", "other:many."];
        let prefix = prefixes[self.random.random_range(0..prefixes.len())].to_owned();
        let page_size = self.random.random_range(if prefix.is_empty() { 4..=20 } else { 1..=6 });
        let content = self.random.random_bool(0.4);
        bodiless(Operation::List { prefix, page_size, content, fresh })
    }

    fn schema(&mut self) -> Intent {
        let name = self.scene.schemas[self.random.random_range(0..self.scene.schemas.len())].name.clone();
        let (serial, maximum) = (self.recorder.serial(), MAXIMA[self.random.random_range(0..MAXIMA.len())]);
        let guard = self.random.random_bool(0.4).then(|| self.knowledge.schema(&name));
        let body = schema_body(serial, maximum);
        let digest = digest(&body);
        let operation = Operation::Schema { name, guard, serial, maximum, digest };
        Intent { operation, contents: vec![body] }
    }
}
