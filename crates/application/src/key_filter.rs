//! The config keys of a list or a watch: some keys, and all keys with some prefixes.

use crate::ports::View;
use crate::{Error, RequestContext};
use domain::{ConfigId, ConfigKey, EnvironmentId, Permission, Resource, Timestamp};
use std::collections::BTreeSet;
use std::ops::Bound;

/// A set of config keys. The default contains all keys.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KeyFilter {
    keys: BTreeSet<ConfigKey>,
    prefixes: BTreeSet<String>,
}

/// A range of keys: one key, or all with a prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyRange {
    text: String,
    exact: bool,
}

impl KeyFilter {
    /// The given keys, and those with one of the prefixes. All keys if both are empty.
    pub fn new(keys: BTreeSet<ConfigKey>, prefixes: BTreeSet<String>) -> Self {
        Self { keys, prefixes }
    }

    /// The keys with this prefix.
    pub fn prefix(prefix: impl Into<String>) -> Self {
        Self { keys: BTreeSet::new(), prefixes: BTreeSet::from([prefix.into()]) }
    }

    /// Whether the set contains the key.
    pub fn covers(&self, key: &ConfigKey) -> bool {
        self.is_everything()
            || self.keys.contains(key)
            || self.prefixes.iter().any(|prefix| key.as_str().starts_with(prefix))
    }

    fn is_everything(&self) -> bool {
        self.keys.is_empty() && self.prefixes.is_empty()
    }

    /// Checks that the caller has `permission` on all keys of the set.
    pub(crate) fn require(
        &self,
        ctx: &RequestContext,
        view: &View,
        (permission, environment): (Permission, &EnvironmentId),
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.is_everything() {
            return ctx.require(view, permission, Resource::Configs(environment, ""), now);
        }
        for prefix in &self.prefixes {
            ctx.require(view, permission, Resource::Configs(environment, prefix), now)?;
        }
        for key in &self.keys {
            let (project, environment) = (environment.project.clone(), environment.name.clone());
            let id = ConfigId { project, environment, key: key.clone() };
            ctx.require(view, permission, Resource::Config(&id), now)?;
        }
        Ok(())
    }

    /// The set as disjoint ranges, in order of keys.
    pub(crate) fn ranges(&self) -> Vec<KeyRange> {
        if self.is_everything() {
            return vec![KeyRange { text: String::new(), exact: false }];
        }
        let mut ranges: Vec<KeyRange> = Vec::new();
        for prefix in &self.prefixes {
            // Keys with a prefix sort directly after the prefix.
            if ranges.last().is_none_or(|last| !prefix.starts_with(&last.text)) {
                ranges.push(KeyRange { text: prefix.clone(), exact: false });
            }
        }
        let covered = |key: &str| self.prefixes.iter().any(|prefix| key.starts_with(prefix));
        let keys = self.keys.iter().map(ConfigKey::as_str).filter(|key| !covered(key));
        ranges.extend(keys.map(|key| KeyRange { text: key.to_owned(), exact: true }));
        ranges.sort_by(|a, b| a.text.cmp(&b.text));
        ranges
    }
}

impl KeyRange {
    pub(crate) fn covers(&self, key: &ConfigKey) -> bool {
        if self.exact { key.as_str() == self.text } else { key.as_str().starts_with(&self.text) }
    }

    /// The start of the range after the key `after`; `None` if no key is left.
    pub(crate) fn start(&self, after: Option<&ConfigKey>) -> Option<Bound<ConfigKey>> {
        match after.filter(|after| after.as_str() >= self.text.as_str()) {
            Some(after) => self.covers(after).then(|| Bound::Excluded(after.clone())),
            None => ConfigKey::least_with(&self.text).map(Bound::Included),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ConfigKey {
        ConfigKey::parse(text).expect("a key")
    }

    fn filter(keys: &[&str], prefixes: &[&str]) -> KeyFilter {
        let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned());
        KeyFilter::new(keys.iter().map(|text| key(text)).collect(), prefixes.collect())
    }

    fn check(filter: &KeyFilter, ranges: &[(&str, bool)]) {
        let found = filter.ranges();
        let found: Vec<_> = found.iter().map(|range| (range.text.as_str(), range.exact)).collect();
        assert_eq!(found, ranges, "{filter:?}");
    }

    #[test]
    fn ranges_are_in_order_and_share_no_key() {
        check(&filter(&[], &[]), &[("", false)]);
        check(&filter(&["b"], &[""]), &[("", false)]);
        check(
            &filter(&["b", "a.x", "a"], &["a.", "a.x", "c"]),
            &[("a", true), ("a.", false), ("b", true), ("c", false)],
        );
        check(&filter(&["a-b"], &["a/"]), &[("a-b", true), ("a/", false)]);
    }

    #[test]
    fn a_range_goes_on_after_a_key() {
        let range = KeyRange { text: "a/".to_owned(), exact: false };
        assert_eq!(range.start(None), Some(Bound::Included(key("a/0"))));
        assert_eq!(range.start(Some(&key("a-z"))), Some(Bound::Included(key("a/0"))));
        assert_eq!(range.start(Some(&key("a/x"))), Some(Bound::Excluded(key("a/x"))));
        assert_eq!(range.start(Some(&key("b"))), None);
        let one = KeyRange { text: "b".to_owned(), exact: true };
        assert_eq!(one.start(Some(&key("a"))), Some(Bound::Included(key("b"))));
        assert_eq!(one.start(Some(&key("b"))), Some(Bound::Excluded(key("b"))));
        assert_eq!(one.start(Some(&key("b/c"))), None);
    }

    #[test]
    fn a_filter_covers_its_keys() {
        let some = filter(&["one"], &["team/"]);
        for (text, covered) in
            [("one", true), ("one/x", false), ("team/a", true), ("team", false), ("x", false)]
        {
            assert_eq!(some.covers(&key(text)), covered, "{text}");
            assert_eq!(some.ranges().iter().any(|range| range.covers(&key(text))), covered, "{text}");
            assert!(KeyFilter::default().covers(&key(text)));
        }
    }
}
