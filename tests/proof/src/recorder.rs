//! The history as it is made. One counter gives every beginning and every end its moment.

use crate::client::Focus;
use crate::event::{Event, Outcome};
use crate::operation::Operation;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where all clients of a run write down what they do. A clone writes to the same history.
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

/// How many operations came to what.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// All.
    pub operations: usize,
    /// Changes that were promised.
    pub acknowledged: usize,
    /// Transactions among them that changed something.
    pub transactions: usize,
    /// Answers among them that were given before.
    pub replayed: usize,
    /// Changes and reads that were refused, or never left.
    pub refused: usize,
    /// Changes that may or may not have happened.
    pub unknown: usize,
    /// Reads that were answered.
    pub reads: usize,
}

impl Recorder {
    /// An empty history.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything up to now, in the order in which it began.
    pub fn events(&self) -> Vec<Event> {
        self.history().events.clone()
    }

    /// How many operations came to what up to now.
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

    /// Has all clients do the same from now on, or what they like.
    pub fn set_focus(&self, focus: Option<Focus>) {
        self.history().focus = focus;
    }

    /// What all clients are to do at the moment.
    pub fn focus(&self) -> Option<Focus> {
        self.history().focus
    }

    /// A number that no other change of this history has.
    pub(crate) fn serial(&self) -> u64 {
        let mut history = self.history();
        history.serial += 1;
        history.serial
    }

    /// The number of an idempotency key that nobody used yet.
    pub(crate) fn token(&self) -> u64 {
        let mut history = self.history();
        history.token += 1;
        history.token
    }

    /// Notes that an operation begins, with an idempotency key or without; gives its number. Until its end is noted it may have happened.
    pub(crate) fn begin(&self, client: usize, node: &str, token: Option<u64>, operation: Operation) -> usize {
        let mut history = self.history();
        history.moment += 1;
        let (number, begin) = (history.events.len(), history.moment);
        let (node, outcome, end, replayed) = (node.to_owned(), Outcome::Pending, None, false);
        let event = Event { number, client, node, begin, end, token, replayed, operation, outcome };
        history.events.push(event);
        number
    }

    /// Notes that a list is read on through another node.
    pub(crate) fn also_through(&self, number: usize, node: &str) {
        if let Some(event) = self.history().events.get_mut(number)
            && event.node.split('+').all(|name| name != node)
        {
            event.node = format!("{}+{node}", event.node);
        }
    }

    /// Notes what came back, and whether it says that it is the answer to an earlier request.
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
