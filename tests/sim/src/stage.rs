//! The clients and watchers of a run.

use crate::client::SimCaller;
use crate::watch::watch;
use proof::{Client, Recorder, Scene, Step, Truth, Watcher};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Pause between two requests of a client, in milliseconds, and pause after an unserved one.
const PACE_MS: std::ops::Range<u64> = 1..20;
const BREATH_MS: std::ops::Range<u64> = 40..250;
/// Pause between two requests of a client with scattered start times, in milliseconds.
const SCATTERED_MS: std::ops::Range<u64> = 1..300;
/// The prefixes that the watchers watch: the first environment, the contended keys, the other environment.
pub const WATCHED: [&str; 3] = ["", "hot.", "other:"];

/// State that the simulated clients share with the driver.
#[derive(Default)]
pub struct Stage {
    pub scene: RefCell<Option<Scene>>,
    /// Clients continue while this is set.
    pub playing: Cell<bool>,
    /// Number of clients with a pending request.
    pub busy: Cell<usize>,
    pub judging: Cell<bool>,
    pub watchers: RefCell<Vec<Rc<RefCell<Watcher>>>>,
    /// Number of watchers that have not received everything yet.
    pub watching: Cell<usize>,
    pub truth: RefCell<Option<Truth>>,
    pub why_not: RefCell<String>,
}

/// Prepares the scene, and afterwards reads the truth.
pub async fn stage_hand(
    stage: Rc<Stage>,
    callers: Vec<SimCaller>,
    retention: Option<u64>,
) -> turmoil::Result {
    let plan = proof::Plan { retention, ..proof::Plan::default() };
    loop {
        for caller in &callers {
            match proof::prepare(caller, &plan).await {
                Ok(scene) => {
                    *stage.scene.borrow_mut() = Some(scene);
                    break;
                }
                Err(why) => *stage.why_not.borrow_mut() = why,
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if stage.scene.borrow().is_some() {
            break;
        }
    }
    let scene = stage.scene.borrow().clone().ok_or("a scene was made")?;
    while !stage.judging.get() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for caller in callers.iter().cycle() {
        let account = match proof::is_pruned(caller, &scene).await {
            Ok(true) => proof::truth(caller, &scene).await,
            Ok(false) => Err("more of the history is there than is to be kept".to_owned()),
            Err(why) => Err(why),
        };
        match account {
            Ok(truth) => {
                *stage.truth.borrow_mut() = Some(truth);
                return Ok(());
            }
            // The machine is not running: try another.
            Err(why) if why.contains("never sent") => {}
            Err(why) => *stage.why_not.borrow_mut() = why,
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Runs one client from the scene to the end of the run.
pub async fn play(
    number: usize,
    stage: Rc<Stage>,
    recorder: Recorder,
    callers: Vec<SimCaller>,
    mut random: StdRng,
) -> turmoil::Result {
    let scene = loop {
        if let Some(scene) = stage.scene.borrow().clone() {
            break scene;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    stage.busy.set(stage.busy.get() + 1);
    let own = StdRng::seed_from_u64(random.random());
    let mut client = Client::new(number, callers, scene, recorder.clone(), own);
    while !stage.playing.get() && !stage.judging.get() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    while stage.playing.get() {
        let step = client.step().await;
        let scatters = recorder.focus().is_some_and(|focus| focus.scatters(number));
        let pause = match step {
            Step::Served if scatters => SCATTERED_MS,
            Step::Served => PACE_MS,
            Step::Unserved => BREATH_MS,
        };
        tokio::time::sleep(Duration::from_millis(random.random_range(pause))).await;
    }
    stage.busy.set(stage.busy.get() - 1);
    Ok(())
}

/// Runs the watcher with this number.
pub async fn watch_all(
    number: usize,
    stage: Rc<Stage>,
    callers: Vec<SimCaller>,
    mut random: StdRng,
) -> turmoil::Result {
    stage.watching.set(stage.watching.get() + 1);
    let scene = loop {
        if let Some(scene) = stage.scene.borrow().clone() {
            break scene;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let watcher = Rc::new(RefCell::new(Watcher::new(number, &scene, WATCHED[number])));
    stage.watchers.borrow_mut().push(watcher.clone());
    let end = || stage.truth.borrow().as_ref().map(|truth| truth.revision);
    watch(&watcher, &callers, &mut random, end).await;
    stage.watching.set(stage.watching.get() - 1);
    Ok(())
}
