//! Real-time order. Any revision shown is a floor of later requests; a change requested later was not visible
//! before.

use super::commits::Commits;
use super::report::{Findings, Rule};
use super::world::World;
use crate::event::{Event, Outcome};
use crate::operation::Operation;
use std::collections::BTreeMap;

/// A bound, and the operation that sets it.
#[derive(Clone, Copy)]
struct Bound<'a> {
    revision: u64,
    event: Option<&'a Event>,
}

/// The bounds of a history. Both maps have an entry where the bound changes.
pub(super) struct Time<'a> {
    /// By end of operations: the largest revision in any response up to that moment.
    floors: BTreeMap<u64, Bound<'a>>,
    /// By begin of operations: the smallest revision of any change that began at that moment or later.
    ceilings: BTreeMap<u64, Bound<'a>>,
    first: Bound<'a>,
    last: u64,
}

impl<'a> Time<'a> {
    pub(super) fn new(events: &'a [Event], world: &World<'_>, commits: &Commits<'_>) -> Self {
        let first = Bound { revision: world.truth.scene.floor, event: None };
        let mut ended: Vec<(u64, &Event)> =
            events.iter().filter_map(|event| Some((event.end?, event))).collect();
        ended.sort_unstable_by_key(|(end, _)| *end);
        let (mut floors, mut highest) = (BTreeMap::new(), first);
        for (end, event) in ended {
            if let Some(revision) = shown(event, world).filter(|shown| *shown > highest.revision) {
                highest = Bound { revision, event: Some(event) };
                floors.insert(end, highest);
            }
        }
        let last = world.truth.revision;
        let (mut ceilings, mut lowest) = (BTreeMap::new(), last.saturating_add(1));
        let mut began: Vec<&Event> = events.iter().collect();
        began.sort_unstable_by_key(|event| event.begin);
        for event in began.into_iter().rev() {
            if let Some(revision) = commits.revision(event).filter(|made| *made < lowest) {
                lowest = revision;
                ceilings.insert(event.begin, Bound { revision, event: Some(event) });
            }
        }
        Self { floors, ceilings, first, last }
    }

    /// The oldest revision that the operation may have met.
    pub(super) fn floor(&self, event: &Event) -> u64 {
        self.floor_bound(event).revision
    }

    /// The newest revision that the operation may have met.
    pub(super) fn ceiling(&self, event: &Event) -> u64 {
        self.next_change(event).map_or(self.last, |bound| bound.revision.saturating_sub(1))
    }

    fn floor_bound(&self, event: &Event) -> Bound<'a> {
        self.floors.range(..event.begin).next_back().map_or(self.first, |(_, bound)| *bound)
    }

    /// The change with the smallest revision among those that began after the operation ended.
    fn next_change(&self, event: &Event) -> Option<Bound<'a>> {
        self.ceilings.range(event.end?..).next().map(|(_, bound)| *bound)
    }

    pub(super) fn check(&self, events: &[Event], commits: &Commits<'_>, findings: &mut Findings) {
        let firsts = first_attempts(events);
        for event in events {
            // A replayed change was made by the first attempt or later.
            let request = event.token.map(|token| (token, event.operation.serial()));
            let first = request.filter(|_| event.replayed).and_then(|request| firsts.get(&request).copied());
            let floor = self.floor_bound(first.unwrap_or(event));
            let change = event.operation.is_change();
            // An acknowledged change has the revision in its response, an unknown one the revision assigned
            // to it.
            let revision = event.outcome.revision().or_else(|| commits.revision(event));
            let Some(revision) = revision else { continue };
            let made = change && !matches!(event.outcome, Outcome::Refused { .. });
            let early = if made { revision <= floor.revision } else { revision < floor.revision };
            let past = matches!(event.operation, Operation::Past { .. });
            if early && !past && !event.operation.freshness().stale {
                let text = format!("revision {revision}, after revision {} was shown", floor.revision);
                match floor.event {
                    Some(other) => findings.between(Rule::RealTime, event, other, text),
                    None => findings.about(Rule::RealTime, event, text),
                }
            }
            self.check_future(event, findings);
        }
    }

    /// A response does not show later changes, nor more than the final state.
    fn check_future(&self, event: &Event, findings: &mut Findings) {
        let Some(revision) = event.outcome.revision().filter(|_| event.end.is_some()) else { return };
        if let Some(Bound { revision: made, event: Some(other) }) = self.next_change(event)
            && made <= revision
        {
            let text = format!("it shows revision {revision}, but revision {made} was asked for later");
            findings.between(Rule::RealTime, event, other, text);
        } else if revision > self.last {
            let text = format!("it shows revision {revision}, but the end is revision {}", self.last);
            findings.about(Rule::RealTime, event, text);
        }
    }
}

/// The first attempt of each request, by idempotency key and serial number.
fn first_attempts(events: &[Event]) -> BTreeMap<(u64, Option<u64>), &Event> {
    let mut firsts = BTreeMap::new();
    for event in events {
        if let Some(token) = event.token {
            firsts.entry((token, event.operation.serial())).or_insert(event);
        }
    }
    firsts
}

/// The largest revision whose existence a response proves. A refusal that names a version proves its
/// revision.
fn shown(event: &Event, world: &World<'_>) -> Option<u64> {
    let told = event.outcome.revision();
    let named = match (&event.operation, &event.outcome) {
        (Operation::Schema { name, .. }, Outcome::Refused { current: Some(version), .. }) => {
            world.schema_version(name, *version).map(|one| one.revision)
        }
        (_, Outcome::Refused { current: Some(version), .. }) => {
            event.subject().and_then(|key| world.version(key, *version)).map(|one| one.revision)
        }
        _ => None,
    };
    told.max(named)
}
