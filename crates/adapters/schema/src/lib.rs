//! JSON Schema: compiles offered schemas and validates documents.
//!
//! Schemas are untrusted tenant input. Each is checked before use:
//!
//! - size limits;
//! - references only to schemas of the same project;
//! - patterns that match in linear time;
//! - a bound on the evaluations of one value of a document.
//!
//! A check counts its steps ([`CHECK_STEPS_MAX`]) and runs on a dedicated thread pool that projects share
//! fairly. This crate opens no file and no connection.
//!
//! The evaluation is written here because no library offers all three: exact number comparison, a count of
//! every step, and one implementation for both the cost bound and the evaluation. The `jsonschema` library
//! validates schemas against meta-schemas and checks formats.

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
