//! The wall clock.

use domain::Timestamp;

/// The wall clock. Only for stamping commands and checking expiry, never for ordering.
pub trait Clock: Send + Sync {
    /// The current time.
    fn now(&self) -> Timestamp;
}
