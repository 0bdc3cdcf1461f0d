//! The wall clock and fresh identifiers of this machine: everything that is different in every run.
//!
//! The only crate that may ask for the time of day.

mod clock;
mod ids;

pub use clock::SystemClock;
pub use ids::RandomIds;
