//! The table of scenarios.

mod clock;
mod cut;
mod damage;
mod flush;
mod kill;
mod lost;
mod pause;
mod power;
mod snapshot;

use self::flush::{SMALL, Who};
use crate::cluster::Wish;
use crate::stage::Stage;
use crate::tool::Tool;
use crate::wal::Kind;
use futures::future::LocalBoxFuture;
use std::fmt;

type Act = for<'a> fn(&'a mut Stage) -> LocalBoxFuture<'a, anyhow::Result<()>>;

/// A scenario.
pub struct Scenario {
    /// The id in the fault matrix.
    pub id: &'static str,
    /// The injected fault.
    pub what: &'static str,
    /// The required tools.
    pub needs: &'static [Tool],
    /// Whether it is part of the short slice.
    pub ci: bool,
    /// Whether it runs only if requested by its full id, because it shows an open problem.
    pub by_name: bool,
    /// Whether a violation is required: the fault breaks an assumption of the guarantees.
    pub control: bool,
    /// The required properties of the cluster.
    pub wish: Wish,
    /// Injects and heals the fault; the checks afterwards are common to all scenarios.
    pub act: Act,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("id", &self.id).finish_non_exhaustive()
    }
}

const PLAIN: Scenario = Scenario {
    id: "",
    what: "",
    needs: &[],
    ci: false,
    by_name: false,
    control: false,
    wish: Wish { disks: None, snapshot_every: None },
    act: |_| Box::pin(async { Ok(()) }),
};

const NETWORK: &[Tool] = &[Tool::Network];
const DISK: &[Tool] = &[Tool::Disk];
const TRACE: &[Tool] = &[Tool::Trace];
const BOTH: &[Tool] = &[Tool::Disk, Tool::Trace];
/// A separate disk per node, in MiB.
const DISKS: Wish = Wish { disks: Some((&[0, 1, 2], 256)), snapshot_every: None };

/// A snapshot every few entries.
const SNAPSHOTS: Wish = Wish { disks: None, snapshot_every: Some(snapshot::EVERY) };

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "F1",
        what: "kill -9 of the leader, a random node, all nodes",
        ci: true,
        act: |stage| Box::pin(kill::kill_nine(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F2",
        what: "rolling restart with SIGTERM under retrying clients",
        act: |stage| Box::pin(kill::rolling(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F3",
        what: "SIGSTOP of the leader for 0.1 to 10 s",
        ci: true,
        act: |stage| Box::pin(pause::stop_leader(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F4",
        what: "partition: leader alone, follower alone, all alone",
        needs: NETWORK,
        ci: true,
        act: |stage| Box::pin(cut::symmetric(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F5",
        what: "one-way partition: leader or follower deaf or mute",
        needs: NETWORK,
        act: |stage| Box::pin(cut::asymmetric(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F6",
        what: "links of the leader, then of a follower, off and on every 200 ms",
        needs: NETWORK,
        act: |stage| Box::pin(cut::flapping(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F7",
        what: "5 % of the packets between nodes lost",
        needs: NETWORK,
        act: |stage| Box::pin(cut::lossy(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F8",
        what: "silent connections, then a leader's machine that vanishes",
        needs: NETWORK,
        act: |stage| Box::pin(cut::silent(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F9-leader",
        what: "EIO from every flush of the leader, then its power cut",
        needs: BOTH,
        ci: true,
        wish: DISKS,
        act: |stage| Box::pin(flush::failing(stage, Who::Leader)),
        ..PLAIN
    },
    Scenario {
        id: "F9-follower",
        what: "EIO from every flush of a follower, then its power cut",
        needs: BOTH,
        wish: DISKS,
        act: |stage| Box::pin(flush::failing(stage, Who::Follower)),
        ..PLAIN
    },
    Scenario {
        id: "F10-leader",
        what: "every flush of the leader 200 ms slower",
        needs: TRACE,
        act: |stage| Box::pin(flush::slow(stage, Who::Leader)),
        ..PLAIN
    },
    Scenario {
        id: "F10-follower",
        what: "every flush of a follower 200 ms slower",
        needs: TRACE,
        act: |stage| Box::pin(flush::slow(stage, Who::Follower)),
        ..PLAIN
    },
    Scenario {
        id: "F11",
        what: "the disk of one node fills up",
        needs: DISK,
        wish: Wish { disks: Some((&[SMALL], 64)), snapshot_every: None },
        act: |stage| Box::pin(flush::full(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F12-one",
        what: "power cut of one node",
        needs: DISK,
        wish: DISKS,
        act: |stage| Box::pin(power::cut(stage, 1)),
        ..PLAIN
    },
    Scenario {
        id: "F12-majority",
        what: "power cut of two nodes at once",
        needs: DISK,
        wish: DISKS,
        act: |stage| Box::pin(power::cut(stage, 2)),
        ..PLAIN
    },
    Scenario {
        id: "F12-all",
        what: "power cut of all nodes at once",
        needs: DISK,
        ci: true,
        wish: DISKS,
        act: |stage| Box::pin(power::cut(stage, 3)),
        ..PLAIN
    },
    Scenario {
        id: "F13",
        what: "torn tail of a log: cut, followed by zeros, last sector zeroed",
        needs: BOTH,
        ci: true,
        wish: DISKS,
        act: |stage| Box::pin(damage::torn(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F14-entry",
        what: "a flipped bit in an entry of a log",
        act: |stage| Box::pin(damage::flipped(stage, Kind::Entry)),
        ..PLAIN
    },
    Scenario {
        id: "F14-vote",
        what: "a flipped bit in a vote",
        act: |stage| Box::pin(damage::flipped(stage, Kind::Vote)),
        ..PLAIN
    },
    Scenario {
        id: "F14-snapshot",
        what: "a flipped bit in a snapshot, of the sender or the node's own",
        wish: SNAPSHOTS,
        act: |stage| Box::pin(snapshot::flipped(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F15",
        what: "a lost disk: the old id with an empty folder is refused, and replaced under a new one",
        act: |stage| Box::pin(lost::empty(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F17",
        what: "wall clocks up to an hour wrong, and jumping by 288 s",
        needs: &[Tool::Clock],
        act: |stage| Box::pin(clock::wrong(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F19",
        what: "snapshots broken off by kills of the receiver and the sender",
        wish: SNAPSHOTS,
        act: |stage| Box::pin(snapshot::broken_off(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F13-acked",
        what: "the tail of a log cut where it was acknowledged",
        by_name: true,
        act: |stage| Box::pin(damage::forgotten(stage)),
        ..PLAIN
    },
    Scenario {
        id: "F14-state",
        what: "a flipped bit in a document in state.redb",
        by_name: true,
        act: |stage| Box::pin(damage::rotten(stage)),
        ..PLAIN
    },
    Scenario {
        id: "P1",
        what: "control: flushes that lie, then a power cut of all nodes",
        needs: BOTH,
        ci: true,
        control: true,
        wish: DISKS,
        act: |stage| Box::pin(power::lying(stage)),
        ..PLAIN
    },
];
