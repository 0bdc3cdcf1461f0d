//! Group commit. At most one flush runs at a time. Records appended meanwhile wait for the next flush, which
//! the flush thread starts when it reports the previous one. raft-log's own timer-based batching is disabled.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use openraft::storage::IOFlushed;
use raft_log::api::raft_log_writer::RaftLogWriter as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::{Inner, LOG_UNFLUSHED_BYTES_MAX, OnFatal, Shared};
use crate::observe::Observer;
use crate::type_config::TypeConfig;

/// The receiver of a flush result.
pub(super) enum Waiter {
    Append(IOFlushed<TypeConfig>),
    Saved(oneshot::Sender<io::Result<()>>),
}

impl Waiter {
    fn complete(self, result: io::Result<()>) {
        match self {
            Self::Append(callback) => callback.io_completed(result),
            // The receiver is gone while the node shuts down.
            Self::Saved(done) => drop(done.send(result)),
        }
    }
}

/// The content of the next flush; part of the locked state.
#[derive(Default)]
pub(super) struct FlushQueue {
    waiters: Vec<Waiter>,
    bytes: usize,
    wanted: bool,
    running: bool,
}

impl FlushQueue {
    /// Requests a flush of the written records; starts it unless one is running.
    pub(super) fn request(
        inner: &mut Inner,
        shared: &Arc<Shared>,
        waiter: Option<Waiter>,
        bytes: usize,
    ) -> io::Result<()> {
        inner.queue.waiters.extend(waiter);
        inner.queue.bytes += bytes;
        inner.queue.wanted = true;
        if inner.queue.running {
            return Ok(());
        }
        Self::start(inner, &shared.gate, Arc::downgrade(shared))
    }

    fn start(inner: &mut Inner, gate: &Arc<Gate>, shared: Weak<Shared>) -> io::Result<()> {
        inner.queue.running = true;
        inner.queue.wanted = false;
        let done = FlushDone {
            waiters: std::mem::take(&mut inner.queue.waiters),
            bytes: std::mem::take(&mut inner.queue.bytes),
            reported: false,
            began: Instant::now(),
            gate: gate.clone(),
            shared,
        };
        inner.log.flush(true, Some(done))
    }
}

/// Reports one flush, on the flush thread.
pub(super) struct FlushDone {
    waiters: Vec<Waiter>,
    bytes: usize,
    reported: bool,
    began: Instant,
    gate: Arc<Gate>,
    shared: Weak<Shared>,
}

impl FlushDone {
    /// Starts the next flush if one is requested.
    fn next(&self) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let mut inner = shared.write();
        inner.queue.running = false;
        let started = if inner.queue.wanted {
            FlushQueue::start(&mut inner, &self.gate, self.shared.clone())
        } else {
            Ok(())
        };
        drop(inner);
        if let Err(cause) = started {
            self.gate.fail(&cause);
        }
        // Closing the log joins this thread, so another thread must drop the last reference.
        if let Some(last) = Arc::into_inner(shared) {
            std::thread::spawn(move || drop(last));
        }
    }

    fn complete(&mut self, result: &io::Result<()>) {
        self.reported = true;
        if let Err(cause) = result {
            self.gate.fail(cause);
        }
        self.gate.release(self.bytes);
        for waiter in self.waiters.drain(..) {
            waiter.complete(match result {
                Ok(()) => Ok(()),
                Err(cause) => Err(io::Error::new(cause.kind(), cause.to_string())),
            });
        }
    }
}

impl raft_log::Callback for FlushDone {
    fn send(mut self, result: io::Result<()>) {
        // Releases the lock before reporting, because a receiver may close the log at once.
        if result.is_ok() {
            self.gate.observer.log_flushed(self.began.elapsed().as_secs_f64());
            self.next();
        }
        self.complete(&result);
    }
}

impl Drop for FlushDone {
    // The flush thread stops at its first error and drops the queued requests. This may run with the lock
    // held, so it must not take the lock.
    fn drop(&mut self) {
        if !self.reported {
            self.complete(&Err(io::Error::other("the log's flush thread has stopped")));
        }
    }
}

/// Limits the unflushed bytes and remembers the first failure.
pub(super) struct Gate {
    unflushed: AtomicUsize,
    room: Notify,
    failed: AtomicBool,
    on_fatal: OnFatal,
    observer: Arc<dyn Observer>,
}

impl Gate {
    pub(super) fn new(on_fatal: OnFatal, observer: Arc<dyn Observer>) -> Self {
        let (unflushed, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { unflushed, room: Notify::new(), failed, on_fatal, observer }
    }

    /// Fails after any write failure, because the content of the file is then unknown.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.failed.load(Ordering::Acquire) {
            Err(io::Error::other("the raft log failed earlier"))
        } else {
            Ok(())
        }
    }

    /// Waits until there is room for further appends.
    pub(super) async fn room(&self) {
        loop {
            let freed = self.room.notified();
            if self.unflushed.load(Ordering::Acquire) < LOG_UNFLUSHED_BYTES_MAX
                || self.failed.load(Ordering::Acquire)
            {
                return;
            }
            freed.await;
        }
    }

    pub(super) fn add(&self, bytes: usize) {
        self.unflushed.fetch_add(bytes, Ordering::AcqRel);
    }

    fn release(&self, bytes: usize) {
        self.unflushed.fetch_sub(bytes, Ordering::AcqRel);
        self.room.notify_waiters();
    }

    /// Fails all further writes and notifies the process, once.
    pub(super) fn fail(&self, cause: &io::Error) {
        if !self.failed.swap(true, Ordering::AcqRel) {
            (self.on_fatal)(io::Error::new(cause.kind(), format!("the raft log cannot be written: {cause}")));
        }
        self.room.notify_waiters();
    }
}
