//! Reading changes of configs: the changes after a position in the change order, and a signal that there are
//! more.
//!
//! Watchers have no queue. Each holds its position and reads on from there, however long it was away.

use crate::KeyFilter;
use async_trait::async_trait;
use domain::{ConfigId, ConfigRevision, EnvironmentId, Revision};
use std::fmt;
use std::sync::Arc;

/// Most changes that one read returns.
pub const CHANGES_READ_MAX: usize = 64;
/// A read returns no further change once the documents of the returned ones exceed this size, in bytes.
pub const CHANGES_READ_BYTES_MAX: usize = 256 * 1024;
/// Most changes, of any environment, that one read examines.
pub const CHANGES_LOOKED_AT_MAX: usize = 1024;

/// A position in the change order: a revision, and the index of a change within it, from 0.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The revision.
    pub revision: Revision,
    /// The index of the change in its revision.
    pub index: u32,
}

impl Place {
    /// The position after all changes of the revision.
    pub fn end_of(revision: Revision) -> Self {
        Self { revision, index: u32::MAX }
    }

    /// Whether the position is at the end of a revision rather than inside it.
    pub fn is_end(self) -> bool {
        self.index == u32::MAX
    }
}

/// The changes that a watcher requests.
#[derive(Clone, Copy, Debug)]
pub struct ChangesWanted<'a> {
    /// The environment.
    pub environment: &'a EnvironmentId,
    /// The config keys.
    pub filter: &'a KeyFilter,
    /// The position after which to start.
    pub after: Place,
    /// The last revision to read. The archive must have reached it.
    pub through: Revision,
}

impl ChangesWanted<'_> {
    fn cover(&self, id: &ConfigId) -> bool {
        id.environment == self.environment.name
            && id.project == self.environment.project
            && self.filter.covers(&id.key)
    }
}

/// A change of a config.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its position in the change order.
    pub place: Place,
    /// Whether it is the last requested change of its revision.
    pub last_of_revision: bool,
    /// The version that it created.
    pub shown: Arc<ConfigRevision>,
}

/// The result of one read.
#[derive(Clone, Debug)]
pub enum Changes {
    /// The requested changes from `after` to `up_to`, in order; may be empty. There is more to read unless
    /// `up_to` is the end of the revision `through`.
    Kept {
        /// The changes.
        changes: Vec<Change>,
        /// The position up to which all changes were examined.
        up_to: Place,
    },
    /// Some changes after the position were pruned.
    Gone,
}

/// Selects the requested changes from all changes, which are offered in order.
#[derive(Debug)]
pub struct Selection<'a> {
    wanted: &'a ChangesWanted<'a>,
    picked: Vec<Change>,
    bytes: usize,
    looked_at: usize,
    at: Place,
    cut: bool,
    gone: bool,
}

impl<'a> Selection<'a> {
    /// An empty selection.
    pub fn new(wanted: &'a ChangesWanted<'a>) -> Self {
        let at = wanted.after;
        Self { wanted, picked: Vec::new(), bytes: 0, looked_at: 0, at, cut: false, gone: false }
    }

    /// Offers the next change.
    ///
    /// - `shown` loads the created version; `None` means that it was pruned.
    /// - Returns whether to offer more.
    pub fn offer<E>(
        &mut self,
        place: Place,
        id: &ConfigId,
        shown: impl FnOnce() -> Result<Option<Arc<ConfigRevision>>, E>,
    ) -> Result<bool, E> {
        if place.revision > self.wanted.through {
            return Ok(false);
        }
        let full = self.picked.len() >= CHANGES_READ_MAX || self.bytes >= CHANGES_READ_BYTES_MAX;
        let enough = full || self.looked_at >= CHANGES_LOOKED_AT_MAX;
        // Examines a revision to its end, to know which of its changes is the last.
        if enough && place.revision > self.at.revision {
            self.cut = true;
            return Ok(false);
        }
        self.looked_at += 1;
        if self.wanted.cover(id) {
            if let Some(before) = self.picked.last_mut().filter(|last| last.place.revision == place.revision)
            {
                before.last_of_revision = false;
            }
            if full {
                self.cut = true;
                return Ok(false);
            }
            let Some(shown) = shown()? else {
                self.gone = true;
                return Ok(false);
            };
            self.bytes += shown.content.as_ref().map_or(0, |content| content.as_str().len());
            self.picked.push(Change { place, last_of_revision: true, shown });
        }
        self.at = place;
        Ok(true)
    }

    /// The position of the last examined change; offers continue after it.
    pub fn at(&self) -> Place {
        self.at
    }

    /// The result, once all changes were offered or [`Self::offer`] returned false.
    pub fn finish(self) -> Changes {
        if self.gone {
            return Changes::Gone;
        }
        let up_to = if self.cut { self.at } else { Place::end_of(self.wanted.through) };
        Changes::Kept { changes: self.picked, up_to }
    }
}

/// Notifies one watcher of changes in an environment.
#[async_trait]
pub trait ChangeSignal: Send + fmt::Debug {
    /// The last revision that may have changed the environment. No change lies between it and the revision of
    /// a view that was taken before the call.
    fn newest(&self) -> Revision;

    /// Waits until the environment, or the rights to read it, changed since the last call or since the signal
    /// was created.
    ///
    /// - Returns `false` if the node is stopping and no more notifications will come.
    /// - Cancel-safe: dropping the future loses no notification.
    async fn changed(&mut self) -> bool;
}
