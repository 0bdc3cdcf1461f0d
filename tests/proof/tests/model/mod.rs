//! A small server in memory that keeps the contract, with bugs that can be switched on.
//!
//! It keeps every version with the revision that made it, so any past state can be asked for. Nodes are
//! only a number: how far each has applied.

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

/// How many nodes the model has.
pub const NODES: usize = 3;
/// How often a bug shows, where it could.
const BUG_SHOWS: f64 = 0.12;

/// What the model does wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bug {
    /// Acknowledges a change and forgets it.
    LostAck,
    /// Makes a change twice.
    DoubleApply,
    /// Serves a linearizable read from what the node has applied.
    StaleRead,
    /// Shows an older version than the revision it says.
    OldContent,
    /// Does not look at `If-Match` or `If-None-Match`.
    GuardIgnored,
    /// Says that there is no leader, and makes the change all the same.
    RefusedApplied,
    /// Starts again at version 1 when a key is created again.
    VersionReused,
    /// Leaves out a version.
    VersionSkipped,
    /// Leaves a key out of a list.
    ListMissing,
    /// Shows later pages of a list as they are now.
    ListMoves,
    /// Shows a key of a list in an older version.
    ListOld,
    /// Does not check documents.
    DocumentUnchecked,
    /// Checks documents against the schema version before.
    DocumentCheckedLate,
    /// Does not check documents when a schema changes.
    SchemaUnchecked,
    /// Does not wait for `min_revision`.
    MinRevisionIgnored,
    /// Names a wrong version in a 412.
    ConflictWrong,
    /// Refuses a change whose precondition holds.
    ConflictInvented,
    /// Says that a config does not exist.
    GoneInvented,
    /// Refuses a good document.
    BadInvented,
    /// Refuses a good schema version.
    BreaksInvented,
    /// Says that the client has the present version.
    UnchangedInvented,
    /// Rolls back to another version than was asked.
    RollbackElsewhere,
    /// Stores something else than was written.
    ContentTorn,
    /// Makes a deletion of its own.
    DeletesAlone,
    /// Says another revision than the change got.
    AckElsewhere,
    /// Drops a change from the list at the end.
    ListForgets,
    /// Answers 200 without a revision.
    FormBroken,
    /// Gives an acknowledged change an old revision again.
    RevisionReused,
    /// Leaves a part of a transaction out.
    TransactionHalf,
    /// Gives each part of a transaction a revision of its own.
    TransactionSplit,
    /// Does not compare what a transaction only checks.
    CheckIgnored,
    /// Blames another part of a transaction.
    PartInvented,
    /// Does not know an idempotency key again.
    KeyForgotten,
    /// Answers a repeated request with the present revision.
    ReplayElsewhere,
    /// Answers another request with the same key like the first.
    KeyShared,
    /// Says that a key was used which was not.
    KeyTaken,
    /// Answers again what was not asked before.
    ReplayInvented,
    /// Lets one version more go than it should.
    PrunedTooMuch,
    /// Shows versions that are gone.
    PrunedShown,
    /// Says that a version is gone which is kept.
    PrunedInvented,
    /// Shows the past as of another revision.
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
    /// Whether requests and answers are lost, and nodes refuse.
    pub faults: bool,
    random: StdRng,
    revision: u64,
    project: Option<(String, u64)>,
    keys: BTreeMap<String, Vec<Row>>,
    schemas: BTreeMap<String, Vec<SchemaRow>>,
    applied: [u64; NODES],
    /// Requests whose client has given up already; they arrive later, or never.
    late: Vec<Request>,
    /// By idempotency key: what was asked, and the answer.
    answers: BTreeMap<String, (String, Response)>,
    /// The revision that made the second environment.
    other: Option<u64>,
    /// How many versions are kept.
    retention: Option<u64>,
    /// The revision from which on a key's versions before one are gone.
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

    /// Whether this bug is on and shows now.
    fn has(&mut self, bug: Bug) -> bool {
        self.bug == Some(bug) && self.faults && self.random.random_bool(BUG_SHOWS)
    }

    /// The newest version of a key at a revision, deletions included.
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
