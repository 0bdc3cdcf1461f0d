//! What a check found.

use crate::event::Event;
use std::fmt;

/// What a check found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How many operations were looked at.
    pub operations: usize,
    /// What must not be.
    pub violations: Vec<Violation>,
}

/// Something that must not be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which rule it breaks.
    pub rule: Rule,
    /// The numbers of the events that show it.
    pub events: Vec<usize>,
    /// One sentence, with the events and what they say.
    pub text: String,
}

/// What holds of every history.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// An acknowledged change is in the truth, where and as it was acknowledged.
    Acknowledged,
    /// No change happens twice.
    Once,
    /// A change that was refused, or never sent, did not happen.
    Refused,
    /// What is in the truth was asked for by somebody.
    Asked,
    /// A committed document is the one that was written, or the one that was rolled back to.
    Content,
    /// The versions of a key have no gap and never start again; revisions grow and are unique.
    Versions,
    /// The cluster's account of itself has no contradiction.
    Account,
    /// A change happened only where its precondition held.
    Precondition,
    /// A writer's picture of the version it replaced is that version.
    Predecessor,
    /// All parts of a transaction happened at one revision, where its checks held, or none did.
    Whole,
    /// What is asked for again with an idempotency key happens once and is answered alike; another request with
    /// the key is refused.
    Replay,
    /// Only what the retention lets go goes from the history, and what went is not shown.
    Kept,
    /// An answer is no older than any answer that came before it was asked for, and no newer than a
    /// change that was asked for after it.
    RealTime,
    /// A read shows the state at the revision it says.
    Read,
    /// A list shows exactly the keys at its revision.
    List,
    /// A read is not older than the revision it asked for.
    MinRevision,
    /// What one client is shown does not go back, when it says how far it is.
    Session,
    /// Some state that the change could have met explains why it was refused.
    Refusal,
    /// At every revision every bound document satisfies its schema.
    Schema,
    /// A watcher is told every change once, in order, and nothing else.
    Watch,
    /// An answer has the form that the contract gives it.
    Form,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} operations, {} violations", self.operations, self.violations.len())?;
        self.violations.iter().try_for_each(|violation| write!(f, "\n{violation}"))
    }
}

/// Violations as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    /// About the truth alone.
    pub(super) fn add(&mut self, rule: Rule, text: String) {
        self.0.push(Violation { rule, events: Vec::new(), text });
    }

    /// About one event.
    pub(super) fn about(&mut self, rule: Rule, event: &Event, text: impl fmt::Display) {
        self.0.push(Violation { rule, events: vec![event.number], text: format!("{event}: {text}") });
    }

    /// About two events.
    pub(super) fn between(&mut self, rule: Rule, event: &Event, other: &Event, text: impl fmt::Display) {
        let text = format!("{event}: {text} ({other})");
        self.0.push(Violation { rule, events: vec![event.number, other.number], text });
    }

    pub(super) fn report(self, operations: usize) -> Report {
        Report { operations, violations: self.0 }
    }
}
