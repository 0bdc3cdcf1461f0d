//! What the replicated state knows of the audit that is kept outside of it, so that nobody who can write there can
//! take its beginning or its end away unnoticed.

use crate::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// A record of the audit by its number, and the head of the chain with it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditPlace {
    /// The record's number; 0 is the place before the first.
    pub number: u64,
    /// The head.
    pub head: Digest,
}

/// How far the audit was cut and how far it reached.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuditAnchor {
    /// The last record that may be missing at the beginning: all up to it were older than the retention.
    pub cut: AuditPlace,
    /// The last record there was.
    pub end: AuditPlace,
    /// When.
    pub at: Timestamp,
}
