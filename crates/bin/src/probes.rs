//! The health of the node for probes.

use adapter_http::{Probes, Readiness};
use adapter_raft::space::{Level, SpaceStats};
use adapter_raft::{READY_LAG_ENTRIES_MAX, RaftNode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Answers probes from local state, without any request.
#[derive(Debug)]
pub(crate) struct NodeProbes {
    pub(crate) node: Arc<RaftNode>,
    /// Whether the last ping of the identity database succeeded; `None` without a database.
    pub(crate) people: Option<Arc<AtomicBool>>,
}

impl Probes for NodeProbes {
    fn live(&self) -> bool {
        self.node.health().running
    }

    fn ready(&self) -> Readiness {
        let health = self.node.health();
        let near = health.lag <= READY_LAG_ENTRIES_MAX;
        let checks = vec![
            check("running", health.running, "the replicated state runs", "the replicated state has stopped"),
            check("formed", health.bootstrapped, "the cluster is formed", "the cluster is not formed yet"),
            check("leader", health.leader_known, "a leader is known", "no leader is known"),
            (
                "lag",
                near,
                format!("{} log entries behind, at most {READY_LAG_ENTRIES_MAX} are allowed", health.lag),
            ),
            check(
                "member",
                !health.removed,
                "the node was not removed",
                "the node was removed from the cluster, and its id is never used again",
            ),
            check("staying", !health.leaving, "the node takes part", "the node is stopping"),
        ];
        let ready = checks.iter().all(|(_, passed, _)| *passed);
        let mut checks = checks;
        // Does not affect readiness: reads and deletes are still served.
        checks.push(disk(&health.space));
        // Does not affect readiness: API keys and signed-in users are still served.
        let people = self.people.as_ref().map(|people| people.load(Ordering::Relaxed));
        checks.extend(people.map(|answers| {
            check(
                "identity",
                answers,
                "people can sign in",
                "degraded: the identity database does not answer",
            )
        }));
        Readiness { ready, checks }
    }

    fn started(&self) -> bool {
        self.node.health().bootstrapped
    }
}

fn disk(space: &SpaceStats) -> (&'static str, bool, String) {
    let SpaceStats { free, limit, level, cluster } = *space;
    let detail = if level != Level::Ample {
        format!("disk_full: {free} bytes are free, {limit} are needed; changes that grow are refused")
    } else if cluster != Level::Ample {
        "disk_full: another member is low on disk space; changes that grow are refused".to_owned()
    } else {
        format!("{free} bytes are free, {limit} are needed")
    };
    ("disk", cluster == Level::Ample, detail)
}

fn check(name: &'static str, passed: bool, good: &str, bad: &str) -> (&'static str, bool, String) {
    (name, passed, if passed { good } else { bad }.to_owned())
}
