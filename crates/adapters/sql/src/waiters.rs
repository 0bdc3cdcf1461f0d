//! Attempts that wait for pending ones of the same key, limited for each key and in total.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most waiters for one key.
const PER_KEY_MAX: u32 = 32;
/// Most waiters of this process.
const WAITERS_MAX: u32 = 256;

/// The number of waiters for each key.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<BTreeMap<String, u32>>);

/// A waiter; leaves when dropped.
pub(crate) struct Waiter {
    all: Arc<Waiters>,
    key: String,
}

impl Waiters {
    /// Adds a waiter for the key; `None` if there are too many.
    pub(crate) fn enter(self: &Arc<Self>, key: &str) -> Option<Waiter> {
        let mut counts = self.counts();
        let of_key = counts.get(key).copied().unwrap_or_default();
        if of_key >= PER_KEY_MAX || counts.values().sum::<u32>() >= WAITERS_MAX {
            return None;
        }
        counts.insert(key.to_owned(), of_key + 1);
        Some(Waiter { all: self.clone(), key: key.to_owned() })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<String, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        match counts.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_does_not_take_every_slot() {
        let waiters = Arc::new(Waiters::default());
        let of_a: Vec<_> = (0..PER_KEY_MAX).map_while(|_| waiters.enter("a")).collect();
        assert_eq!(of_a.len(), PER_KEY_MAX as usize);
        assert!(waiters.enter("a").is_none());
        let others: Vec<_> = (0..WAITERS_MAX).map_while(|n| waiters.enter(&format!("b{n}"))).collect();
        assert_eq!(others.len(), (WAITERS_MAX - PER_KEY_MAX) as usize);
        drop(of_a);
        assert!(waiters.enter("a").is_some());
    }
}
