//! Slots per project or principal, so that one of them cannot use up the slots of the node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The number of used slots of each key.
#[derive(Debug)]
pub(super) struct Shares<K>(Arc<Mutex<BTreeMap<K, usize>>>);

/// A slot, released on drop.
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
    /// Takes a slot; `None` if the key already uses `max` of them.
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
