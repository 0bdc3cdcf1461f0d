//! Refusals: some state that the operation may have met explains each.
//!
//! A refusal has no revision today. The state is searched between the revisions shown before the operation
//! began and those of changes that began after it ended. A refusal with a revision is checked at that
//! revision.

use super::explain::{Met, explains};
use super::replays::Replays;
use super::report::{Findings, Rule};
use super::schemas::Bindings;
use super::time::Time;
use super::world::World;
use crate::event::{Event, Outcome};

/// The bounds of the states that an operation may have met.
pub(super) struct Bounds<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) time: &'a Time<'a>,
    pub(super) replays: &'a Replays<'a>,
}

pub(super) fn check(events: &[Event], bounds: &Bounds<'_>, bindings: &Bindings<'_>, findings: &mut Findings) {
    let Bounds { world, time, replays } = bounds;
    for event in events {
        let Outcome::Refused { status, code, revision, .. } = &event.outcome else { continue };
        // The node could not serve, had no disk space, or the body was late: no statement about a state.
        if matches!(*status, 503 | 507 | 408) {
            continue;
        }
        let fresh = event.operation.freshness();
        let asked = fresh.min_revision.unwrap_or_default();
        // A stale read may show any state, even before the creation of the project.
        let low = if fresh.stale { asked } else { time.floor(event).max(asked) };
        let (low, mut high) = revision.map_or((low, time.ceiling(event)), |exact| (exact, exact));
        // After another attempt made the change, its precondition is no longer checked.
        if code.ends_with("version_conflict")
            && let Some(made) = replays.made(event)
        {
            high = high.min(made.saturating_sub(1));
        }
        let met = Met { world, bindings, low, high };
        if !explains(&met, event) {
            let text = format!("no state of revision {low} to {high} explains {status} {code}");
            findings.about(Rule::Refusal, event, text);
        }
    }
}
