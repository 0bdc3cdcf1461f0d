//! Reading the log in batches of limited size.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};

use futures::stream::{self, Stream, StreamExt as _};
use openraft::OptionalSend;

use super::wal::{WalEntry, WalLogId};
use super::{APPEND_BATCH_BYTES_MAX, LogStore};
use crate::type_config::{Entry, TypeConfig, Vote};

impl LogStore {
    /// Reads `[start, end)` until the payloads reach `bytes_max`; at least one entry if there is any.
    fn read_range(&self, start: u64, end: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        if start >= end {
            return Ok(Vec::new());
        }
        let inner = self.shared.read();
        let mut stored: Vec<(WalLogId, WalEntry)> = Vec::new();
        let mut bytes = 0;
        for record in inner.log.read(start, end) {
            let (id, entry) = record?;
            if let Some((last, _)) = stored.last()
                && id.index != last.index + 1
            {
                return Err(gap(last.index + 1));
            }
            bytes += entry.len();
            if bytes > bytes_max && !stored.is_empty() {
                break;
            }
            stored.push((id, entry));
        }
        drop(inner);
        stored
            .into_iter()
            .map(|(id, stored)| {
                let entry = stored.decode()?;
                if entry.log_id != (&id).into() {
                    let found = &entry.log_id;
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!("the entry stored as {id:?} says that it is {found}"),
                    ));
                }
                Ok(entry)
            })
            .collect()
    }
}

fn gap(index: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the raft log has no entry {index}"))
}

/// The half-open form of a range.
fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let start = match range.start_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(index) => index.saturating_add(1),
        Bound::Excluded(index) => *index,
        Bound::Unbounded => u64::MAX,
    };
    (start, end)
}

impl openraft::RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (start, end) = bounds(&range);
        self.read_range(start, end, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read_range(start, end, APPEND_BATCH_BYTES_MAX)
    }

    // The default reads the whole range at once. After a restart this would be everything since the last
    // checkpoint.
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (start, end) = bounds(&range);
        let store = self.clone();
        let batches = stream::unfold(Some(start), move |next| {
            let batch = next.map(|start| store.read_range(start, end, APPEND_BATCH_BYTES_MAX));
            async move {
                match batch? {
                    Ok(entries) => {
                        let next = entries.last().map(|entry| entry.log_id.index + 1)?;
                        Some((entries.into_iter().map(Ok).collect(), Some(next)))
                    }
                    Err(cause) => Some((vec![Err(cause)], None)),
                }
            }
        });
        batches.flat_map(stream::iter).boxed()
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        let inner = self.shared.read();
        Ok(inner.log.log_state().vote().map(Into::into))
    }
}
