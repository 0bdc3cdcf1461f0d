//! The newest changes of configs in memory: one ring for all watchers, limited in number and bytes.
//!
//! A watcher has no queue here, only its position. One ring serves all published states: it may contain
//! changes newer than a reader's state, which the reader does not request.

use application::ports::{Changes, ChangesWanted, Place, Selection};
use domain::{ConfigRevision, Revision};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

/// Most changes in the ring.
pub const RECENT_CHANGES_MAX: usize = 16_384;
/// Largest size of the documents in the ring, in bytes; the newest revision stays whatever its size.
pub const RECENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The ring. Clones share it.
#[derive(Clone, Debug)]
pub struct Recent(Arc<RwLock<Ring>>);

#[derive(Debug)]
struct Ring {
    /// All changes after this revision are in the ring.
    complete_after: Revision,
    changes: VecDeque<(Place, Arc<ConfigRevision>)>,
    bytes: usize,
}

impl Recent {
    /// An empty ring for a state at this revision.
    pub(super) fn new(revision: Revision) -> Self {
        let ring = Ring { complete_after: revision, changes: VecDeque::new(), bytes: 0 };
        Self(Arc::new(RwLock::new(ring)))
    }

    /// Adds the next changes, in order.
    pub(super) fn add(&self, changes: impl Iterator<Item = (Place, Arc<ConfigRevision>)>) {
        let mut ring = self.write();
        for (place, shown) in changes {
            #[cfg(feature = "simulation")]
            if crate::planted_faults::is(crate::planted_faults::Fault::DropEvent)
                && place.revision.0.is_multiple_of(13)
            {
                continue;
            }
            ring.bytes += bytes(&shown);
            ring.changes.push_back((place, shown));
        }
        ring.shrink();
    }

    /// The requested changes; `None` if the ring does not reach back to their start.
    pub(super) fn read(&self, wanted: &ChangesWanted<'_>) -> Option<Changes> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if wanted.after < Place::end_of(ring.complete_after) {
            return None;
        }
        let mut selection = Selection::new(wanted);
        let first = ring.changes.partition_point(|(place, _)| *place <= wanted.after);
        for (place, shown) in ring.changes.range(first..) {
            let found = || Ok::<_, Infallible>(Some(shown.clone()));
            if !matches!(selection.offer(*place, &shown.id, found), Ok(true)) {
                break;
            }
        }
        Some(selection.finish())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Ring> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Removes the oldest revisions, each with all its changes, until the limits hold.
    fn shrink(&mut self) {
        while self.changes.len() > RECENT_CHANGES_MAX || self.bytes > RECENT_BYTES_MAX {
            let Some((oldest, newest)) = self.changes.front().zip(self.changes.back()) else { return };
            let oldest = oldest.0.revision;
            if oldest == newest.0.revision {
                return;
            }
            while let Some((_, shown)) = self.changes.pop_front_if(|(place, _)| place.revision == oldest) {
                self.bytes -= bytes(&shown);
            }
            self.complete_after = oldest;
        }
    }
}

fn bytes(shown: &ConfigRevision) -> usize {
    shown.content.as_ref().map_or(0, |content| content.as_str().len())
}
