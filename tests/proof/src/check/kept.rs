//! Retention: at least the configured number of newest versions is kept; pruned versions are the oldest ones
//! and are not shown.

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

/// Each pruning removed only versions beyond the retention.
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

/// The versions readable at the end are the newest ones, without gaps, and enough of them.
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
        // More versions may have been pruned while the history was read.
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
