//! The queue of audit records to write: refusals, and records that could not be written at once.

use crate::ports::identity::NewAuditRecord;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Most queued records.
pub(super) const QUEUE_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct AuditQueue(Mutex<VecDeque<NewAuditRecord>>);

impl AuditQueue {
    /// Appends a record; false if the queue is full.
    pub(super) fn push(&self, record: NewAuditRecord) -> bool {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = queue.len() < QUEUE_MAX;
        if room {
            queue.push_back(record);
        }
        room
    }

    /// Removes and returns the oldest records, at most `limit`.
    pub(super) fn take(&self, limit: usize) -> Vec<NewAuditRecord> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.len().min(limit);
        queue.drain(..count).collect()
    }

    /// Returns records to the front of the queue. Returns the number of records that did not fit.
    pub(super) fn put_back(&self, records: Vec<NewAuditRecord>) -> u64 {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = QUEUE_MAX.saturating_sub(queue.len());
        let dropped = records.len().saturating_sub(room);
        for record in records.into_iter().take(room).rev() {
            queue.push_front(record);
        }
        dropped as u64
    }
}
