//! One client: draws an operation, does it through one of its nodes, and writes down what came of it.

mod choose;
mod known;
mod request;

use crate::answer;
use crate::event::{Operation, Outcome};
use crate::plan::Scene;
use crate::recorder::Recorder;
use crate::wire::{Caller, Request};
use known::Knowledge;
use rand::Rng as _;
use rand::rngs::StdRng;
use request::{next_page, request};

/// How likely a client changes the node between two operations.
const MOVES: f64 = 0.15;
/// How likely it does so after a node could not serve.
const FLEES: f64 = 0.5;
/// How likely it reads the next page of a list through another node.
const WANDERS: f64 = 0.3;
/// Most pages of a list; far more than the scene can fill.
const PAGES_MAX: usize = 1000;

/// Whether the node could serve.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// It answered, be it with a refusal.
    Served,
    /// It could not, or no answer came: wait a while before the next step.
    Unserved,
}

/// One client. It does one operation at a time. Who drops a step that is not done leaves an operation in
/// the history that may have happened.
#[derive(Debug)]
pub struct Client<C> {
    number: usize,
    callers: Vec<C>,
    caller: usize,
    scene: Scene,
    recorder: Recorder,
    random: StdRng,
    knowledge: Knowledge,
}

impl<C: Caller> Client<C> {
    /// A client that works through any of `callers`. Clients of one history have different numbers, or
    /// follow one another.
    pub fn new(number: usize, callers: Vec<C>, scene: Scene, recorder: Recorder, random: StdRng) -> Self {
        let knowledge = Knowledge::new(&scene);
        let caller = number % callers.len().max(1);
        Self { number, callers, caller, scene, recorder, random, knowledge }
    }

    /// Does one operation.
    pub async fn step(&mut self) -> Step {
        if self.random.random_bool(MOVES) {
            self.caller = self.another();
        }
        let intent = choose::choose(&self.scene, &self.knowledge, &self.recorder, &mut self.random);
        let request = request(&self.scene, &intent.operation, intent.body);
        let operation = intent.operation;
        let node = self.callers[self.caller].name().to_owned();
        let number = self.recorder.begin(self.number, &node, operation.clone());
        let outcome = match operation {
            Operation::List { .. } => self.list(number, &operation, request).await,
            _ => answer::outcome(&operation, self.callers[self.caller].call(request).await),
        };
        self.knowledge.learn(&operation, &outcome);
        let served = match &outcome {
            Outcome::Refused { status, .. } => *status < 500,
            Outcome::Pending | Outcome::Unknown { .. } | Outcome::Unsent { .. } => false,
            Outcome::Listed { complete, .. } => *complete,
            _ => true,
        };
        self.recorder.end(number, outcome);
        if served {
            return Step::Served;
        }
        if self.random.random_bool(FLEES) {
            self.caller = self.another();
        }
        Step::Unserved
    }

    /// Reads a list page after page, perhaps each from another node. When a later page does not come,
    /// the beginning still counts.
    async fn list(&mut self, number: usize, operation: &Operation, first: Request) -> Outcome {
        let (mut pages, mut request) = (Vec::new(), first.clone());
        while pages.len() < PAGES_MAX {
            let result = self.callers[self.caller].call(request).await;
            let answer = match result {
                Ok(answer) if answer.status == 200 => answer,
                other if pages.is_empty() => return answer::outcome(operation, other),
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
