//! The checker: whether a history is possible.
//!
//! The cluster assigns one global revision to every change, and every response states the revision that it
//! reflects. No search is therefore needed: the truth is the order of all changes, each response is compared
//! with the state at its revision, and real time must agree with the order of revisions. This is strict
//! serializability of the whole state, not only per key.
//!
//! Unstated facts are not judged. A refusal has no revision, so *some* state within its bounds must explain
//! it. Which of several unknown deletions happened remains open.

mod account;
mod changes;
mod commits;
mod explain;
mod kept;
mod reads;
mod refusals;
mod replays;
mod report;
mod schemas;
mod time;
mod watches;
mod whole;
mod world;

pub use report::{Report, Rule, Violation};
pub use watches::check_watcher;

use crate::event::{Event, Outcome};
use crate::truth::Truth;
use commits::Commits;
use refusals::Bounds;
use replays::Replays;
use report::Findings;
use time::Time;
use world::World;

/// Checks a history against the cluster's account. `events` must be complete: nothing else changed the
/// project of the scene.
pub fn check(events: &[Event], truth: &Truth) -> Report {
    let mut findings = Findings::default();
    let world = World::new(truth);
    let commits = Commits::match_up(events, &world, &mut findings);
    account::check(&world, &commits, &mut findings);
    let time = Time::new(events, &world, &commits);
    commits.check_orphans(events, &world, &time, &mut findings);
    let bindings = schemas::Bindings::replay(&world, &commits);
    commits::check_acknowledged(events, &world, &mut findings);
    changes::check(&world, &commits, &mut findings);
    whole::check(events, &world, &commits, &mut findings);
    let replays = Replays::new(events, &commits);
    replays.check(&world, &time, &mut findings);
    kept::check(events, &world, &mut findings);
    time.check(events, &commits, &mut findings);
    reads::check(events, &world, &mut findings);
    reads::check_floors(events, &mut findings);
    schemas::check(&world, &bindings, &mut findings);
    refusals::check(
        events,
        &Bounds { world: &world, time: &time, replays: &replays },
        &bindings,
        &mut findings,
    );
    for event in events {
        if let Outcome::Odd { why, .. } = &event.outcome {
            findings.about(Rule::Form, event, format!("the answer is not in the contract: {why}"));
        }
    }
    findings.report(events.len())
}
