//! The clock of the limiters: the runtime's time, which tests and simulations control.

use governor::clock::Clock;
use std::time::Duration;
use tokio::time::Instant;

/// Time since its creation.
#[derive(Clone, Debug)]
pub(super) struct TokioClock(Instant);

impl TokioClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for TokioClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
