//! Records a history. One counter gives each begin and each end its moment.

use crate::client::Focus;
use crate::event::{Event, Outcome};
use crate::operation::Operation;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records the operations of all clients of a run. Clones write to the same history.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<History>>);

#[derive(Debug, Default)]
struct History {
    events: Vec<Event>,
    moment: u64,
    serial: u64,
    token: u64,
    focus: Option<Focus>,
}

/// Counts of operations by outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// All operations.
    pub operations: usize,
    /// Acknowledged changes.
    pub acknowledged: usize,
    /// Acknowledged transactions that changed a config.
    pub transactions: usize,
    /// Acknowledged changes that were replayed.
    pub replayed: usize,
    /// Refused or unsent changes and reads.
    pub refused: usize,
    /// Changes with an unknown outcome.
    pub unknown: usize,
    /// Answered reads.
    pub reads: usize,
}

impl Recorder {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events so far, in order of begin.
    pub fn events(&self) -> Vec<Event> {
        self.history().events.clone()
    }

    /// The counts so far.
    pub fn summary(&self) -> Counts {
        let mut counts = Counts::default();
        for event in &self.history().events {
            counts.operations += 1;
            match &event.outcome {
                outcome if outcome.is_acknowledged() && event.operation.is_change() => {
                    counts.acknowledged += 1;
                    counts.replayed += usize::from(event.replayed);
                    let transaction = matches!(outcome, Outcome::Transacted { .. });
                    counts.transactions += usize::from(transaction);
                }
                Outcome::Refused { .. } | Outcome::Unsent { .. } => counts.refused += 1,
                Outcome::Found { .. }
                | Outcome::Unchanged { .. }
                | Outcome::Listed { .. }
                | Outcome::Transacted { .. } => {
                    counts.reads += 1;
                }
                _ if event.operation.is_change() => counts.unknown += 1,
                _ => {}
            }
        }
        counts
    }

    /// Sets or clears the focus of all clients.
    pub fn set_focus(&self, focus: Option<Focus>) {
        self.history().focus = focus;
    }

    /// The current focus of all clients.
    pub fn focus(&self) -> Option<Focus> {
        self.history().focus
    }

    /// A new serial number, unique in this history.
    pub(crate) fn serial(&self) -> u64 {
        let mut history = self.history();
        history.serial += 1;
        history.serial
    }

    /// A new number for an idempotency key.
    pub(crate) fn token(&self) -> u64 {
        let mut history = self.history();
        history.token += 1;
        history.token
    }

    /// Records the begin of an operation, optionally with an idempotency key; returns its number. Until its
    /// end is recorded it may have happened.
    pub(crate) fn begin(&self, client: usize, node: &str, token: Option<u64>, operation: Operation) -> usize {
        let mut history = self.history();
        history.moment += 1;
        let (number, begin) = (history.events.len(), history.moment);
        let (node, outcome, end, replayed) = (node.to_owned(), Outcome::Pending, None, false);
        let event = Event { number, client, node, begin, end, token, replayed, operation, outcome };
        history.events.push(event);
        number
    }

    /// Records that a list is continued through another node.
    pub(crate) fn also_through(&self, number: usize, node: &str) {
        if let Some(event) = self.history().events.get_mut(number)
            && event.node.split('+').all(|name| name != node)
        {
            event.node = format!("{}+{node}", event.node);
        }
    }

    /// Records the outcome, and whether it was replayed.
    pub(crate) fn end(&self, number: usize, outcome: Outcome, replayed: bool) {
        let mut history = self.history();
        history.moment += 1;
        let moment = history.moment;
        if let Some(event) = history.events.get_mut(number) {
            event.end = Some(moment);
            event.outcome = outcome;
            event.replayed = replayed;
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
