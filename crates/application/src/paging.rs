//! Pages of a list.

use domain::Revision;

/// The requested page of a list.
#[derive(Clone, Debug)]
pub struct PageRequest<K> {
    /// Most items on the page.
    pub size: usize,
    /// Only items after this one.
    pub after: Option<K>,
    /// The revision of the list; `None` means the current one.
    pub at: Option<Revision>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The key of the last item, if there are more items.
    pub next: Option<K>,
    /// The revision of the list.
    pub revision: Revision,
    /// For a stale read: time since this node last heard from a leader, in milliseconds.
    pub stale_for_ms: Option<u64>,
}

impl<T, K> Page<T, K> {
    /// Takes the first `size` items, which are in order.
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
