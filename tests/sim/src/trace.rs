//! The trace of a run. Two runs of one seed have the same trace, byte for byte.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The trace, the counts of faults, and the violations.
#[derive(Debug, Default)]
pub struct Trace {
    pub text: String,
    pub counts: BTreeMap<String, u64>,
    pub violations: Vec<String>,
    pub now_ms: u64,
}

impl Trace {
    /// Writes a line.
    pub fn line(&mut self, what: fmt::Arguments<'_>) {
        writeln!(self.text, "{:>7} {what}", self.now_ms).expect("a string takes every line");
    }

    /// Counts an event and writes a line.
    pub fn count(&mut self, what: &str, detail: fmt::Arguments<'_>) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
        self.line(format_args!("{what} {detail}"));
    }

    /// Records a violation.
    pub fn violation(&mut self, what: fmt::Arguments<'_>) {
        self.line(format_args!("VIOLATION {what}"));
        self.violations.push(what.to_string());
    }
}
