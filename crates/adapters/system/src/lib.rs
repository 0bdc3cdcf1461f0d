//! Sources of nondeterminism on this machine: the wall clock and new identifiers.
//!
//! The only crate that may read the wall clock.

mod clock;
mod ids;

pub use clock::SystemClock;
pub use ids::RandomIds;
