//! What must hold between the nodes at every moment, whatever clients see.

use crate::node::Machine;
use crate::trace::Trace;
use adapter_raft::Applied;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Invariants {
    /// What any node had at an index; all must have the same.
    applied: BTreeMap<u64, (Applied, usize)>,
    /// Who led a term last, and in which life. openraft's leaders are ordered by term and then by node, so a
    /// term may have a second leader, of a higher id; a leadership never outlives its process.
    leaders: BTreeMap<u64, (usize, u64)>,
    /// Which term each node led, in which life, when it was last looked at.
    leading: BTreeMap<usize, Option<(u64, u64)>>,
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
            let (other, whose) = *self.applied.entry(applied.index).or_insert((applied, machine.number));
            if other != applied {
                let whose = machines[whose].host();
                trace.violation(format_args!(
                    "{} has {applied:?} where {whose} had {other:?}",
                    machine.host()
                ));
            }
            let leading = stats.leads().then_some((stats.term, life));
            // One that was overtaken leads on until it hears of it; only beginning to lead is looked at.
            let begins = self.leading.insert(machine.number, leading) != Some(leading);
            if leading.is_some() && begins {
                let now = (machine.number, life);
                let before = self.leaders.insert(stats.term, now);
                if before != Some(now) {
                    trace.line(format_args!("{} leads term {}", machine.host(), stats.term));
                }
                if let Some((number, then)) = before
                    && (number > machine.number || number == machine.number && then != life)
                {
                    let other = machines[number].host();
                    let (name, term) = (machine.host(), stats.term);
                    trace.violation(format_args!(
                        "{name} leads term {term} after {other} did, life {then} to {life}"
                    ));
                }
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

    /// How many terms had a leader.
    pub fn terms(&self) -> usize {
        self.leaders.len()
    }

    /// Whether all nodes have applied the same, and what that is.
    pub fn agreed(machines: &[Arc<Machine>]) -> Option<Applied> {
        let mut all = machines.iter().map(|machine| machine.node().map(|node| node.applied()));
        let first = all.next()??;
        all.all(|other| other == Some(first)).then_some(first)
    }
}
