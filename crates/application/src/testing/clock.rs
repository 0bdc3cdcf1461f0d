//! A clock that stands still until the test moves it.

use crate::ports::Clock;
use domain::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that stands still until the test moves it.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that shows `at_ms`, in milliseconds since 1970.
    pub fn new(at_ms: i64) -> Self {
        Self(AtomicI64::new(at_ms))
    }

    /// Moves on (or back) by so many milliseconds.
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
