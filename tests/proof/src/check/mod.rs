//! Whether it could have happened.
//!
//! The cluster gives every change one global revision, and every answer says which revision it reflects.
//! So there is nothing to search for: the truth is the one order in which the changes happened, each
//! answer is compared with the state at its revision, and real time must agree with the order of the
//! revisions. That is strict serializability of the whole, not only of each key.
//!
//! What answers do not tell is not judged: a refusal carries no revision, so it is only asked whether
//! *some* state between its bounds explains it; and which of several unknown deletions it was that
//! happened cannot be known.

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

/// Compares what clients saw with the cluster's own account. `events` is a whole history: nothing else
/// changed the project of the scene.
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
