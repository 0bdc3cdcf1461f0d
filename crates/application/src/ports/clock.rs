//! The wall clock.

use domain::Timestamp;

/// Tells the wall-clock time. Only for stamping commands and judging expiry, never for ordering.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}
