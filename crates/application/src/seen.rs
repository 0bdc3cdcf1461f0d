//! An entity with the revision that it was read at.

use crate::ports::View;
use domain::Revision;

/// An entity read from a view.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    /// The entity.
    pub item: T,
    /// The revision of the view.
    pub revision: Revision,
    /// For a stale read: time since this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

impl<T> Seen<T> {
    pub(crate) fn new(item: T, view: &View) -> Self {
        Self { item, revision: view.state.revision(), stale_for_ms: view.stale_for_ms }
    }
}
