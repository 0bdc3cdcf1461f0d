//! The last uses of API keys: recorded in memory with an accuracy of five minutes, and saved in the
//! background.

use super::shared::Shared;
use crate::Error;
use domain::{ApiKey, KeyRef, Timestamp};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The accuracy, in milliseconds. A use within this time of the recorded one is not recorded.
const ACCURACY_MS: i64 = 300_000;
/// Most keys in memory. While the database is unavailable, uses of further keys are not recorded.
const RECORDED_MAX: usize = 100_000;
/// Most uses that are saved in one transaction.
const BATCH: usize = 500;

/// Records and reads the last uses of API keys.
#[derive(Clone)]
pub struct KeyUses {
    shared: Arc<Shared>,
    recorded: Arc<RwLock<BTreeMap<KeyRef, Use>>>,
}

#[derive(Clone, Copy)]
struct Use {
    at: Timestamp,
    saved: bool,
}

impl fmt::Debug for KeyUses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyUses")
    }
}

impl KeyUses {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, recorded: Arc::default() }
    }

    /// Records a use of a key now. Cheap enough to be called for each request.
    pub fn record(&self, key: &KeyRef) {
        let at = self.shared.now();
        let fresh = |last: &Use| (at.0 - last.at.0).abs() < ACCURACY_MS;
        if self.recorded.read().unwrap_or_else(PoisonError::into_inner).get(key).is_some_and(fresh) {
            return;
        }
        let mut recorded = self.recorded.write().unwrap_or_else(PoisonError::into_inner);
        let room = recorded.len() < RECORDED_MAX;
        match recorded.entry(key.clone()) {
            Entry::Vacant(entry) if room => drop(entry.insert(Use { at, saved: false })),
            Entry::Vacant(_) => {}
            Entry::Occupied(mut entry) => *entry.get_mut() = Use { at, saved: false },
        }
    }

    /// Saves the recorded uses and returns their number. Uses that cannot be saved stay in memory.
    pub async fn save(&self) -> Result<usize, Error> {
        let mut saved = 0;
        loop {
            let batch: Vec<(KeyRef, Timestamp)> = {
                let recorded = self.recorded.read().unwrap_or_else(PoisonError::into_inner);
                let unsaved = recorded.iter().filter(|(_, last)| !last.saved).take(BATCH);
                unsaved.map(|(key, last)| (key.clone(), last.at)).collect()
            };
            if batch.is_empty() {
                break;
            }
            self.shared.ports.key_uses.save(&batch).await?;
            saved += batch.len();
            let mut recorded = self.recorded.write().unwrap_or_else(PoisonError::into_inner);
            for (key, at) in batch {
                recorded.entry(key).and_modify(|last| last.saved |= last.at == at);
            }
        }
        let old = Timestamp(self.shared.now().0 - ACCURACY_MS);
        let mut recorded = self.recorded.write().unwrap_or_else(PoisonError::into_inner);
        recorded.retain(|_, last| !last.saved || last.at >= old);
        Ok(saved)
    }

    /// The last use of each of these keys, in the same order.
    ///
    /// - `None` for a key without a use within [`super::KEY_USES_KEPT_DAYS`], and for all keys while the
    ///   identity database is unavailable.
    /// - The keys must be of one project, or all of the platform, in order of ids. The caller has checked the
    ///   right to read them.
    pub async fn last(&self, keys: &[ApiKey]) -> Vec<Option<Timestamp>> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Vec::new() };
        let project = first.key.project.as_ref();
        let stored = match self.shared.ports.key_uses.last(project, &first.key.id, &last.key.id).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::debug!(%error, "the uses of API keys cannot be read");
                return vec![None; keys.len()];
            }
        };
        let stored: BTreeMap<_, _> = stored.into_iter().collect();
        let recorded = self.recorded.read().unwrap_or_else(PoisonError::into_inner);
        let of = |key: &ApiKey| {
            let recorded = recorded.get(&key.key).map(|last| last.at);
            stored.get(&key.key.id).copied().max(recorded)
        };
        keys.iter().map(of).collect()
    }
}
