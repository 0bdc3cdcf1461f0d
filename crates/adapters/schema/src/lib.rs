//! JSON Schema: compiling what clients offer and checking documents against it.
//!
//! Schemas come from tenants, so each passes the guards before it is used: limits, no reference out of the
//! project's own schemas, patterns that match in linear time, and a bound on how often one value of a document
//! can be looked at. A check counts its own steps ([`CHECK_STEPS_MAX`]) and runs on threads of its own, where
//! projects take turns. Nothing here opens a file or a connection.
//!
//! The evaluation is our own, for three promises that no library makes together: numbers are compared as they
//! are written, every step of a check is counted, and what counts is what evaluates. The library that it
//! replaces still says what a meta-schema allows and what a format is.

mod closure;
mod compile;
mod cost;
mod dialect;
mod engine;
mod evaluate;
mod format;
mod keywords;
mod limits;
mod link;
mod meta;
mod number;
mod pattern;
mod pool;
mod program;
mod reference;
mod uri;
mod value;
mod violation;

#[cfg(test)]
mod tests;

pub use cost::{EVALUATIONS_MAX, IN_PLACE_DEPTH_MAX};
pub use engine::{CACHE_WEIGHT_MAX, JsonSchemaEngine};
pub use evaluate::CHECK_STEPS_MAX;
pub use format::FORMATS;
pub use number::{NUMBER_DIGITS_MAX, NUMBER_EXPONENT_MAX};
pub use pool::{PROJECT_WAITING_MAX, WAIT_MAX, WAITING_MAX};
pub use violation::{MESSAGE_CHARS_MAX, VIOLATIONS_MAX};
