//! A page of a list that is not part of the replicated state and so has no revision.

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The key of the last item, if there are more items.
    pub next: Option<K>,
}

impl<T, K> Listed<T, K> {
    /// Builds a page from the items of a read of `size + 1`.
    pub(super) fn take(mut items: Vec<T>, size: u32, key: impl Fn(&T) -> K) -> Self {
        let size = size as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}
