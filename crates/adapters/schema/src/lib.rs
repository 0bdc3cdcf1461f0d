//! JSON Schema: compiling what clients offer and checking documents against it.
//!
//! Schemas come from tenants, so each passes the guards before it is compiled: limits, no reference
//! out of the project's own schemas, patterns that match in linear time, and a bound on how often one value of a
//! document can be looked at. Nothing here opens a file or a connection.
//!
//! Not bounded by a deadline: a check may cost (values in the document) × [`EVALUATIONS_MAX`]
//! evaluations, and one evaluation of `enum` or `uniqueItems` is as long as what it compares.

mod closure;
mod compile;
mod cost;
mod dialect;
mod engine;
mod graph;
mod keywords;
mod limits;
mod reference;
mod uri;
mod violation;

#[cfg(test)]
mod tests;

pub use cost::{EVALUATIONS_MAX, IN_PLACE_DEPTH_MAX};
pub use engine::{CACHE_WEIGHT_MAX, INLINE_BYTES_MAX, JsonSchemaEngine, SURVEY_THREADS_MAX};
pub use violation::{MESSAGE_CHARS_MAX, VIOLATIONS_MAX};
