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
const EXACT_MS: i64 = 300_000;
/// Most keys in memory. While the database is unavailable, uses of further keys are not recorded.
const NOTED_MAX: usize = 100_000;
/// Most uses that are saved in one transaction.
const SAVED_AT_ONCE: usize = 500;

/// Records and reads the last uses of API keys.
#[derive(Clone)]
pub struct KeyUses {
    shared: Arc<Shared>,
    noted: Arc<RwLock<BTreeMap<KeyRef, Noted>>>,
}

#[derive(Clone, Copy)]
struct Noted {
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
        Self { shared, noted: Arc::default() }
    }

    /// Records a use of a key now. Cheap enough to be called for each request.
    pub fn note(&self, key: &KeyRef) {
        let at = self.shared.now();
        let fresh = |noted: &Noted| (at.0 - noted.at.0).abs() < EXACT_MS;
        if self.noted.read().unwrap_or_else(PoisonError::into_inner).get(key).is_some_and(fresh) {
            return;
        }
        let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
        let room = noted.len() < NOTED_MAX;
        match noted.entry(key.clone()) {
            Entry::Vacant(entry) if room => drop(entry.insert(Noted { at, saved: false })),
            Entry::Vacant(_) => {}
            Entry::Occupied(mut entry) => *entry.get_mut() = Noted { at, saved: false },
        }
    }

    /// Saves the recorded uses and returns their number. Uses that cannot be saved stay in memory.
    pub async fn save(&self) -> Result<usize, Error> {
        let mut saved = 0;
        loop {
            let batch: Vec<(KeyRef, Timestamp)> = {
                let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
                let unsaved = noted.iter().filter(|(_, noted)| !noted.saved).take(SAVED_AT_ONCE);
                unsaved.map(|(key, noted)| (key.clone(), noted.at)).collect()
            };
            if batch.is_empty() {
                break;
            }
            self.shared.ports.key_uses.save(&batch).await?;
            saved += batch.len();
            let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
            for (key, at) in batch {
                noted.entry(key).and_modify(|noted| noted.saved |= noted.at == at);
            }
        }
        let old = Timestamp(self.shared.now().0 - EXACT_MS);
        let mut noted = self.noted.write().unwrap_or_else(PoisonError::into_inner);
        noted.retain(|_, noted| !noted.saved || noted.at >= old);
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
        let noted = self.noted.read().unwrap_or_else(PoisonError::into_inner);
        let of = |key: &ApiKey| {
            let noted = noted.get(&key.key).map(|noted| noted.at);
            stored.get(&key.key.id).copied().max(noted)
        };
        keys.iter().map(of).collect()
    }
}
