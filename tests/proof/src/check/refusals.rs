//! Refusals: some state that the operation could have met explains each.
//!
//! A refusal carries no revision today, so the state is looked for between what was shown before the
//! operation began and what was asked for after it ended. One that carries it is held to it.

use super::explain::{Met, explains};
use super::replays::Replays;
use super::report::{Findings, Rule};
use super::schemas::Bindings;
use super::time::Time;
use super::world::World;
use crate::event::{Event, Outcome};

/// What bounds the states that an operation may have met.
pub(super) struct Bounds<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) time: &'a Time<'a>,
    pub(super) replays: &'a Replays<'a>,
}

pub(super) fn check(events: &[Event], bounds: &Bounds<'_>, bindings: &Bindings<'_>, findings: &mut Findings) {
    let Bounds { world, time, replays } = bounds;
    for event in events {
        let Outcome::Refused { status, code, revision, .. } = &event.outcome else { continue };
        // The node could not serve, had no disk space, or the body came too slowly: no statement about any state.
        if matches!(*status, 503 | 507 | 408) {
            continue;
        }
        let fresh = event.operation.freshness();
        let asked = fresh.min_revision.unwrap_or_default();
        // A stale read may show any state since the beginning, also from before the project was made.
        let low = if fresh.stale { asked } else { time.floor(event).max(asked) };
        let (low, mut high) = revision.map_or((low, time.ceiling(event)), |exact| (exact, exact));
        // Once another attempt did it, its precondition is not asked for any more.
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
