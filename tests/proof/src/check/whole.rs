//! Transactions: all parts at one revision, on a state where the checks and preconditions hold, or none.

use super::changes::holds;
use super::commits::Commits;
use super::report::{Findings, Rule};
use super::world::World;
use crate::event::{Event, Outcome};
use crate::operation::{Effect, Operation, Part};

pub(super) fn check(events: &[Event], world: &World<'_>, commits: &Commits<'_>, findings: &mut Findings) {
    for event in events {
        let Operation::Transact { parts, serial } = &event.operation else { continue };
        if let Some(revision) = commits.revision(event) {
            for part in parts {
                if let Some(wrong) = committed(world, part, *serial, revision) {
                    let text = format!("at revision {revision} it is only a part: {wrong}");
                    findings.about(Rule::Whole, event, text);
                }
            }
        } else if let Outcome::Transacted { revision, .. } = &event.outcome
            && !event.operation.is_change()
        {
            // With checks only, the response is about its stated state.
            for part in parts {
                if !holds(part.guard(), world.newest(part.key(), *revision)) {
                    let text = format!("at revision {revision} it is not so: {part}");
                    findings.about(Rule::Whole, event, text);
                }
            }
        }
    }
}

/// The error in one part of a transaction at a revision.
fn committed(world: &World<'_>, part: &Part, serial: u64, revision: u64) -> Option<String> {
    if !holds(part.guard(), world.newest(part.key(), revision.saturating_sub(1))) {
        return Some(format!("before it, it is not so: {part}"));
    }
    let effect = part.effect()?;
    let made = world.newest(part.key(), revision).filter(|one| one.revision == revision);
    let Some(made) = made else { return Some(format!("nothing came of {part}")) };
    let fits = made.serial() == Some(serial) && made.is_live() != matches!(effect, Effect::Delete);
    (!fits).then(|| format!("{part} came to a {} with message {:?}", made.kind, made.message))
}
