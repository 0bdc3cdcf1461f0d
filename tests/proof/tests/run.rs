//! Runs of clients against the model, interleaved by a seed.

use crate::model::{Bug, Model, ModelCaller, lock};
use proof::{Client, Event, Plan, Recorder, Report, Truth, check, complete, is_pruned, prepare, truth};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const CLIENTS: usize = 6;

/// The result of a run.
pub struct Run {
    pub events: Vec<Event>,
    pub truth: Truth,
    /// The audit entries that completed the truth.
    pub records: Vec<String>,
}

impl Run {
    pub fn check(&self) -> Report {
        check(&self.events, &self.truth)
    }
}

/// Polls a future until it is ready.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

/// Runs six clients with `steps` operations each, in random order. A seventh is dropped in the middle of an
/// operation.
pub fn run(seed: u64, steps: usize, bug: Option<Bug>) -> Run {
    run_keeping(seed, steps, bug, None)
}

/// As [`run`], with a retention.
pub fn run_keeping(seed: u64, steps: usize, bug: Option<Bug>, retention: Option<u64>) -> Run {
    let model = Model::shared(seed, bug);
    let callers = ModelCaller::all(&model);
    let plan = Plan { keys: 8, retention, ..Plan::default() };
    let scene = wait(prepare(&callers[0], &plan)).expect("the scene is made");
    let again = wait(prepare(&callers[1], &plan)).expect("it can be made again");
    assert_eq!(scene.keys, again.keys);
    lock(&model).faults = true;
    let recorder = Recorder::new();
    let mut running: Vec<Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
    for number in 0..=CLIENTS {
        let random = StdRng::seed_from_u64(seed.wrapping_mul(31).wrapping_add(number as u64));
        let mut client = Client::new(number, callers.clone(), scene.clone(), recorder.clone(), random);
        running.push(Box::pin(async move {
            for _ in 0..steps {
                client.step().await;
            }
        }));
    }
    let mut random = StdRng::seed_from_u64(seed);
    let mut polls = 0;
    while !running.is_empty() {
        polls += 1;
        let at = random.random_range(0..running.len());
        let is_done = running[at].as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        if is_done || (polls == steps * 8 && running.len() > CLIENTS) {
            drop(running.swap_remove(at));
        }
    }
    lock(&model).faults = false;
    lock(&model).prune();
    assert_eq!(wait(is_pruned(&callers[0], &scene)), Ok(true));
    let mut truth = wait(truth(&callers[2], &scene)).expect("the truth can be read");
    let events = recorder.events();
    let records = lock(&model).records();
    complete(&mut truth, &records, &events);
    Run { events, truth, records }
}
