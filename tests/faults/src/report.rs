//! The result of each scenario, as a line of text and as JSON.

use serde::Serialize;
use std::time::Duration;

/// The verdict of a scenario.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No violation.
    Held,
    /// A control: the planted fault was detected.
    Caught,
    /// There are violations.
    Violated,
    /// A control: the planted fault was not detected.
    Missed,
    /// The machine lacks a required tool.
    NotRun,
}

impl Verdict {
    /// Whether the program may exit with success.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Held | Self::Caught | Self::NotRun)
    }

    fn text(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Caught => "control: caught",
            Self::Violated => "VIOLATED",
            Self::Missed => "control: MISSED",
            Self::NotRun => "not run",
        }
    }
}

/// The result of a scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The id of the scenario.
    pub id: &'static str,
    /// The injected fault.
    pub what: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// The seed of random choices; the timing is not reproducible.
    pub seed: u64,
    /// The number of injections.
    pub injected: u64,
    /// The number of client operations.
    pub operations: usize,
    /// The number of acknowledged changes.
    pub acknowledged: usize,
    /// The number of changes with an unknown outcome.
    pub unknown: usize,
    /// The violations.
    pub violations: Vec<String>,
    /// Measurements, or the reason why it was not run.
    pub notes: Vec<String>,
    /// The duration in seconds.
    pub seconds: f64,
}

impl Row {
    /// The row of a scenario that the machine cannot run.
    pub fn not_run(id: &'static str, what: &'static str, seed: u64, why: String) -> Self {
        Self {
            id,
            what,
            verdict: Verdict::NotRun,
            seed,
            injected: 0,
            operations: 0,
            acknowledged: 0,
            unknown: 0,
            violations: Vec::new(),
            notes: vec![why],
            seconds: 0.0,
        }
    }

    /// Sets the duration.
    #[must_use]
    pub fn took(self, time: Duration) -> Self {
        Self { seconds: time.as_secs_f64(), ..self }
    }

    /// The line of text.
    pub fn line(&self) -> String {
        let Self { id, what, injected, operations, acknowledged, unknown, seconds, .. } = self;
        if self.verdict == Verdict::NotRun {
            return format!("{id:<13} not run: {}  ({what})", self.notes.join("; "));
        }
        let counts = format!(
            "{injected:>4} injected {operations:>6} ops {acknowledged:>6} acked {unknown:>4} unknown {:>3} violations",
            self.violations.len()
        );
        let notes = self.notes.join("; ");
        format!("{id:<13} {:<15} {counts} {seconds:>6.1} s  {what} | {notes}", self.verdict.text())
    }
}

/// The JSON report.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// The seed of the run.
    pub seed: u64,
    /// The duration of fault injection per scenario.
    pub seconds: u64,
    /// The program under test.
    pub binary: &'a str,
    /// The scenarios.
    pub rows: &'a [Row],
}
