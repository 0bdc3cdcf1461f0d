//! The clients of `proof`, running until stopped.

use crate::caller::{Acknowledged, NodeCaller};
use crate::cluster::Cluster;
use anyhow::anyhow;
use proof::{Client, Plan, Recorder, Scene, Step, prepare};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const CLIENTS: usize = 8;
/// Pause between two operations of a client, which leaves CPU time for the nodes.
const PACE: Duration = Duration::from_millis(8);
/// Pause after a request that a node could not serve.
const BREATH: Duration = Duration::from_millis(40);
/// Maximum duration of a client's last operation.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// Running clients.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    hold: Arc<AtomicBool>,
    tasks: JoinSet<()>,
    callers: Vec<NodeCaller>,
    acknowledged: Acknowledged,
    recorder: Recorder,
    scene: Scene,
}

impl Load {
    /// Prepares the scene and starts the clients.
    pub async fn start(cluster: &Cluster, seed: u64) -> anyhow::Result<Self> {
        let acknowledged = Acknowledged::default();
        let caller = |node: &crate::node::Node| {
            NodeCaller::new(node.name(), node.url(), cluster.key(), cluster.http(), &acknowledged)
        };
        let callers: Vec<NodeCaller> = cluster.nodes().iter().map(caller).collect();
        let scene = prepare(&callers[0], &Plan::default()).await.map_err(|error| anyhow!(error))?;
        let mut load = Self {
            stop: Arc::default(),
            hold: Arc::default(),
            tasks: JoinSet::new(),
            callers,
            acknowledged,
            recorder: Recorder::new(),
            scene,
        };
        for number in 0..CLIENTS {
            load.client(number, seed);
        }
        Ok(load)
    }

    fn client(&mut self, number: usize, seed: u64) {
        let random = StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(number as u64));
        let (callers, scene, recorder) = (self.callers.clone(), self.scene.clone(), self.recorder.clone());
        let mut client = Client::new(number, callers, scene, recorder, random);
        let (stop, hold) = (self.stop.clone(), self.hold.clone());
        self.tasks.spawn(async move {
            while !stop.load(Ordering::SeqCst) {
                let waits = hold.load(Ordering::SeqCst);
                let pause = if !waits && client.step().await == Step::Unserved { BREATH } else { PACE };
                tokio::time::sleep(pause).await;
            }
        });
    }

    /// Pauses or resumes the clients.
    pub fn hold(&self, hold: bool) {
        self.hold.store(hold, Ordering::SeqCst);
    }

    /// The number of acknowledged changes so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// The client of a node.
    pub fn caller(&self, at: usize) -> &NodeCaller {
        &self.callers[at]
    }

    /// The scene.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The history recorder.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Stops the clients; fails if one has panicked or hangs.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.map_err(|error| anyhow!("a client broke: {error}"))?;
            }
            Ok(())
        };
        match tokio::time::timeout(STOPPED_WITHIN, all).await {
            Ok(stopped) => stopped,
            Err(_) => Err(anyhow!("a client hangs")),
        }
    }
}
