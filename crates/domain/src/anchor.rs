//! The audit anchor: what the replicated state knows of the audit log in the database. It reveals removed
//! records at either end of the log, even to an attacker with write access to the database.

use crate::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// A position in the audit log: a record's number, and the head of the hash chain after it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditPlace {
    /// The number of the record; 0 means before the first record.
    pub number: u64,
    /// The head of the chain after that record.
    pub head: Digest,
}

/// The verified start and end of the audit log.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditAnchor {
    /// The last record that retention may have pruned; later records must exist.
    pub cut: AuditPlace,
    /// The last record of the log.
    pub end: AuditPlace,
    /// The time at which the anchor was set.
    pub at: Timestamp,
}
