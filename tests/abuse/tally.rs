//! Counts of the responses to the attacker.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Maximum number of kinds of responses shown.
const SHOWN_MAX: usize = 6;

/// Counts by status and code.
#[derive(Debug, Default)]
pub struct Tally(Mutex<BTreeMap<String, u64>>);

impl Tally {
    pub fn count(&self, what: impl Into<String>) {
        self.add(what, 1);
    }

    pub fn add(&self, what: impl Into<String>, more: u64) {
        *self.all().entry(what.into()).or_default() += more;
    }

    /// The count of one kind.
    pub fn of(&self, what: &str) -> u64 {
        self.all().get(what).copied().unwrap_or_default()
    }

    /// The most frequent kinds.
    pub fn line(&self) -> String {
        let mut all: Vec<(String, u64)> =
            self.all().iter().map(|(what, count)| (what.clone(), *count)).collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let shown: Vec<String> =
            all.iter().take(SHOWN_MAX).map(|(what, count)| format!("{count} x {what}")).collect();
        shown.join(", ")
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
