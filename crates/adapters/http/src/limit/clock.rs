//! The time that limiters go by: that of the runtime, which tests and simulations steer.

use governor::clock::Clock;
use std::time::Duration;
use tokio::time::Instant;

/// Time since it was made.
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
