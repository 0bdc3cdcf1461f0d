//! What must hold between the nodes at every moment, whatever clients see.

use crate::node::Machine;
use crate::trace::Trace;
use adapter_raft::Applied;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Invariants {
    /// What any node had at an index; all must have the same.
    applied: BTreeMap<u64, (Applied, usize)>,
    /// In which life of its process each leadership was seen, by term and node. openraft orders leaderships by
    /// term and then by node, so a term may have several.
    leaders: BTreeMap<(u64, usize), u64>,
    /// In which life each node was seen last, and at which term and index.
    last: BTreeMap<usize, (u64, u64, u64)>,
}

impl Invariants {
    /// Looks at all nodes.
    pub fn check(&mut self, machines: &[Arc<Machine>], trace: &mut Trace) {
        for machine in machines {
            let (answered, kept) = (machine.seen.answered_vote(), machine.disks.log.vote());
            // A lost disk forgets its votes, and its owner never comes back.
            if kept < answered && !machine.wiped.load(Ordering::Relaxed) {
                trace.violation(format_args!(
                    "{} has told a candidate that it stands by vote {answered:?}, and has {kept:?}",
                    machine.host()
                ));
            }
            let Some(node) = machine.node() else {
                continue;
            };
            let life = machine.disks.lives();
            let (applied, stats) = (node.applied(), node.stats());
            self.check_applied(machines, machine, applied, trace);
            if stats.leads() {
                self.check_leadership(machine, stats.term, life, trace);
            }
            let last = self.last.insert(machine.number, (life, stats.term, applied.index));
            if let Some((_, term, index)) = last.filter(|(then, ..)| *then == life)
                && (stats.term < term || applied.index < index)
            {
                trace.violation(format_args!(
                    "{} went back from term {term}, index {index} to term {}, index {}",
                    machine.host(),
                    stats.term,
                    applied.index
                ));
            }
        }
    }

    /// All nodes have the same at an index, and a leader that was overtaken commits nothing any more: by index,
    /// the leaderships of what is applied never go back.
    ///
    /// When a node *says* that it leads proves nothing of that: the last vote for it may have been under way for
    /// long, or its disk slow, while a node of a higher id won the same term (seed 5211). It can still commit
    /// nothing, because a majority stands by the later vote.
    fn check_applied(
        &mut self,
        machines: &[Arc<Machine>],
        machine: &Machine,
        applied: Applied,
        trace: &mut Trace,
    ) {
        let name = machine.host();
        if let Some((other, whose)) = self.applied.get(&applied.index) {
            if *other != applied {
                let whose = machines[*whose].host();
                trace.violation(format_args!("{name} has {applied:?} where {whose} had {other:?}"));
            }
            return;
        }
        let before = self.applied.range(..applied.index).next_back();
        let after = self.applied.range(applied.index..).next();
        for (other, whose) in [before, after].into_iter().flatten().map(|(_, seen)| *seen) {
            let (first, second) =
                if other.index < applied.index { (other, applied) } else { (applied, other) };
            if first.leader > second.leader {
                let whose = machines[whose].host();
                trace.violation(format_args!(
                    "a leader committed after it was overtaken: {name} has {applied:?}, {whose} had {other:?}"
                ));
            }
        }
        self.applied.insert(applied.index, (applied, machine.number));
    }

    /// A leadership belongs to one life of one process.
    fn check_leadership(&mut self, machine: &Machine, term: u64, life: u64, trace: &mut Trace) {
        let name = machine.host();
        match self.leaders.insert((term, machine.number), life) {
            None => trace.line(format_args!("{name} leads term {term}")),
            Some(then) if then != life => trace
                .violation(format_args!("{name} leads term {term} again, in life {life} as in life {then}")),
            Some(_) => {}
        }
    }

    /// How many terms had a leader.
    pub fn terms(&self) -> usize {
        self.leaders.keys().map(|(term, _)| term).collect::<BTreeSet<_>>().len()
    }

    /// Whether all nodes have applied the same, and what that is.
    pub fn agreed(machines: &[Arc<Machine>]) -> Option<Applied> {
        let mut all = machines.iter().map(|machine| machine.node().map(|node| node.applied()));
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }
}
