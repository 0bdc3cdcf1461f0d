//! Refusals: some state that the operation could have met explains each.
//!
//! A refusal carries no revision today, so the state is looked for between what was shown before the
//! operation began and what was asked for after it ended. One that carries it is held to it.

use super::explain::{Met, explains};
use super::report::{Findings, Rule};
use super::schemas::Bindings;
use super::time::Time;
use super::world::World;
use crate::event::{Event, Outcome};

pub(super) fn check(
    events: &[Event],
    world: &World<'_>,
    time: &Time<'_>,
    bindings: &Bindings<'_>,
    findings: &mut Findings,
) {
    for event in events {
        let Outcome::Refused { status, code, revision, .. } = &event.outcome else { continue };
        // The node could not serve, or the body came too slowly: no statement about any state.
        if *status == 503 || *status == 408 {
            continue;
        }
        let fresh = event.operation.freshness();
        let asked = fresh.min_revision.unwrap_or_default();
        // A stale read may show any state since the beginning, also from before the project was made.
        let low = if fresh.stale { asked } else { time.floor(event).max(asked) };
        let (low, high) = revision.map_or((low, time.ceiling(event)), |exact| (exact, exact));
        let met = Met { world, bindings, low, high };
        if !explains(&met, event) {
            let text = format!("no state of revision {low} to {high} explains {status} {code}");
            findings.about(Rule::Refusal, event, text);
        }
    }
}
