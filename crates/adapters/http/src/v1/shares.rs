//! Bounds that each project and each principal has before the node as a whole has: nobody takes what others need.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many places each of those who share has.
#[derive(Debug)]
pub(super) struct Shares<K>(Arc<Mutex<BTreeMap<K, usize>>>);

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share<K: Ord> {
    whose: K,
    counts: Arc<Mutex<BTreeMap<K, usize>>>,
}

impl<K> Default for Shares<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Ord> Shares<K> {
    /// Takes one more place of at most `max`; `None` when there is none.
    pub(super) fn take(&self, whose: &K, max: usize) -> Option<Share<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = counts.get(whose).copied().unwrap_or_default();
        if held >= max {
            return None;
        }
        counts.insert(whose.clone(), held + 1);
        Some(Share { whose: whose.clone(), counts: self.0.clone() })
    }
}

impl<K: Ord> Drop for Share<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.whose) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.whose)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_as_many_as_they_may() {
        let shares = Shares::default();
        let first = shares.take(&"a", 2);
        let second = shares.take(&"a", 2);
        assert!(first.is_some() && second.is_some());
        assert!(shares.take(&"a", 2).is_none());
        assert!(shares.take(&"b", 2).is_some(), "another's are not touched");
        drop(first);
        assert!(shares.take(&"a", 2).is_some());
    }
}
