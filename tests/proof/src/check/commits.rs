//! Assigns the changes of the truth to the operations of the clients.
//!
//! - Writes, rollbacks, transactions and schema versions carry a serial number.
//! - A single deletion carries none: it is identified by the revision in its acknowledgement. An
//!   unacknowledged one must be matched by a deletion with an unknown outcome.
//! - Several attempts with one idempotency key are one change, assigned to the first attempt that may have
//!   made it.

use super::report::{Findings, Rule};
use super::time::Time;
use super::world::World;
use crate::event::{Event, Outcome};
use crate::operation::{Guard, Operation, Part};
use crate::truth::Version;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The operations of the changes.
#[derive(Default)]
pub(super) struct Commits<'a> {
    /// The operation by key and version.
    configs: BTreeMap<(&'a str, u64), &'a Event>,
    /// The revision by number of the operation.
    revisions: BTreeMap<usize, u64>,
}

impl<'a> Commits<'a> {
    /// The operation that made a version, if it is certain.
    pub(super) fn of(&self, key: &str, version: u64) -> Option<&'a Event> {
        self.configs.get(&(key, version)).copied()
    }

    /// All assignments: key, version, operation.
    pub(super) fn configs(&self) -> impl Iterator<Item = (&'a str, u64, &'a Event)> {
        self.configs.iter().map(|((key, version), event)| (*key, *version, *event))
    }

    /// The revision of an operation, if it is certain.
    pub(super) fn revision(&self, event: &Event) -> Option<u64> {
        self.revisions.get(&event.number).copied()
    }

    pub(super) fn match_up(events: &'a [Event], world: &World<'a>, findings: &mut Findings) -> Self {
        let mut commits = Self::default();
        let mut serials: BTreeMap<u64, &Event> = BTreeMap::new();
        for event in events {
            let Some(serial) = event.operation.serial() else { continue };
            let first = serials.entry(serial).or_insert(event);
            if !first.may_have_happened() && event.may_have_happened() {
                *first = event;
            }
        }
        for (key, versions) in &world.truth.keys {
            for one in versions.iter().filter(|one| one.is_live() || one.serial().is_some()) {
                let what = format!("{key} version {} (revision {})", one.version, one.revision);
                let event = one.serial().and_then(|serial| serials.get(&serial).copied());
                let event = event.filter(|event| event.operation.effect_on(key).is_some());
                let Some(event) = event else {
                    let text = format!("{what} with message {:?} was asked for by nobody", one.message);
                    findings.add(Rule::Asked, text);
                    continue;
                };
                commits.configs.insert((key, one.version), event);
                commits.note(event, &what, one.revision, findings);
            }
        }
        for (name, versions) in &world.truth.schemas {
            for one in versions {
                let what = format!("schema {name} version {} (revision {})", one.version, one.revision);
                let first = world.truth.scene.schemas.iter().find(|start| start.name == *name);
                if one.version == 1 && first.is_some_and(|start| start.digest == one.digest) {
                    continue;
                }
                let event = one.serial.and_then(|serial| serials.get(&serial).copied());
                match event.map(|event| (event, &event.operation)) {
                    Some((event, Operation::Schema { name: own, digest, .. })) if own == name => {
                        if *digest != one.digest {
                            findings.about(Rule::Content, event, format!("{what} has another text"));
                        }
                        commits.note(event, &what, one.revision, findings);
                    }
                    _ => findings.add(Rule::Asked, format!("{what} was asked for by nobody")),
                }
            }
        }
        for key in world.truth.keys.keys() {
            commits.match_deletions(events, key, world.versions(key), findings);
        }
        commits
    }

    fn note(&mut self, event: &Event, what: &str, revision: u64, findings: &mut Findings) {
        if let Some(other) = self.revisions.insert(event.number, revision) {
            let parts = matches!(event.operation, Operation::Transact { .. });
            if !parts {
                let text = format!("it happened at revision {other} and again as {what}");
                findings.about(Rule::Once, event, text);
            } else if other != revision {
                let text = format!("a part of it happened at revision {other}, and {what} did too");
                findings.about(Rule::Whole, event, text);
            }
        }
        if matches!(event.outcome, Outcome::Refused { .. } | Outcome::Unsent { .. }) {
            findings.about(Rule::Refused, event, format!("it was refused, yet it is {what}"));
        }
    }

    /// Assigns the acknowledged deletions of a key.
    fn match_deletions(
        &mut self,
        events: &'a [Event],
        key: &'a str,
        versions: &'a [Version],
        findings: &mut Findings,
    ) {
        let mut promised: BTreeMap<u64, &Event> = BTreeMap::new();
        for event in events {
            if let (Operation::Delete { key: own, .. }, Outcome::Written { revision, .. }) =
                (&event.operation, &event.outcome)
                && own == key
                && let Some(other) = first(promised.entry(*revision), event)
                && (event.token.is_none() || event.token != other.token)
            {
                let text = "another deletion of the key was promised at the same revision";
                findings.between(Rule::Once, event, other, text);
            }
        }
        for one in versions.iter().filter(|one| !one.is_live() && one.serial().is_none()) {
            if let Some(event) = promised.get(&one.revision) {
                let is_attempt = |other: &&Event| other.token == event.token && other.may_have_happened();
                let first = event.token.and_then(|_| events.iter().find(is_attempt));
                let event = first.unwrap_or(event);
                self.configs.insert((key, one.version), event);
                self.revisions.insert(event.number, one.revision);
            }
        }
    }

    /// Every unacknowledged deletion must be assignable to a deletion with an unknown outcome. One that named
    /// a version can only be the successor of that version. The others are assigned in the order of
    /// revisions, which finds an assignment if one exists. The assignment is not unique.
    pub(super) fn check_orphans(
        &self,
        events: &[Event],
        world: &World<'_>,
        time: &Time<'_>,
        findings: &mut Findings,
    ) {
        let promised = events.iter().filter(|event| event.outcome.is_acknowledged());
        let promised: BTreeSet<u64> = promised.filter_map(|event| event.token).collect();
        for (key, versions) in &world.truth.keys {
            let mut asked = BTreeSet::new();
            // Attempts of one key are one deletion, which is assigned if any attempt was acknowledged.
            let unknown = events.iter().filter(|event| {
                event.outcome.is_unknown()
                    && event.token.is_none_or(|token| !promised.contains(&token) && asked.insert(token))
            });
            let mut named: BTreeMap<u64, u64> = BTreeMap::new();
            let mut free = Vec::new();
            for event in unknown {
                let floor = time.floor(event);
                match &event.operation {
                    Operation::Delete { key: own, guard: Guard::Version(at) } if own == key => {
                        let lowest = named.entry(at + 1).or_insert(floor);
                        *lowest = floor.min(*lowest);
                    }
                    Operation::Delete { key: own, guard: Guard::Present } if own == key => free.push(floor),
                    _ => {}
                }
            }
            free.sort_unstable();
            let mut free = free.into_iter().peekable();
            let orphans = versions.iter().filter(|one| !one.is_live() && self.of(key, one.version).is_none());
            for one in orphans {
                let is_named = named.get(&one.version).is_some_and(|floor| *floor < one.revision);
                if !is_named && free.next_if(|floor| *floor < one.revision).is_none() {
                    let (version, revision) = (one.version, one.revision);
                    let text =
                        format!("{key}: version {version} (revision {revision}) was deleted by nobody");
                    findings.add(Rule::Asked, text);
                }
            }
        }
    }
}

/// Inserts the event; returns the present one if the place is taken.
fn first<'a>(place: Entry<'_, u64, &'a Event>, event: &'a Event) -> Option<&'a Event> {
    match place {
        Entry::Occupied(taken) => Some(taken.get()),
        Entry::Vacant(free) => {
            free.insert(event);
            None
        }
    }
}

/// Every acknowledged change is in the truth, as it was acknowledged.
pub(super) fn check_acknowledged(events: &[Event], world: &World<'_>, findings: &mut Findings) {
    for event in events {
        let wrong = match (&event.operation, &event.outcome) {
            (
                Operation::Put { key, .. } | Operation::Rollback { key, .. },
                Outcome::Written { revision, shown },
            ) => {
                let Some(shown) = shown else { continue };
                match world.version(key, shown.version) {
                    None => Some(format!("the truth has no version {} of {key}", shown.version)),
                    Some(one) if one.revision != *revision => {
                        Some(format!("the truth has version {} at revision {}", one.version, one.revision))
                    }
                    Some(one) if one.serial() != event.operation.serial() => {
                        Some(format!("version {} of the truth is of {:?}", one.version, one.message))
                    }
                    Some(one) => one.differs(shown).map(|wrong| format!("it was told {wrong}")),
                }
            }
            (Operation::Transact { .. }, Outcome::Transacted { revision, versions }) => {
                transacted(world, event, *revision, versions)
            }
            (Operation::Delete { key, .. }, Outcome::Written { revision, .. }) => {
                let there = world.newest(key, *revision).filter(|one| one.revision == *revision);
                match there {
                    Some(one) if !one.is_live() => None,
                    Some(one) => Some(format!("revision {revision} is a {} of {key}", one.kind)),
                    None => Some(format!("the truth has no deletion of {key} at revision {revision}")),
                }
            }
            (Operation::Schema { name, serial, .. }, Outcome::Registered { revision, version, digest }) => {
                match world.schema_version(name, *version) {
                    None => Some(format!("the truth has no version {version} of {name}")),
                    Some(one) if one.revision != *revision || one.serial != Some(*serial) => {
                        let (serial, revision) = (one.serial, one.revision);
                        Some(format!("version {version} is serial {serial:?} at revision {revision}"))
                    }
                    Some(one) if one.digest != *digest => Some("it was told another text".to_owned()),
                    Some(_) => None,
                }
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            findings.about(Rule::Acknowledged, event, wrong);
        }
    }
}

/// The difference between a transaction and its acknowledgement.
fn transacted(world: &World<'_>, event: &Event, revision: u64, versions: &[(String, u64)]) -> Option<String> {
    let Operation::Transact { parts, serial } = &event.operation else { return None };
    parts.iter().zip(versions).find_map(|(part, (key, version))| match part.effect() {
        // Another rule checks preconditions; here only the returned version is compared.
        None => {
            let Part::Check { at, .. } = part else { return None };
            (version != at).then(|| format!("{part} is told as version {version}"))
        }
        Some(_) => match world.version(key, *version) {
            None => Some(format!("the truth has no version {version} of {key}")),
            Some(one) if one.revision != revision || one.serial() != Some(*serial) => {
                let (message, revision) = (&one.message, one.revision);
                Some(format!("{key} version {version} of the truth is of {message:?} at {revision}"))
            }
            Some(_) => None,
        },
    })
}
