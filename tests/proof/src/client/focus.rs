//! Races that chance alone seldom gives: for a while all clients do the same, when the driver asks for it.

use super::choose::{Choice, Intent, bodiless};
use crate::document::{MAXIMA, MAXIMUM_EVER, digest, document, schema_body};
use crate::operation::{Bind, Freshness, Guard, Operation};
use crate::plan::Key;
use rand::Rng as _;

/// How likely a client changes the schema rather than a document that follows it.
const NARROWS: f64 = 0.35;

/// What all clients do for a while. Nodes are places in the list of callers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Focus {
    /// They narrow and widen one schema, and write documents that only its wide versions allow.
    Schemas,
    /// A few of them write through one node; the others read what is written through another.
    Reads {
        /// Where they read.
        reader: usize,
        /// Where they write.
        writer: usize,
    },
    /// They change a few configs, whatever their version, through one node and without idempotency keys.
    Writes {
        /// Through which.
        node: usize,
    },
}

impl Focus {
    /// The node that a client works through, when that is part of the race.
    pub(super) fn node(self, client: usize) -> Option<usize> {
        match self {
            Self::Schemas => None,
            Self::Reads { reader, writer } => Some(if reads(client) { reader } else { writer }),
            Self::Writes { node } => Some(node),
        }
    }

    /// Whether a client begins its operations at times that have nothing to do with the end of the one before:
    /// everybody who waited for the same confirmation would else begin again together.
    pub fn scatters(self, client: usize) -> bool {
        matches!(self, Self::Reads { .. }) && reads(client)
    }

    /// Whether changes carry idempotency keys as usual.
    pub(super) fn has_tokens(self) -> bool {
        self == Self::Schemas
    }
}

/// At least two of three read: one begins while the other waits.
fn reads(client: usize) -> bool {
    !client.is_multiple_of(3)
}

impl Choice<'_> {
    /// Draws an operation of the race; `None` when the scene has nothing to race for.
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

    /// The narrowest maximum, or the widest.
    fn raced_schema(&mut self) -> Option<Intent> {
        let name = self.drawn(Key::is_raced)?.schema?;
        let maximum = if self.random.random_bool(0.5) { MAXIMA[0] } else { MAXIMUM_EVER };
        let serial = self.recorder.serial();
        let body = schema_body(serial, maximum);
        let digest = digest(&body);
        let operation = Operation::Schema { name, guard: None, serial, maximum, digest };
        Some(Intent { operation, contents: vec![body] })
    }

    /// Whatever the version; a document that follows a schema is as often too wide for its narrow versions.
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
