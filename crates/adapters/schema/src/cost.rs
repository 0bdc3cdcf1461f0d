//! Upper bound on how often a check may evaluate one value of a document, computed from the program.
//!
//! - Sub-schemas that apply to the same value form an acyclic graph (a cycle would never end and is refused).
//!   Each path through the graph is one evaluation.
//! - Sub-schemas that apply to members or elements multiply the evaluations of inner values, level by level.
//! - The bound assumes that every alternative is tried.
//! - A meta-schema counts as one evaluation, and a dynamic reference as its static target.
//!
//! This gives schema authors an early error. The run time of a check is bounded by its step count.

use crate::program::{Program, Slot};
use application::ports::Violation;
use domain::limits::NESTING_MAX;
use std::collections::BTreeMap;

/// Maximum number of evaluations of one value of a document.
pub const EVALUATIONS_MAX: u64 = 2000;
/// Maximum nesting of sub-schemas that apply to the same value. Together with the nesting limit of documents
/// it bounds the call stack of a check.
pub const IN_PLACE_DEPTH_MAX: usize = 32;
/// Maximum number of steps of the cost computation.
const STEPS_MAX: usize = 400_000;

/// The sub-schemas that apply to members and elements of a value, with the number of applications of each.
type Inner = BTreeMap<Slot, BTreeMap<usize, u64>>;

/// Refuses a schema whose checks could take too many evaluations or too much stack.
pub(crate) fn bound(program: &Program) -> Result<(), Violation> {
    let mut costs = Costs::new(program);
    costs.fold_in_place()?;
    costs.multiply_inwards()
}

struct Costs<'a> {
    program: &'a Program,
    /// For each sub-schema, the sub-schemas of the project that it applies to the same value.
    in_place: Vec<Vec<usize>>,
    /// For each sub-schema, the evaluations of the value itself.
    here: Vec<u64>,
    depth: Vec<usize>,
    inner: Vec<Inner>,
    steps: usize,
}

impl<'a> Costs<'a> {
    fn new(program: &'a Program) -> Self {
        let nodes = program.nodes.len();
        let own = |targets: &[usize]| {
            targets.iter().copied().filter(|target| !program.is_bundled(*target)).collect()
        };
        let in_place = (0..nodes)
            .map(
                |node| if program.is_bundled(node) { Vec::new() } else { own(&program.nodes[node].in_place) },
            )
            .collect();
        Self {
            program,
            in_place,
            here: vec![1; nodes],
            depth: vec![1; nodes],
            inner: vec![Inner::new(); nodes],
            steps: 0,
        }
    }

    /// Sums the sub-schemas that apply in place, innermost first.
    fn fold_in_place(&mut self) -> Result<(), Violation> {
        let nodes = self.program.nodes.len();
        let mut waiting: Vec<usize> = self.in_place.iter().map(Vec::len).collect();
        let mut outer = vec![Vec::new(); nodes];
        for (number, targets) in self.in_place.iter().enumerate() {
            for target in targets {
                outer[*target].push(number);
            }
        }
        let mut ready: Vec<usize> = (0..nodes).filter(|number| waiting[*number] == 0).collect();
        let mut done = 0;
        while let Some(number) = ready.pop() {
            done += 1;
            self.fold(number)?;
            for user in &outer[number] {
                waiting[*user] -= 1;
                if waiting[*user] == 0 {
                    ready.push(*user);
                }
            }
        }
        if done == nodes {
            return Ok(());
        }
        let stuck = waiting.iter().position(|left| *left > 0).unwrap_or_default();
        Err(self.refused(stuck, "refers back to itself without looking further into the value"))
    }

    fn fold(&mut self, number: usize) -> Result<(), Violation> {
        let node = &self.program.nodes[number];
        let mut inner = Inner::new();
        if !self.program.is_bundled(number) {
            for (slot, target) in &node.inner {
                *inner.entry(slot.clone()).or_default().entry(*target).or_default() += 1;
            }
            self.steps += node.inner.len();
        }
        for target in &self.in_place[number].clone() {
            self.here[number] = self.here[number].saturating_add(self.here[*target]);
            self.depth[number] = self.depth[number].max(self.depth[*target] + 1);
            for (slot, applied) in &self.inner[*target] {
                let merged = inner.entry(slot.clone()).or_default();
                for (schema, times) in applied {
                    let sum = merged.entry(*schema).or_default();
                    *sum = sum.saturating_add(*times);
                }
                self.steps += applied.len();
            }
            if self.steps > STEPS_MAX {
                return Err(self.refused(number, "combines too many other schemas"));
            }
        }
        self.inner[number] = inner;
        if self.depth[number] > IN_PLACE_DEPTH_MAX {
            let message = format!(
                "applies more than {IN_PLACE_DEPTH_MAX} schemas one within the other to the same value"
            );
            return Err(self.refused(number, &message));
        }
        self.affordable(number, self.here[number])
    }

    /// Multiplies the evaluations level by level, down to the nesting limit of documents.
    fn multiply_inwards(&self) -> Result<(), Violation> {
        let mut level = self.here.clone();
        for _ in 0..NESTING_MAX {
            let next: Vec<u64> = self.inner.iter().map(|inner| worst(inner, &level)).collect();
            for (number, evaluations) in next.iter().enumerate() {
                self.affordable(number, *evaluations)?;
            }
            if next == level {
                break;
            }
            level = next;
        }
        Ok(())
    }

    fn affordable(&self, number: usize, evaluations: u64) -> Result<(), Violation> {
        if evaluations <= EVALUATIONS_MAX {
            return Ok(());
        }
        let message = format!("may look at one value of a document more than {EVALUATIONS_MAX} times");
        Err(self.refused(number, &message))
    }

    fn refused(&self, number: usize, message: &str) -> Violation {
        self.program.fault(number, "", format_args!("the schema here {message}"))
    }
}

/// The maximum number of evaluations of one member or element.
fn worst(inner: &Inner, level: &[u64]) -> u64 {
    let sum = |applied: &BTreeMap<usize, u64>| {
        applied
            .iter()
            .fold(0_u64, |sum, (schema, times)| sum.saturating_add(times.saturating_mul(level[*schema])))
    };
    let (mut member, mut element, mut any_member, mut any_element) = (0, 0, 0, 0);
    for (slot, applied) in inner {
        match slot {
            Slot::Member(_) => member = member.max(sum(applied)),
            Slot::Element(_) => element = element.max(sum(applied)),
            Slot::AnyMember => any_member = sum(applied),
            Slot::AnyElement => any_element = sum(applied),
        }
    }
    member.saturating_add(any_member).max(element.saturating_add(any_element))
}
