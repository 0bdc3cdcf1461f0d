//! A client: draws an operation, performs it through one of its nodes, and records the outcome.

mod choose;
mod focus;
mod known;
mod request;

use crate::answer;
use crate::event::Outcome;
use crate::operation::Operation;
use crate::plan::Scene;
use crate::recorder::Recorder;
use crate::wire::{Caller, Request};
use choose::{Choice, Intent};
pub use focus::Focus;
use known::Knowledge;
use rand::Rng as _;
use rand::rngs::StdRng;
use request::{next_page, request};
use std::collections::VecDeque;

/// Probability of a change of the node between two operations.
const MOVES: f64 = 0.15;
/// Probability of a change of the node after it could not serve.
const FLEES: f64 = 0.5;
/// Probability of reading the next page of a list through another node.
const WANDERS: f64 = 0.3;
/// Maximum number of pages of a list; far more than the scene can fill.
const PAGES_MAX: usize = 1000;

/// Probability of an idempotency key on a change that may have one.
const PROMISES: f64 = 0.4;
/// Probability of an immediate retry of a change with a key and an unknown outcome.
const INSISTS: f64 = 0.8;
/// Probability of repeating an earlier request instead of a new one.
const RECALLS: f64 = 0.05;
/// Probability of then sending another request with the same key.
const ABUSES: f64 = 0.25;
/// Probability of joining the focus that the driver sets.
const JOINS: f64 = 0.9;
/// Maximum number of remembered requests with keys.
const REMEMBERED_MAX: usize = 6;

/// Whether the node could serve.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// It responded, possibly with a refusal.
    Served,
    /// It could not, or there was no response: pause before the next step.
    Unserved,
}

/// A client. It performs one operation at a time. A dropped, unfinished step leaves an operation in the
/// history that may have happened.
#[derive(Debug)]
pub struct Client<C> {
    number: usize,
    callers: Vec<C>,
    caller: usize,
    scene: Scene,
    recorder: Recorder,
    random: StdRng,
    knowledge: Knowledge,
    /// Requests with an idempotency key, the oldest first.
    promised: VecDeque<Promised>,
    /// The request to retry through another node.
    insists: Option<Promised>,
}

/// A request with an idempotency key.
#[derive(Clone, Debug)]
struct Promised {
    token: u64,
    intent: Intent,
}

impl<C: Caller> Client<C> {
    /// A client that uses any of `callers`. Clients of one history have different numbers, or run one after
    /// the other.
    pub fn new(number: usize, callers: Vec<C>, scene: Scene, recorder: Recorder, random: StdRng) -> Self {
        let knowledge = Knowledge::new(&scene);
        let caller = number % callers.len().max(1);
        let (promised, insists) = (VecDeque::new(), None);
        Self { number, callers, caller, scene, recorder, random, knowledge, promised, insists }
    }

    /// Performs one operation.
    pub async fn step(&mut self) -> Step {
        if self.random.random_bool(MOVES) {
            self.caller = self.another();
        }
        let (token, intent) = self.next();
        let mut request = request(&self.scene, &intent.operation, &intent.contents);
        if let Some(token) = token {
            request = request.header("Idempotency-Key", format!("{}-{token}", self.scene.project));
        }
        let operation = intent.operation.clone();
        let node = self.callers[self.caller].name().to_owned();
        let number = self.recorder.begin(self.number, &node, token, operation.clone());
        let (outcome, replayed) = if matches!(operation, Operation::List { .. }) {
            (self.list(number, &operation, request).await, false)
        } else {
            let answer = self.callers[self.caller].call(request).await;
            let replayed = answer::replayed(&answer);
            (answer::outcome(&operation, answer), replayed)
        };
        self.knowledge.learn(&operation, &outcome);
        let served = match &outcome {
            Outcome::Refused { status, .. } => *status < 500,
            Outcome::Pending | Outcome::Unknown { .. } | Outcome::Unsent { .. } => false,
            Outcome::Listed { complete, .. } => *complete,
            _ => true,
        };
        if let Some(token) = token {
            self.remember(Promised { token, intent }, &outcome);
        }
        self.recorder.end(number, outcome, replayed);
        if served {
            return Step::Served;
        }
        if self.random.random_bool(FLEES) {
            self.caller = self.another();
        }
        Step::Unserved
    }

    /// The next operation and its idempotency key.
    fn next(&mut self) -> (Option<u64>, Intent) {
        let insists = self.insists.take().or_else(|| {
            let recalls = !self.promised.is_empty() && self.random.random_bool(RECALLS);
            let at = recalls.then(|| self.random.random_range(0..self.promised.len()))?;
            self.promised.get(at).cloned()
        });
        let focus = self.recorder.focus().filter(|_| insists.is_none() && self.random.random_bool(JOINS));
        let mut choice = Choice {
            scene: &self.scene,
            knowledge: &self.knowledge,
            recorder: &self.recorder,
            random: &mut self.random,
        };
        if let Some(focus) = focus
            && let Some(intent) = choice.focused(focus, self.number)
        {
            self.caller = focus.node(self.number).unwrap_or(self.caller);
            let has_token =
                focus.has_tokens() && intent.operation.is_change() && self.random.random_bool(PROMISES);
            return (has_token.then(|| self.recorder.token()), intent);
        }
        let intent = choice.operation();
        // The writer of a change without a serial number is only known from its response.
        let numbered = |intent: &Intent| intent.operation.is_change() && intent.operation.serial().is_some();
        match insists {
            Some(earlier) => {
                self.caller = self.another();
                let abuses =
                    numbered(&earlier.intent) && numbered(&intent) && self.random.random_bool(ABUSES);
                (Some(earlier.token), if abuses { intent } else { earlier.intent })
            }
            None if intent.operation.is_change() && self.random.random_bool(PROMISES) => {
                (Some(self.recorder.token()), intent)
            }
            None => (None, intent),
        }
    }

    fn remember(&mut self, promised: Promised, outcome: &Outcome) {
        if self.promised.iter().all(|own| own.token != promised.token) {
            self.promised.push_back(promised.clone());
            if self.promised.len() > REMEMBERED_MAX {
                self.promised.pop_front();
            }
        }
        if outcome.is_unknown() && self.random.random_bool(INSISTS) {
            self.insists = Some(promised);
        }
    }

    /// Reads a list page by page, each possibly from another node. If a later page fails, the earlier ones
    /// still count.
    async fn list(&mut self, number: usize, operation: &Operation, first: Request) -> Outcome {
        let (mut pages, mut request) = (Vec::new(), first.clone());
        while pages.len() < PAGES_MAX {
            let result = self.callers[self.caller].call(request).await;
            let answer = match result {
                Ok(answer) if answer.status == 200 => answer,
                other if pages.is_empty() => return answer::outcome(operation, other),
                // A version on the first page was pruned meanwhile.
                Ok(answer) if self.scene.retention.is_some() && answer.code() == Some("history_pruned") => {
                    return Outcome::Listed { pages, complete: false };
                }
                Ok(answer) if answer.status < 500 => {
                    let why = format!("a later page is refused: {}", answer.body);
                    return Outcome::Odd { status: answer.status, why };
                }
                _ => return Outcome::Listed { pages, complete: false },
            };
            let token = match answer::page(operation, &answer) {
                Ok((page, token)) => {
                    pages.push(page);
                    token
                }
                Err(why) => return Outcome::Odd { status: answer.status, why },
            };
            if token.is_empty() {
                return Outcome::Listed { pages, complete: true };
            }
            request = next_page(&first, &token);
            if self.random.random_bool(WANDERS) {
                self.caller = self.another();
                self.recorder.also_through(number, self.callers[self.caller].name());
            }
        }
        Outcome::Odd { status: 200, why: "the list does not end".to_owned() }
    }

    fn another(&mut self) -> usize {
        self.random.random_range(0..self.callers.len())
    }
}
