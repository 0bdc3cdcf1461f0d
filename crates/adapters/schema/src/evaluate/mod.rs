//! Evaluates a document. Every step is counted; a check ends when it exceeds its step limit or is cancelled.

mod in_place;
mod inwards;
mod scalars;

use crate::cost::IN_PLACE_DEPTH_MAX;
use crate::program::{Check, Node, Program, Rule, Says};
use crate::uri;
use crate::value::Json;
use crate::violation::{VIOLATIONS_MAX, cut};
use application::ports::Violation;
use domain::limits::NESTING_MAX;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Maximum number of steps of one check. A step is one keyword at one value, one comparison of two values, or
/// a few bytes of text: some tens of nanoseconds.
pub const CHECK_STEPS_MAX: u64 = 20_000_000;
/// Number of steps between two checks for cancellation.
const STEPS_BETWEEN_LOOKS: u64 = 16 * 1024;
/// Maximum nesting of sub-schemas over the whole depth of a document.
const DEPTH_MAX: usize = (NESTING_MAX + 2) * IN_PLACE_DEPTH_MAX;
/// Bytes of text read in one step.
const TEXT_BYTES_PER_STEP: u64 = 64;

/// Why a check ended early. The validity of the document is unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The check needs more than [`CHECK_STEPS_MAX`] steps.
    TooExpensive,
    /// The check was cancelled.
    Cancelled,
}

/// The result of a check.
#[derive(Debug)]
pub(crate) struct Evaluated {
    /// The first violations; empty if the document is valid.
    pub violations: Vec<Violation>,
    /// The number of steps taken.
    pub steps: u64,
}

/// Validates a document against a program.
pub(crate) fn evaluate(
    program: &Program,
    document: &Json,
    cancelled: &AtomicBool,
) -> Result<Evaluated, Stop> {
    let mut evaluation = Evaluation {
        program,
        document,
        cancelled,
        left: CHECK_STEPS_MAX,
        next_look: CHECK_STEPS_MAX,
        path: Vec::new(),
        scope: Vec::new(),
        depth: 0,
        muted: 0,
        found: Vec::new(),
    };
    let valid = evaluation.apply(0, document, None)?;
    if !valid && evaluation.found.is_empty() {
        evaluation.report(0, "", format_args!("the document does not satisfy the schema"));
    }
    let steps = CHECK_STEPS_MAX - evaluation.left;
    Ok(Evaluated { violations: evaluation.found, steps })
}

struct Evaluation<'a> {
    program: &'a Program,
    document: &'a Json,
    cancelled: &'a AtomicBool,
    /// The remaining steps.
    left: u64,
    /// The value of `left` at which cancellation is checked next.
    next_look: u64,
    /// The current place in the document: positions of members and elements.
    path: Vec<usize>,
    /// The dynamic scope: the entered schema resources, outermost first.
    scope: Vec<usize>,
    depth: usize,
    /// The number of enclosing sub-schemas that may fail while the document stays valid.
    muted: usize,
    found: Vec<Violation>,
}

/// For each member or element of a value: whether it was evaluated.
type Seen = Vec<bool>;

impl<'a> Evaluation<'a> {
    /// Deducts steps. Fails if none are left or the check is cancelled.
    fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        self.left = self.left.checked_sub(steps).ok_or(Stop::TooExpensive)?;
        if self.left <= self.next_look {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Stop::Cancelled);
            }
            self.next_look = self.left.saturating_sub(STEPS_BETWEEN_LOOKS);
        }
        Ok(())
    }

    fn spend_text(&mut self, text: &str) -> Result<(), Stop> {
        self.spend(text.len() as u64 / TEXT_BYTES_PER_STEP)
    }

    fn equal(&mut self, a: &Json, b: &Json) -> Result<bool, Stop> {
        let mut stop = None;
        let order = a.compare(b, &mut |steps| match self.spend(steps) {
            Ok(()) => true,
            Err(stopped) => {
                stop = Some(stopped);
                false
            }
        });
        stop.map_or(Ok(order.is_eq()), Err)
    }

    /// Whether violations are currently not reported.
    fn is_quiet(&self) -> bool {
        self.muted > 0 || self.found.len() >= VIOLATIONS_MAX
    }

    /// Adds a violation at the current place.
    fn report(&mut self, node: usize, keyword: &str, message: fmt::Arguments<'_>) {
        if self.is_quiet() {
            return;
        }
        let (mut pointer, mut at) = (String::new(), self.document);
        for step in &self.path {
            match at {
                Json::Object(members) => {
                    let Some((name, value)) = members.get(*step) else { break };
                    (pointer, at) = (uri::join(&pointer, name), value);
                }
                Json::Array(items) => {
                    let Some(value) = items.get(*step) else { break };
                    (pointer, at) = (format!("{pointer}/{step}"), value);
                }
                _ => break,
            }
        }
        let schema = &self.program.nodes[node].pointer;
        let schema_pointer = if keyword.is_empty() || keyword == FALSE_SCHEMA {
            schema.clone()
        } else {
            uri::join(schema, keyword)
        };
        let (keyword, message) = (keyword.to_owned(), cut(&message));
        self.found.push(Violation { pointer, schema_pointer, keyword, message });
    }

    /// Applies a sub-schema to a value. If the value is valid, marks what was evaluated in `seen`.
    fn apply(&mut self, node: usize, value: &Json, seen: Option<&mut Seen>) -> Result<bool, Stop> {
        let program = self.program;
        let Node { says, resource, .. } = &program.nodes[node];
        let rules = match says {
            Says::Always(true) => return self.spend(1).map(|()| true),
            Says::Always(false) => {
                self.report(node, FALSE_SCHEMA, format_args!("False schema does not allow {value}"));
                return self.spend(1).map(|()| false);
            }
            Says::Rules(rules) => rules,
        };
        self.spend(1 + rules.len() as u64)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Stop::TooExpensive);
        }
        let enters = self.scope.last() != Some(resource);
        if enters {
            self.scope.push(*resource);
        }
        let valid = self.track(node, rules, value, seen);
        if enters {
            self.scope.pop();
        }
        self.depth -= 1;
        valid
    }

    /// Evaluates the rules. Tracks evaluated members and elements if the caller or a keyword needs them.
    fn track(
        &mut self,
        node: usize,
        rules: &'a [Rule],
        value: &Json,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let asks = matches!(
            rules.last().map(|rule| &rule.check),
            Some(Check::UnevaluatedMembers(_) | Check::UnevaluatedElements(_))
        );
        if seen.is_none() && !asks {
            return self.rules(node, rules, value, None);
        }
        let size = value.as_array().map_or(0, <[Json]>::len) + value.as_object().map_or(0, <[_]>::len);
        self.spend(1 + size as u64 / 8)?;
        let mut own = vec![false; size];
        let valid = self.rules(node, rules, value, Some(&mut own))?;
        if let Some(seen) = seen.filter(|_| valid) {
            seen.iter_mut().zip(&own).for_each(|(seen, own)| *seen |= *own);
        }
        Ok(valid)
    }

    fn rules(
        &mut self,
        node: usize,
        rules: &'a [Rule],
        value: &Json,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for rule in rules {
            let unevaluated =
                matches!(rule.check, Check::UnevaluatedMembers(_) | Check::UnevaluatedElements(_));
            // The evaluated members and elements are known only if all other rules hold.
            if unevaluated && !valid {
                break;
            }
            valid &= self.rule(node, rule, value, seen.as_deref_mut())?;
            if !valid && self.is_quiet() {
                break;
            }
        }
        Ok(valid)
    }

    fn rule(
        &mut self,
        node: usize,
        rule: &'a Rule,
        value: &Json,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        match &rule.check {
            Check::Reference(_)
            | Check::Dynamic { .. }
            | Check::AllOf(_)
            | Check::AnyOf(_)
            | Check::OneOf(_)
            | Check::Not(_)
            | Check::If { .. }
            | Check::SchemaWith(_) => self.combined(node, rule, value, seen),
            Check::Members(_)
            | Check::Names(_)
            | Check::Elements { .. }
            | Check::Contains { .. }
            | Check::UnevaluatedMembers(_)
            | Check::UnevaluatedElements(_) => self.inwards(node, rule, value, seen),
            _ => self.scalar(node, rule, value),
        }
    }
}

/// The keyword reported for a violation of the schema `false`.
const FALSE_SCHEMA: &str = "falseSchema";
