//! What came of each scenario: a line for people, and the same as JSON.

use serde::Serialize;
use std::time::Duration;

/// How a scenario ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything held.
    Held,
    /// A control whose planted fault was found.
    Caught,
    /// Something must not be.
    Violated,
    /// A control whose planted fault was not found.
    Missed,
    /// The machine lacks something.
    NotRun,
}

impl Verdict {
    /// Whether the program may end well.
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

/// One scenario's line.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which.
    pub id: &'static str,
    /// What is injected.
    pub what: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// The seed of its chance; the timing is not replayed.
    pub seed: u64,
    /// How often something was injected.
    pub injected: u64,
    /// Operations of the clients.
    pub operations: usize,
    /// Changes that were acknowledged.
    pub acknowledged: usize,
    /// Changes that may or may not have happened.
    pub unknown: usize,
    /// What must not be.
    pub violations: Vec<String>,
    /// What was measured, or why it was not run.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Row {
    /// A scenario that the machine cannot run.
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

    /// Sets the time that it took.
    #[must_use]
    pub fn took(self, time: Duration) -> Self {
        Self { seconds: time.as_secs_f64(), ..self }
    }

    /// The line for people.
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

/// Everything, for the file.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// The seed of the run.
    pub seed: u64,
    /// For how long each scenario injects.
    pub seconds: u64,
    /// The program under test.
    pub binary: &'a str,
    /// The scenarios.
    pub rows: &'a [Row],
}
