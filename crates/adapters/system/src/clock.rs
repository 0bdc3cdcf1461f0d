//! The wall clock of the operating system.

use application::ports::Clock;
use domain::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this adapter is where the time of day comes from")]
        let now = SystemTime::now();
        // A clock before 1970 reads as 1970.
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_in_milliseconds_of_this_century() {
        let now = SystemClock.now();
        assert!(now > Timestamp(1_700_000_000_000), "{now:?} is after 2023");
        assert!(now < Timestamp(4_102_444_800_000), "{now:?} is before 2100");
    }
}
