//! Pages of a list.

use domain::Revision;

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    /// At most this many items.
    pub size: usize,
    /// Only items after this one.
    pub after: Option<K>,
    /// The list as it was at this revision; `None` for now.
    pub at: Option<Revision>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The last item's key when there are more.
    pub next: Option<K>,
    /// The revision that the list shows.
    pub revision: Revision,
    /// For a stale read: how long ago this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

impl<T, K> Page<T, K> {
    /// Takes the first `size` of `items`, which are in order, and notes whether there are more.
    pub(crate) fn take(
        items: impl Iterator<Item = T>,
        size: usize,
        view: &crate::ports::View,
        key: impl Fn(&T) -> K,
    ) -> Self {
        let mut items: Vec<T> = items.take(size.saturating_add(1)).collect();
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next, revision: view.state.revision(), stale_for_ms: view.stale_for_ms }
    }
}
