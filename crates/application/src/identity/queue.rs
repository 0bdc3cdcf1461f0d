//! Records of the audit that wait to be written: refusals, and what could not be written at once.

use crate::ports::identity::NewAuditRecord;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Most records that wait.
pub(super) const QUEUE_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct AuditQueue(Mutex<VecDeque<NewAuditRecord>>);

impl AuditQueue {
    /// Adds a record at the end; false when there is no room.
    pub(super) fn push(&self, record: NewAuditRecord) -> bool {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = queue.len() < QUEUE_MAX;
        if room {
            queue.push_back(record);
        }
        room
    }

    /// Takes the oldest records, at most `limit`.
    pub(super) fn take(&self, limit: usize) -> Vec<NewAuditRecord> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = queue.len().min(limit);
        queue.drain(..count).collect()
    }

    /// Puts records that were taken back to the front; says how many found no room.
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
