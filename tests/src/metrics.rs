//! The text of `/metrics`, parsed strictly.

use std::collections::{BTreeMap, BTreeSet};

/// Every sample of a scrape.
#[derive(Clone, Debug)]
pub struct Metrics {
    samples: BTreeMap<String, f64>,
    families: BTreeSet<String>,
}

impl Metrics {
    /// Reads the text format; panics with the line that it does not understand.
    pub fn parse(text: &str) -> Self {
        let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                let mut words = comment.split_whitespace();
                let (kind, name) = (words.next(), words.next());
                assert!(matches!(kind, Some("HELP" | "TYPE")), "a comment of no known kind: {line}");
                families.extend(name.map(str::to_owned));
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
            let value = value.parse().unwrap_or_else(|_| panic!("not a number: {line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "a series twice: {line}");
        }
        Self { samples, families }
    }

    /// The sum of the samples of `name` that carry all `labels`, such as `status="200"`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = |series: &str| series.split('{').next() == Some(name);
        let has_all = |series: &str| labels.iter().all(|label| series.contains(label));
        self.samples
            .iter()
            .filter(|(series, _)| of_name(series) && has_all(series))
            .map(|(_, value)| value)
            .sum()
    }

    /// Every series with its labels.
    pub fn series(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    /// Whether the metric is announced.
    pub fn has(&self, family: &str) -> bool {
        self.families.contains(family)
    }
}
