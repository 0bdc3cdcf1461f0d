//! The result of a check.

use crate::event::Event;
use std::fmt;

/// The result of a check.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// The number of checked operations.
    pub operations: usize,
    /// The violations.
    pub violations: Vec<Violation>,
}

/// A violation of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The violated rule.
    pub rule: Rule,
    /// The numbers of the events that show it.
    pub events: Vec<usize>,
    /// One sentence that quotes the events.
    pub text: String,
}

/// The rules that every history must satisfy.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// An acknowledged change is in the truth as it was acknowledged.
    Acknowledged,
    /// No change is applied twice.
    Once,
    /// A refused or unsent change was not applied.
    Refused,
    /// Every change in the truth was requested by a client.
    Asked,
    /// A committed document is the written one, or the one of the version rolled back to.
    Content,
    /// The versions of a key have no gaps and never restart; revisions increase and are unique.
    Versions,
    /// The cluster's account does not contradict itself.
    Account,
    /// A change was applied only if its precondition held.
    Precondition,
    /// The version that a writer replaced is the one that it had seen.
    Predecessor,
    /// All parts of a transaction were applied at one revision where its checks held, or none was.
    Whole,
    /// A retry with an idempotency key is applied once and gets the same response; another request with the
    /// key is refused.
    Replay,
    /// Only versions beyond the retention are pruned, and pruned versions are not shown.
    Kept,
    /// A response is not older than any response received before its request, and not newer than a change
    /// requested after it.
    RealTime,
    /// A read shows the state at its stated revision.
    Read,
    /// A list shows exactly the keys at its revision.
    List,
    /// A read is not older than the requested revision.
    MinRevision,
    /// The revisions shown to one client with a floor never decrease.
    Session,
    /// Some state that the change may have met explains its refusal.
    Refusal,
    /// At every revision every bound document satisfies its schema.
    Schema,
    /// A watcher receives every change once, in order, and nothing else.
    Watch,
    /// A response has the form that the API contract requires.
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

/// Collects violations.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    /// Adds a violation of the truth alone.
    pub(super) fn add(&mut self, rule: Rule, text: String) {
        self.0.push(Violation { rule, events: Vec::new(), text });
    }

    /// Adds a violation shown by one event.
    pub(super) fn about(&mut self, rule: Rule, event: &Event, text: impl fmt::Display) {
        self.0.push(Violation { rule, events: vec![event.number], text: format!("{event}: {text}") });
    }

    /// Adds a violation shown by two events.
    pub(super) fn between(&mut self, rule: Rule, event: &Event, other: &Event, text: impl fmt::Display) {
        let text = format!("{event}: {text} ({other})");
        self.0.push(Violation { rule, events: vec![event.number, other.number], text });
    }

    pub(super) fn report(self, operations: usize) -> Report {
        Report { operations, violations: self.0 }
    }
}
