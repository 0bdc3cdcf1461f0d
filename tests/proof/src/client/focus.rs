//! Races that random choice rarely produces: all clients do the same for a while, on request of the driver.

use super::choose::{Choice, Intent, bodiless};
use crate::document::{MAXIMA, MAXIMUM_EVER, digest, document, schema_body};
use crate::operation::{Bind, Freshness, Guard, Operation};
use crate::plan::Key;
use rand::Rng as _;

/// Probability of a schema change instead of a write of a bound document.
const NARROWS: f64 = 0.35;

/// The focus of all clients. Nodes are indices in the list of callers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Focus {
    /// Narrow and widen one schema, and write documents that only its wide versions permit.
    Schemas,
    /// Some clients write through one node; the others read the same keys through another.
    Reads {
        /// The node of the readers.
        reader: usize,
        /// The node of the writers.
        writer: usize,
    },
    /// Change a few configs unconditionally through one node, without idempotency keys.
    Writes {
        /// The node.
        node: usize,
    },
}

impl Focus {
    /// The node of a client, if the race determines it.
    pub(super) fn node(self, client: usize) -> Option<usize> {
        match self {
            Self::Schemas => None,
            Self::Reads { reader, writer } => Some(if reads(client) { reader } else { writer }),
            Self::Writes { node } => Some(node),
        }
    }

    /// Whether a client starts its operations at random times. Otherwise all clients that waited for one
    /// confirmation would start again together.
    pub fn scatters(self, client: usize) -> bool {
        matches!(self, Self::Reads { .. }) && reads(client)
    }

    /// Whether changes carry idempotency keys as usual.
    pub(super) fn has_tokens(self) -> bool {
        self == Self::Schemas
    }
}

/// Whether a client reads: at least two of three, so that one read begins while another waits.
fn reads(client: usize) -> bool {
    !client.is_multiple_of(3)
}

impl Choice<'_> {
    /// Draws an operation of the race; `None` if the scene has nothing to race for.
    pub(super) fn focused(&mut self, focus: Focus, client: usize) -> Option<Intent> {
        match focus {
            Focus::Schemas if self.random.random_bool(NARROWS) => self.raced_schema(),
            Focus::Schemas => {
                let key = self.drawn(Key::is_raced)?;
                Some(self.raced_put(&key))
            }
            Focus::Reads { .. } if reads(client) => {
                let key = self.drawn(|key| key.name.starts_with("hot."))?.name;
                let fresh = Freshness::default();
                Some(bodiless(Operation::Get { key, fresh, known: None, bare: false }))
            }
            Focus::Reads { .. } | Focus::Writes { .. } => {
                let key = self.drawn(|key| key.name.starts_with("hot."))?;
                Some(self.raced_put(&key))
            }
        }
    }

    fn drawn(&mut self, wanted: impl Fn(&Key) -> bool) -> Option<Key> {
        let keys: Vec<&Key> = self.scene.keys.iter().filter(|key| wanted(key)).collect();
        let at = self.random.random_range(0..keys.len().max(1));
        keys.get(at).map(|key| (*key).clone())
    }

    /// A schema version with the narrowest or the widest maximum.
    fn raced_schema(&mut self) -> Option<Intent> {
        let name = self.drawn(Key::is_raced)?.schema?;
        let maximum = if self.random.random_bool(0.5) { MAXIMA[0] } else { MAXIMUM_EVER };
        let serial = self.recorder.serial();
        let body = schema_body(serial, maximum);
        let digest = digest(&body);
        let operation = Operation::Schema { name, guard: None, serial, maximum, digest };
        Some(Intent { operation, contents: vec![body] })
    }

    /// An unconditional put; half of the documents with a schema are too wide for its narrow versions.
    fn raced_put(&mut self, key: &Key) -> Intent {
        let live = self.knowledge.key(&key.name).live;
        let guard = if live { Guard::Present } else { Guard::Absent };
        let bind = match &key.schema {
            Some(schema) if !live => Bind::Follow(schema.clone()),
            _ => Bind::Keep,
        };
        let wide = self.random.random_bool(0.5);
        let limit = self.random.random_range(if wide { MAXIMA[0] + 1..=MAXIMUM_EVER } else { 0..=MAXIMA[0] });
        let (body, document) = document(self.random, self.recorder.serial(), None, Some(limit));
        Intent {
            operation: Operation::Put { key: key.name.clone(), guard, bind, document },
            contents: vec![body],
        }
    }
}
