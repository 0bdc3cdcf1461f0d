//! A small fuzzer for stable Rust: kept inputs first, then mutated and random ones until the time is over.
//!
//! A property is a function of bytes that panics when it does not hold, so every failure is a file that can be
//! run again. It is not guided by coverage: the kept inputs in `corpus/` carry what is worth mutating. Knows
//! nothing of Guardian.

mod corpus;
mod driver;
mod failure;
mod mutate;
mod settings;
mod source;
mod watch;

pub use driver::{Target, corpus_folder};
pub use mutate::mutated;
pub use source::Source;

use std::io::Write as _;

/// Tells whoever runs the tests, also when they pass.
pub fn say(text: impl std::fmt::Display) {
    // Nobody may be there to hear it.
    let _ = writeln!(std::io::stderr(), "{text}");
}
