//! An in-memory server that satisfies the API contract, with optional bugs.
//!
//! It keeps every version with its revision, so any earlier state can be read. A node is only a number: the
//! revision that it has applied.

mod changes;
mod http;
mod kept;
mod reads;
mod transact;

pub use http::ModelCaller;

use proof::{Bind, Request, Response, SchemaRef};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of nodes.
pub const NODES: usize = 3;
/// The probability that a bug occurs where it can.
const BUG_SHOWS: f64 = 0.12;

/// The bugs of the model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bug {
    /// Acknowledges a change and loses it.
    LostAck,
    /// Applies a change twice.
    DoubleApply,
    /// Serves a linearizable read from the node's applied state.
    StaleRead,
    /// Shows an older version than the stated revision has.
    OldContent,
    /// Ignores `If-Match` and `If-None-Match`.
    GuardIgnored,
    /// Refuses with `no_leader`, but applies the change.
    RefusedApplied,
    /// Restarts at version 1 when a deleted key is created again.
    VersionReused,
    /// Skips a version number.
    VersionSkipped,
    /// Omits a key from a list.
    ListMissing,
    /// Shows later pages of a list at the current revision.
    ListMoves,
    /// Shows an older version of a key in a list.
    ListOld,
    /// Does not validate documents.
    DocumentUnchecked,
    /// Validates documents against the previous schema version.
    DocumentCheckedLate,
    /// Does not validate documents when a schema changes.
    SchemaUnchecked,
    /// Ignores `min_revision`.
    MinRevisionIgnored,
    /// States a wrong version in a 412.
    ConflictWrong,
    /// Refuses a change whose precondition holds.
    ConflictInvented,
    /// Reports an existing config as missing.
    GoneInvented,
    /// Refuses a valid document.
    BadInvented,
    /// Refuses a valid schema version.
    BreaksInvented,
    /// Reports a changed config as not modified.
    UnchangedInvented,
    /// Rolls back to another version than requested.
    RollbackElsewhere,
    /// Stores another document than written.
    ContentTorn,
    /// Deletes a config without a request.
    DeletesAlone,
    /// States another revision than that of the change.
    AckElsewhere,
    /// Omits a change from the final list.
    ListForgets,
    /// Returns 200 without a revision.
    FormBroken,
    /// Reuses an old revision for an acknowledged change.
    RevisionReused,
    /// Omits a part of a transaction.
    TransactionHalf,
    /// Applies each part of a transaction at its own revision.
    TransactionSplit,
    /// Ignores the checks of a transaction.
    CheckIgnored,
    /// States a wrong part of a transaction as the refused one.
    PartInvented,
    /// Forgets an idempotency key.
    KeyForgotten,
    /// Replays with the current revision.
    ReplayElsewhere,
    /// Replays the response for another request with the same key.
    KeyShared,
    /// Refuses an unused key as used.
    KeyTaken,
    /// Marks a first response as replayed.
    ReplayInvented,
    /// Prunes one version too many.
    PrunedTooMuch,
    /// Shows pruned versions.
    PrunedShown,
    /// Reports a kept version as pruned.
    PrunedInvented,
    /// Shows an earlier state of a wrong revision.
    PastElsewhere,
}

/// A version of a config.
#[derive(Clone, Debug)]
pub struct Row {
    pub version: u64,
    pub revision: u64,
    pub kind: &'static str,
    pub from: Option<u64>,
    pub schema: Option<SchemaRef>,
    pub held: Bind,
    pub message: String,
    pub content: Option<Value>,
}

/// A version of a schema.
#[derive(Clone, Debug)]
pub struct SchemaRow {
    pub version: u64,
    pub revision: u64,
    pub schema: Value,
}

/// The server.
#[derive(Debug)]
pub struct Model {
    pub bug: Option<Bug>,
    /// Whether requests and responses are lost and nodes refuse.
    pub faults: bool,
    random: StdRng,
    revision: u64,
    project: Option<(String, u64)>,
    keys: BTreeMap<String, Vec<Row>>,
    schemas: BTreeMap<String, Vec<SchemaRow>>,
    applied: [u64; NODES],
    /// Requests whose clients have given up; they arrive late or never.
    late: Vec<Request>,
    /// By idempotency key: the request and its response.
    answers: BTreeMap<String, (String, Response)>,
    /// The revision that created the second environment.
    other: Option<u64>,
    /// The number of versions kept.
    retention: Option<u64>,
    /// Prunings: revision, key, and the oldest version kept.
    pruned: Vec<(u64, String, u64)>,
}

impl Model {
    pub fn shared(seed: u64, bug: Option<Bug>) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            bug,
            faults: false,
            random: StdRng::seed_from_u64(seed),
            revision: 7,
            project: None,
            keys: BTreeMap::new(),
            schemas: BTreeMap::new(),
            applied: [0; NODES],
            late: Vec::new(),
            answers: BTreeMap::new(),
            other: None,
            retention: None,
            pruned: Vec::new(),
        }))
    }

    /// Whether this bug is enabled and occurs now.
    fn has(&mut self, bug: Bug) -> bool {
        self.bug == Some(bug) && self.faults && self.random.random_bool(BUG_SHOWS)
    }

    /// The newest version of a key at a revision, including deletions.
    fn newest(&self, key: &str, revision: u64) -> Option<&Row> {
        self.keys.get(key)?.iter().rev().find(|row| row.revision <= revision)
    }

    fn live(&self, key: &str, revision: u64) -> Option<&Row> {
        self.newest(key, revision).filter(|row| row.kind != "delete")
    }

    fn newest_schema(&self, name: &str) -> Option<&SchemaRow> {
        self.schemas.get(name)?.last()
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }
}

pub fn lock(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}
