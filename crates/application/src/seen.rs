//! One thing, and which state it was seen in.

use crate::ports::View;
use domain::Revision;

/// One thing as a view showed it.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    /// The thing.
    pub item: T,
    /// The revision of the view.
    pub revision: Revision,
    /// For a stale read: how long ago this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

impl<T> Seen<T> {
    pub(crate) fn new(item: T, view: &View) -> Self {
        Self { item, revision: view.state.revision(), stale_for_ms: view.stale_for_ms }
    }
}
