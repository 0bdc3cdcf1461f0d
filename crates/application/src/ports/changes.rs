//! Following changes of configs: what came after a place in the order of all, and a signal for more.
//!
//! Nobody who follows has a queue: a follower holds its place and reads on from there, however long it
//! was away.

use crate::KeyFilter;
use async_trait::async_trait;
use domain::{ConfigId, ConfigRevision, EnvironmentId, Revision};
use std::fmt;
use std::sync::Arc;

/// Most changes that one read gives.
pub const CHANGES_READ_MAX: usize = 64;
/// One read gives no further change once their documents have this many bytes together.
pub const CHANGES_READ_BYTES_MAX: usize = 256 * 1024;
/// Most changes, of whatever environment, that one read looks at.
pub const CHANGES_LOOKED_AT_MAX: usize = 1024;

/// A place in the order of all changes: a revision, and within it the changes count from 0.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Place {
    /// The revision.
    pub revision: Revision,
    /// Which of its changes.
    pub index: u32,
}

impl Place {
    /// After every change of the revision.
    pub fn end_of(revision: Revision) -> Self {
        Self { revision, index: u32::MAX }
    }

    /// Whether it is between two revisions, not inside one.
    pub fn is_end(self) -> bool {
        self.index == u32::MAX
    }
}

/// Which changes a follower wants to read.
#[derive(Clone, Copy, Debug)]
pub struct ChangesWanted<'a> {
    /// Of this environment.
    pub environment: &'a EnvironmentId,
    /// Of these keys.
    pub filter: &'a KeyFilter,
    /// After this place.
    pub after: Place,
    /// Up to this revision, which the archive's view has reached.
    pub through: Revision,
}

impl ChangesWanted<'_> {
    fn cover(&self, id: &ConfigId) -> bool {
        id.environment == self.environment.name
            && id.project == self.environment.project
            && self.filter.covers(&id.key)
    }
}

/// One change of one config.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where it is in the order of all.
    pub place: Place,
    /// Whether it is the last of its revision among those that are wanted.
    pub last_of_revision: bool,
    /// The version that it made.
    pub shown: Arc<ConfigRevision>,
}

/// What one read gives.
#[derive(Clone, Debug)]
pub enum Changes {
    /// The wanted changes after `after` up to a place, in order. There is more to read when the place is
    /// before the end of `through`, also when no change is among these.
    Kept {
        /// The changes.
        changes: Vec<Change>,
        /// Everything up to here was looked at.
        up_to: Place,
    },
    /// Some of what came after the place is not kept any more.
    Gone,
}

/// Picks the wanted ones out of all changes, which are offered in order from the place on.
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
    /// Nothing picked yet.
    pub fn new(wanted: &'a ChangesWanted<'a>) -> Self {
        let at = wanted.after;
        Self { wanted, picked: Vec::new(), bytes: 0, looked_at: 0, at, cut: false, gone: false }
    }

    /// Offers the next change; `shown` finds what it made, or nothing when that is not kept any more. Says
    /// whether to go on.
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
        // A revision is looked at to its end, to know which of its changes is the last.
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

    /// The place after which the next one must be offered.
    pub fn at(&self) -> Place {
        self.at
    }

    /// What was picked, after everything was offered or no more was asked for.
    pub fn finish(self) -> Changes {
        if self.gone {
            return Changes::Gone;
        }
        let up_to = if self.cut { self.at } else { Place::end_of(self.wanted.through) };
        Changes::Kept { changes: self.picked, up_to }
    }
}

/// Tells one follower of an environment that something changed in it.
#[async_trait]
pub trait ChangeSignal: Send + fmt::Debug {
    /// Where the last change of the environment was, at the latest: between this revision and the one of a
    /// view that was taken before the call, nothing changed.
    fn newest(&self) -> Revision;

    /// Waits until something has changed in the environment, or who may read it, since the last time or
    /// since the signal was made. Says `false` when no more will come because the node stops. Nothing is
    /// lost when the wait is given up.
    async fn changed(&mut self) -> bool;
}
