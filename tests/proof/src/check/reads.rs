//! Reads: each shows the state at its stated revision, which is not older than requested.

use super::report::{Findings, Rule};
use super::world::World;
use crate::event::{Event, Outcome, Page, Shown};
use crate::operation::Operation;
use crate::plan::covers;
use std::collections::BTreeMap;

pub(super) fn check(events: &[Event], world: &World<'_>, findings: &mut Findings) {
    for event in events {
        let (rule, wrong) = match (&event.operation, &event.outcome) {
            (Operation::Get { key, known, .. }, Outcome::Found { revision, shown }) => {
                let has_it = *known == Some(shown.version);
                let wrong = has_it.then(|| "the client has this version".to_owned());
                (Rule::Read, wrong.or_else(|| get(world, key, *revision, shown)))
            }
            (Operation::Get { key, known, .. }, Outcome::Unchanged { revision, version }) => {
                let live = world.live(key, *revision).map(|one| one.version);
                let right = live == Some(*version) && *known == live;
                (Rule::Read, (!right).then(|| format!("the truth is at {live:?} at revision {revision}")))
            }
            (Operation::Past { key, revision: wanted, .. }, Outcome::Found { revision, shown }) => {
                let other = (revision != wanted).then(|| format!("the answer is of revision {revision}"));
                (Rule::Read, other.or_else(|| get(world, key, *revision, shown)))
            }
            (Operation::Old { key, version, .. }, Outcome::Found { revision, shown }) => {
                (Rule::Read, old(world, key, *version, *revision, shown))
            }
            (Operation::List { .. }, Outcome::Listed { pages, complete }) => {
                (Rule::List, list(world, &event.operation, pages, *complete))
            }
            _ => continue,
        };
        if let Some(wrong) = wrong {
            findings.about(rule, event, wrong);
        }
    }
}

fn get(world: &World<'_>, key: &str, revision: u64, shown: &Shown) -> Option<String> {
    match world.live(key, revision) {
        None => Some(format!("at revision {revision} the truth has no {key}")),
        Some(one) => one.differs(shown).map(|wrong| format!("at revision {revision} it shows {wrong}")),
    }
}

fn old(world: &World<'_>, key: &str, version: u64, revision: u64, shown: &Shown) -> Option<String> {
    match world.version(key, version) {
        None => Some(format!("the truth has no version {version} of {key}")),
        Some(one) if one.revision > revision => {
            Some(format!("version {version} is of revision {}, the answer of {revision}", one.revision))
        }
        Some(one) => one.differs(shown).map(|wrong| format!("it shows {wrong}")),
    }
}

/// All pages together show the state at one revision; an incomplete list is checked as far as it goes.
fn list(world: &World<'_>, operation: &Operation, pages: &[Page], complete: bool) -> Option<String> {
    let Operation::List { prefix, page_size, .. } = operation else { return None };
    let revision = pages.first()?.revision;
    if let Some(other) = pages.iter().find(|page| page.revision != revision) {
        return Some(format!("its pages are of revisions {revision} and {}", other.revision));
    }
    if let Some(page) = pages.iter().find(|page| page.items.len() > *page_size) {
        return Some(format!("a page has {} items", page.items.len()));
    }
    let shown: Vec<&Shown> = pages.iter().flat_map(|page| &page.items).collect();
    let last = shown.last().map(|shown| shown.key.as_str());
    let covered = |key: &str| covers(prefix, key) && (complete || Some(key) <= last);
    let keys = world.truth.keys.keys().filter(|key| covered(key));
    let expected: Vec<_> = keys.filter_map(|key| Some((key, world.live(key, revision)?))).collect();
    for (at, shown) in shown.iter().enumerate() {
        let wrong = match expected.get(at) {
            Some((key, one)) if **key == shown.key => one.differs(shown),
            Some((key, _)) => Some(format!("{} where {key} belongs", shown.key)),
            None => Some(format!("{}, which is not there", shown.key)),
        };
        if let Some(wrong) = wrong {
            return Some(format!("at revision {revision} it shows {}: {wrong}", shown.key));
        }
    }
    let missing = expected.get(shown.len())?;
    Some(format!("at revision {revision} it does not show {}", missing.0))
}

/// No response is older than requested, and the stated revisions of one client's reads with a floor never
/// decrease.
///
/// Clients of this crate only use their own floor, so the second condition follows from the first. It is
/// checked separately from the responses.
pub(super) fn check_floors(events: &[Event], findings: &mut Findings) {
    let mut own: BTreeMap<usize, (u64, &Event)> = BTreeMap::new();
    for event in events {
        let Some(revision) = event.outcome.revision() else { continue };
        if let Some(least) = event.operation.freshness().min_revision {
            if revision < least {
                let text = format!("revision {revision}, when at least {least} was asked for");
                findings.about(Rule::MinRevision, event, text);
            }
            if let Some((seen, other)) = own.get(&event.client).filter(|(seen, _)| *seen > revision) {
                let text = format!("revision {revision}, after this client had seen {seen}");
                findings.between(Rule::Session, event, other, text);
            }
        }
        let newest = own.entry(event.client).or_insert((revision, event));
        if newest.0 < revision {
            *newest = (revision, event);
        }
    }
}
