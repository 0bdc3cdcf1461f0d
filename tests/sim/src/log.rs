//! The Raft log on a simulated disk. Appended records are durable only after a flush, which takes time and
//! may fail; a power cut keeps a prefix of the unflushed records. Replaces the real log, which has its own
//! suite, fuzz target and fault matrix.

use crate::disk::Crash;
use adapter_raft::log_store::OnFatal;
use adapter_raft::type_config::{Entry, LogId, TypeConfig, Vote};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use planted::Fault;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// The disk of the log; survives crashes. Clones are the same disk.
#[derive(Clone, Default)]
pub struct LogDisk {
    inner: Arc<Mutex<Inner>>,
}

impl Debug for LogDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogDisk").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    seen: Content,
    synced: Content,
    pending: Vec<Record>,
    epoch: u64,
    /// Maximum duration of a flush, in microseconds.
    flush_us: u64,
    broken: bool,
}

#[derive(Clone, Default)]
struct Content {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Clone)]
enum Record {
    Vote(Vote),
    Committed(LogId),
    Entry(Entry),
    Truncate(Option<LogId>),
    Purge(LogId),
}

impl Content {
    fn add(&mut self, record: Record) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote),
            Record::Committed(log_id) => self.committed = Some(log_id),
            Record::Entry(entry) => {
                self.entries.insert(entry.log_id.index, entry);
            }
            Record::Truncate(after) => {
                let first = after.map_or(0, |log_id| log_id.index + 1);
                self.entries.split_off(&first);
            }
            Record::Purge(log_id) => {
                self.entries = self.entries.split_off(&(log_id.index + 1));
                self.purged = Some(log_id);
            }
        }
    }
}

impl LogDisk {
    /// Sets the maximum duration of a flush.
    pub fn set_flush(&self, longest: Duration) {
        self.inner().flush_us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    }

    /// Erases the disk.
    pub fn wipe(&self) {
        let mut inner = self.inner();
        *inner = Inner { epoch: inner.epoch + 1, flush_us: inner.flush_us, ..Inner::default() };
    }

    /// Sets whether flushes fail.
    pub fn set_broken(&self, broken: bool) {
        self.inner().broken = broken;
    }

    /// The vote in the log, as term and candidate.
    pub fn vote(&self) -> (u64, u64) {
        self.inner().seen.vote.map_or((0, 0), |vote| (vote.leader_id().term, vote.leader_id().node_id))
    }

    /// The index of the last entry in the log, synced or not; 0 for an empty log.
    pub fn last_index(&self) -> u64 {
        self.inner().seen.entries.keys().next_back().copied().unwrap_or_default()
    }

    /// Revokes access of the open log. Returns the number of lost records.
    pub fn crash(&self, crash: Crash, random: &mut StdRng) -> usize {
        let mut inner = self.inner();
        inner.epoch += 1;
        let pending = std::mem::take(&mut inner.pending);
        let kept = match crash {
            Crash::Kill => pending.len(),
            Crash::PowerCut => random.random_range(0..=pending.len()),
        };
        let lost = pending.len() - kept;
        for record in pending.into_iter().take(kept) {
            inner.synced.add(record);
        }
        inner.seen = inner.synced.clone();
        lost
    }

    /// Opens the log for one life of the process; must be called on the node's runtime.
    pub fn open(&self, seed: u64, on_fatal: OnFatal) -> SimLog {
        let log = SimLog {
            disk: self.clone(),
            epoch: self.inner().epoch,
            queue: Arc::default(),
            wanted: Arc::default(),
            on_fatal,
        };
        tokio::spawn(log.clone().flushes(StdRng::seed_from_u64(seed)));
        log
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Waiter {
    Append(IOFlushed<TypeConfig>),
    Saved(oneshot::Sender<io::Result<()>>),
}

impl Waiter {
    fn complete(self, result: Result<(), &'static str>) {
        let result = result.map_err(io::Error::other);
        match self {
            Self::Append(callback) => callback.io_completed(result),
            Self::Saved(done) => drop(done.send(result)),
        }
    }
}

/// The log as opened by one life of a node.
#[derive(Clone)]
pub struct SimLog {
    disk: LogDisk,
    epoch: u64,
    queue: Arc<Mutex<Vec<Waiter>>>,
    wanted: Arc<Notify>,
    on_fatal: OnFatal,
}

impl SimLog {
    fn inner(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let inner = self.disk.inner();
        if inner.epoch == self.epoch { Ok(inner) } else { Err(io::Error::other("the process has ended")) }
    }

    fn queue(&self) -> MutexGuard<'_, Vec<Waiter>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, records: impl IntoIterator<Item = Record>, waiter: Option<Waiter>) -> io::Result<()> {
        let mut inner = self.inner()?;
        for record in records {
            inner.seen.add(record.clone());
            inner.pending.push(record);
        }
        drop(inner);
        if let Some(waiter) = waiter {
            self.queue().push(waiter);
            self.wanted.notify_one();
        }
        Ok(())
    }

    /// Flushes in sequence; each covers the records that were written when it began.
    async fn flushes(self, mut random: StdRng) {
        loop {
            self.wanted.notified().await;
            let waiters = std::mem::take(&mut *self.queue());
            let Ok((count, longest)) = self.inner().map(|inner| (inner.pending.len(), inner.flush_us)) else {
                return;
            };
            tokio::time::sleep(Duration::from_micros(random.random_range(0..=longest))).await;
            let Ok(mut inner) = self.inner() else { return };
            if inner.broken {
                drop(inner);
                for waiter in waiters {
                    waiter.complete(Err("the disk does not sync"));
                }
                (self.on_fatal)(io::Error::other("the raft log cannot be written: the disk does not sync"));
                return;
            }
            let flushed: Vec<Record> = inner.pending.drain(..count).collect();
            for record in flushed {
                inner.synced.add(record);
            }
            drop(inner);
            for waiter in waiters {
                waiter.complete(Ok(()));
            }
        }
    }

    async fn saved(&self, record: Record) -> io::Result<()> {
        let (done, saved) = oneshot::channel();
        self.write([record], Some(Waiter::Saved(done)))?;
        saved.await.unwrap_or_else(|_| Err(io::Error::other("the process has ended")))
    }
}

impl RaftLogReader<TypeConfig> for SimLog {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let inner = self.inner()?;
        Ok(inner.seen.entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.inner()?.seen.vote)
    }
}

impl RaftLogStorage<TypeConfig> for SimLog {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let inner = self.inner()?;
        let last = inner.seen.entries.values().next_back().map(|entry| entry.log_id);
        let purged = inner.seen.purged;
        Ok(LogState { last_purged_log_id: purged, last_log_id: last.or(purged) })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        if planted::is(Fault::VoteWithoutFsync) {
            self.write([Record::Vote(*vote)], None)?;
            self.wanted.notify_one();
            return Ok(());
        }
        self.saved(Record::Vote(*vote)).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let useful = {
            let inner = self.inner()?;
            let last = inner.seen.entries.values().next_back().map(|entry| entry.log_id);
            committed.filter(|_| committed > inner.seen.committed && committed <= last)
        };
        self.write(useful.map(Record::Committed), None)
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.inner()?.seen.committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let records: Vec<Record> = entries.into_iter().map(Record::Entry).collect();
        if planted::is(Fault::AckBeforeFsync) {
            self.write(records, None)?;
            self.wanted.notify_one();
            callback.io_completed(Ok(()));
            return Ok(());
        }
        self.write(records, Some(Waiter::Append(callback)))
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        self.saved(Record::Truncate(last_log_id)).await
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        self.write([Record::Purge(log_id)], None)
    }
}
