//! A clock that only the test advances.

use crate::ports::Clock;
use domain::Timestamp;
use std::sync::atomic::{AtomicI64, Ordering};

/// A clock that only the test advances.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock at `at_ms`, in milliseconds since 1970.
    pub fn new(at_ms: i64) -> Self {
        Self(AtomicI64::new(at_ms))
    }

    /// Advances the clock by `by_ms` milliseconds; negative values set it back.
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}
