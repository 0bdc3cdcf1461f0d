//! What this adapter needs beside the use cases: health, measurement, ids and one time limit.

use crate::answers::AnswerRules;
use crate::limit::LimitRules;
use application::ports::IdGenerator;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Whether the node is ready to take traffic, and why.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// The verdict.
    pub ready: bool,
    /// Each check: its name, whether it passed, and a sentence for people.
    pub checks: Vec<(&'static str, bool, String)>,
}

/// Knows how the node is. Every answer is immediate: probes never wait.
pub trait Probes: Send + Sync {
    /// Whether the process works; never depends on peers.
    fn live(&self) -> bool;

    /// Whether the node should get traffic.
    fn ready(&self) -> Readiness;

    /// Whether the start-up is over.
    fn started(&self) -> bool;
}

/// Is told of every request.
pub trait HttpObserver: Send + Sync {
    /// A request arrived.
    fn started(&self);

    /// A request was answered. `route` is the matched template or `unmatched`, never a raw path, and
    /// `method` is a standard method or `OTHER`, so both are safe as labels. `code` is the stable code
    /// of a problem. A request whose client went away before the answer has status 499.
    fn finished(&self, method: &str, route: &str, status: u16, code: Option<&'static str>, seconds: f64);

    /// A request came with `X-Forwarded-For`, which is ignored because no proxy is trusted.
    fn forwarded_for_ignored(&self) {}

    /// Somebody began to watch, or to wait for a change.
    fn watch_opened(&self) {}

    /// Somebody ended it.
    fn watch_closed(&self) {}

    /// A watcher was sent an event: `put`, `delete`, `bookmark` or `reset`.
    fn watch_sent(&self, _event: &'static str) {}
}

/// How watchers are treated.
#[derive(Clone, Debug)]
pub struct WatchRules {
    /// Most watchers of this node at a time, those who wait for a single config included.
    pub watchers_max: usize,
    /// A watcher that was sent nothing for so long is told how far it is.
    pub heartbeat: Duration,
    /// Becomes true when the node stops: every watch then ends.
    pub stopping: watch::Receiver<bool>,
}

impl Default for WatchRules {
    fn default() -> Self {
        let stopping = watch::channel(false).1;
        Self { watchers_max: 10_000, heartbeat: Duration::from_secs(15), stopping }
    }
}

/// What is logged by this node, and how that is changed while it runs.
pub trait LogControl: Send + Sync {
    /// What is logged now.
    fn filter(&self) -> Option<String>;

    /// Changes it, or says in a sentence what is wrong with the filter.
    fn set(&self, filter: &str) -> Result<(), String>;
}

/// The log of this node, when it has one.
#[derive(Clone, Default)]
pub struct NodeLog(pub Option<Arc<dyn LogControl>>);

impl fmt::Debug for NodeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeLog")
    }
}

/// What operators decide about the way in.
#[derive(Clone, Debug, Default)]
pub struct EdgeRules {
    /// Through how many proxies every request comes, each of which adds to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// The origins whose pages may read answers, such as `https://console.example`; none by default.
    pub cors_origins: Vec<String>,
    /// How many requests one client may send.
    pub limits: LimitRules,
    /// How many bytes of answers clients may leave untaken.
    pub answers: AnswerRules,
    /// What is logged.
    pub log: NodeLog,
}

/// What the router needs beside the use cases.
#[derive(Clone)]
pub struct Outside {
    /// The node's health.
    pub probes: Arc<dyn Probes>,
    /// Is told of every request.
    pub observer: Arc<dyn HttpObserver>,
    /// Gives the metrics in the Prometheus text format 0.0.4.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Mints ids of requests that come without one.
    pub ids: Arc<dyn IdGenerator>,
    /// How long a request may take. A write that takes longer has an unknown outcome.
    pub request_timeout: Duration,
    /// How watchers are treated.
    pub watch: WatchRules,
    /// The way in.
    pub edge: EdgeRules,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("request_timeout", &self.request_timeout).finish_non_exhaustive()
    }
}
