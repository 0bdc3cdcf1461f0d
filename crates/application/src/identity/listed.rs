//! A part of a list that is not in the replicated state and so has no revision.

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Listed<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The last item's key when there are more.
    pub next: Option<K>,
}

impl<T, K> Listed<T, K> {
    /// Of items that were read one more than wanted, at most `size`, and whether there are more.
    pub(super) fn take(mut items: Vec<T>, size: u32, key: impl Fn(&T) -> K) -> Self {
        let size = size as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }
}
