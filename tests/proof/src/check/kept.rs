//! Retention: of each config the newest versions are kept, as many as the project asks for; what went is the
//! beginning of the history, and is shown no more.

use super::report::{Findings, Rule};
use super::world::World;
use crate::event::{Event, Outcome};
use crate::operation::Operation;

pub(super) fn check(events: &[Event], world: &World<'_>, findings: &mut Findings) {
    pruned(world, findings);
    kept(world, findings);
    for event in events {
        let (Operation::Old { key, .. }, Outcome::Found { revision, shown }) =
            (&event.operation, &event.outcome)
        else {
            continue;
        };
        let oldest = world.oldest(key, *revision);
        if shown.version < oldest {
            let text = format!("at revision {revision} the oldest version that is kept is {oldest}");
            findings.about(Rule::Kept, event, text);
        }
    }
}

/// Each time only what there were more than enough newer versions of went.
fn pruned(world: &World<'_>, findings: &mut Findings) {
    let retention = world.truth.scene.retention;
    for (key, pruned) in &world.truth.pruned {
        let mut before = 1;
        for one in pruned {
            let newest = world.newest(key, one.revision).map_or(0, |newest| newest.version);
            let left = (newest + 1).saturating_sub(one.oldest);
            if retention.is_none_or(|least| left < least) {
                let (revision, oldest) = (one.revision, one.oldest);
                let text = format!(
                    "{key}: revision {revision} kept versions {oldest} to {newest}, and {retention:?} are wanted"
                );
                findings.add(Rule::Kept, text);
            }
            if one.oldest <= before {
                let text =
                    format!("{key}: revision {} pruned to {} after {before}", one.revision, one.oldest);
                findings.add(Rule::Kept, text);
            }
            before = one.oldest;
        }
    }
}

/// What could be read at the end is the end of the history, without gap, and enough of it.
fn kept(world: &World<'_>, findings: &mut Findings) {
    let truth = world.truth;
    for (key, versions) in &truth.keys {
        let kept = truth.kept.get(key).map_or(&[][..], Vec::as_slice);
        let (oldest, newest) = (kept.first().copied(), versions.last().map(|one| one.version));
        let gapless = kept.windows(2).all(|two| two[0] + 1 == two[1]) && kept.last().copied() == newest;
        if !gapless {
            findings
                .add(Rule::Kept, format!("{key}: versions {kept:?} can be read, the newest is {newest:?}"));
        }
        // While it was read, more may have gone.
        let later = truth.pruned.get(key).into_iter().flatten().filter(|one| one.revision > truth.revision);
        let mut possible = later.map(|one| one.oldest).chain([world.oldest(key, truth.revision)]);
        let right = oldest.is_none_or(|oldest| possible.any(|possible| possible == oldest));
        let least = truth.scene.retention.unwrap_or(u64::MAX).min(newest.unwrap_or(0));
        if !right || (kept.len() as u64) < least {
            let text = format!(
                "{key}: versions {kept:?} of {newest:?} can be read, at least {least} are to be kept"
            );
            findings.add(Rule::Kept, text);
        }
    }
}
