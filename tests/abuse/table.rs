//! The result table.

use crate::ms;
use crate::neighbour::Sample;
use std::fmt;

/// Maximum number of failures shown per attack.
const SHOWN_MAX: usize = 6;

/// One line.
pub struct Row<'a> {
    pub name: &'a str,
    pub sample: &'a Sample,
    pub quiet: &'a Sample,
    pub memory_mib: u64,
    pub faults: &'a [String],
    pub note: &'a str,
}

pub fn heading() -> String {
    format!(
        "{:<18} {:<8} {:>8} {:>8} {:>9} {:>9} {:>7} {:>7} {:>8}  what the attacker got",
        "attack", "result", "requests", "failed", "p50 ms", "p99 ms", "max ms", "x quiet", "MiB more"
    )
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, sample, quiet, memory_mib, faults, note } = self;
        let result = if sample.failures.is_empty() && faults.is_empty() { "held" } else { "BAD" };
        write!(
            f,
            "{name:<18} {result:<8} {:>8} {:>8} {:>9.1} {:>9.1} {:>7.0} {:>7.1} {memory_mib:>8}  {note}",
            sample.times.len(),
            sample.failures.len(),
            ms(sample.p50()),
            ms(sample.p99()),
            ms(sample.max()),
            sample.p99().as_secs_f64() / quiet.p99().as_secs_f64().max(1e-9),
        )
    }
}

/// Prints the first failures.
pub fn explain(faults: &[String]) {
    for fault in faults.iter().take(SHOWN_MAX) {
        e2e::say(format_args!("    {fault}"));
    }
    if faults.len() > SHOWN_MAX {
        e2e::say(format_args!("    and {} more", faults.len() - SHOWN_MAX));
    }
}
