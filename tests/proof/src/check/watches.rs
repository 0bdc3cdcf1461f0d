//! Watches: a watcher receives every change of its keys once, ordered by revision, after its initial state,
//! across all connections and nodes.

use super::report::{Findings, Rule, Violation};
use super::world::World;
use crate::plan::covers;
use crate::truth::{Truth, Version};
use crate::watcher::{Changed, Told, Watcher};
use std::collections::BTreeSet;

/// Checks the events of a watcher against the cluster's account. All changes up to the account's revision are
/// required; later ones are ignored.
pub fn check_watcher(watcher: &Watcher, truth: &Truth) -> Vec<Violation> {
    let world = World::new(truth);
    let mut changes = Vec::new();
    for (key, versions) in &truth.keys {
        if covers(&watcher.prefix, key) {
            changes.extend(versions.iter().map(|version| (version.revision, key.as_str())));
        }
    }
    changes.sort_unstable();
    let mut checker = Checker {
        watcher,
        world,
        changes,
        through: None,
        inside: BTreeSet::new(),
        findings: Findings::default(),
    };
    for (at, told) in watcher.told.iter().enumerate() {
        checker.told(at, told);
    }
    if checker.through.is_none_or(|through| through < truth.revision) {
        let (through, end) = (checker.through, truth.revision);
        checker.wrong(watcher.told.len(), format!("it was told up to revision {through:?}, not {end}"));
    }
    checker.findings.report(0).violations
}

struct Checker<'a> {
    watcher: &'a Watcher,
    world: World<'a>,
    /// Revision and key of every change, in order.
    changes: Vec<(u64, &'a str)>,
    /// The revision up to which everything was received.
    through: Option<u64>,
    /// Received changes of later revisions.
    inside: BTreeSet<(u64, &'a str)>,
    findings: Findings,
}

impl<'a> Checker<'a> {
    fn wrong(&mut self, at: usize, text: impl std::fmt::Display) {
        let node =
            self.watcher.told[..at.min(self.watcher.told.len())].iter().rev().find_map(|told| match told {
                Told::Opened { node, .. } => Some(node.as_str()),
                _ => None,
            });
        let (number, node) = (self.watcher.number, node.unwrap_or("nobody"));
        self.findings.add(Rule::Watch, format!("watcher {number}, told {at} by {node}: {text}"));
    }

    fn told(&mut self, at: usize, told: &'a Told) {
        match told {
            Told::Opened { after, .. } => {
                // A resumed watch receives an incomplete revision again.
                self.inside.clear();
                self.through = *after;
            }
            Told::Odd { why } => self.wrong(at, why),
            Told::Bookmark { revision } => {
                if self.through.is_none_or(|through| *revision < through) {
                    let through = self.through;
                    self.wrong(at, format!("a bookmark at {revision} after {through:?}"));
                }
                self.complete(at, *revision);
            }
            Told::Reset { revision, items } => {
                if let Some(through) = self.through.filter(|through| !self.is_gone(*through, *revision)) {
                    self.wrong(at, format!("a reset, although nothing after {through} was forgotten"));
                }
                self.state(at, *revision, items);
                self.inside.clear();
                self.through = Some(*revision);
            }
            Told::Change { changed, complete } => {
                self.change(at, changed);
                if *complete {
                    self.complete(at, changed.revision);
                }
            }
        }
    }

    /// Whether a change between the two revisions was pruned at the later one.
    fn is_gone(&self, after: u64, up_to: u64) -> bool {
        let from = self.changes.partition_point(|(revision, _)| *revision <= after);
        let mut between = self.changes[from..].iter().take_while(|(revision, _)| *revision <= up_to);
        between.any(|(revision, key)| {
            let made = self.world.newest(key, *revision);
            made.is_some_and(|made| made.version < self.world.oldest(key, up_to))
        })
    }

    /// A reset contains the state at its revision.
    fn state(&mut self, at: usize, revision: u64, items: &[Changed]) {
        if revision > self.world.truth.revision {
            return;
        }
        let keys: Vec<&String> =
            self.world.truth.keys.keys().filter(|key| covers(&self.watcher.prefix, key)).collect();
        let live = keys.into_iter().filter_map(|key| Some((key, self.world.live(key, revision)?)));
        let live: Vec<(&String, &Version)> = live.collect();
        let told: Vec<&String> = items.iter().map(|item| &item.key).collect();
        if told != live.iter().map(|(key, _)| *key).collect::<Vec<_>>() {
            let is: Vec<&String> = live.iter().map(|(key, _)| *key).collect();
            return self.wrong(at, format!("the keys at {revision} are {is:?}, not {told:?}"));
        }
        for (item, (_, version)) in items.iter().zip(live) {
            if let Some(wrong) = differs(item, version) {
                self.wrong(at, wrong);
            }
        }
    }

    /// A change is in the account, is new, and no change before it is missing.
    fn change(&mut self, at: usize, changed: &'a Changed) {
        let Changed { key, version, revision, .. } = changed;
        if *revision > self.world.truth.revision {
            return;
        }
        match self.world.version(key, *version) {
            None => self.wrong(at, format!("there is no version {version} of {key}")),
            Some(version) => {
                if let Some(wrong) = differs(changed, version) {
                    self.wrong(at, wrong);
                }
            }
        }
        let late = self.through.is_none_or(|through| *revision <= through);
        if late || self.inside.iter().any(|(inside, _)| inside > revision) {
            let through = self.through;
            self.wrong(at, format!("revision {revision} ({key}) comes after {through:?}"));
        }
        self.left_out(at, revision.saturating_sub(1));
        if !self.inside.insert((*revision, key.as_str())) {
            self.wrong(at, format!("revision {revision} ({key}) comes twice"));
        }
    }

    /// Everything up to the revision was received.
    fn complete(&mut self, at: usize, revision: u64) {
        self.left_out(at, revision);
        self.inside.clear();
        self.through = self.through.max(Some(revision));
    }

    fn left_out(&mut self, at: usize, up_to: u64) {
        let through = self.through.unwrap_or(up_to);
        let from = self.changes.partition_point(|(revision, _)| *revision <= through);
        let missing = self.changes[from..]
            .iter()
            .take_while(|(revision, _)| *revision <= up_to.min(self.world.truth.revision))
            .find(|change| !self.inside.contains(*change))
            .copied();
        if let Some((revision, key)) = missing {
            self.wrong(at, format!("revision {revision} ({key}) was left out"));
            // Not received before.
            self.inside.insert((revision, key));
        }
    }
}

fn differs(told: &Changed, is: &Version) -> Option<String> {
    let digest = is.content.as_ref().map(|content| &content.digest);
    let same = told.version == is.version
        && told.revision == is.revision
        && told.schema == is.schema
        && told.digest.as_ref() == digest;
    (!same).then(|| format!("{told:?} is not version {} at revision {}", is.version, is.revision))
}
