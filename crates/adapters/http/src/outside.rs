//! Ports and settings of this adapter besides the use cases: health, metrics, ids, limits.

use crate::answers::AnswerRules;
use crate::limit::LimitRules;
use application::ports::IdGenerator;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The readiness of the node.
#[derive(Clone, Debug)]
pub struct Readiness {
    /// Whether the node should receive traffic.
    pub ready: bool,
    /// The checks: name, result, and a sentence for operators.
    pub checks: Vec<(&'static str, bool, String)>,
}

/// Health of the node. Every method returns at once.
pub trait Probes: Send + Sync {
    /// Whether the process works. Independent of peers.
    fn live(&self) -> bool;

    /// Whether the node should receive traffic.
    fn ready(&self) -> Readiness;

    /// Whether the start-up is complete.
    fn started(&self) -> bool;
}

/// Observes every request.
pub trait HttpObserver: Send + Sync {
    /// A request started.
    fn started(&self);

    /// A request ended.
    ///
    /// - `method` is a standard method or `OTHER`.
    /// - `route` is the matched template or `unmatched`, never a raw path.
    /// - `code` is the stable code of a problem.
    /// - `status` is 499 if the client disconnected before the response.
    fn finished(&self, method: &str, route: &str, status: u16, code: Option<&'static str>, seconds: f64);

    /// A request has `X-Forwarded-For`, which is ignored because no proxy is trusted.
    fn forwarded_for_ignored(&self) {}

    /// A watch or a waiting read started.
    fn watch_opened(&self) {}

    /// A watch or a waiting read ended.
    fn watch_closed(&self) {}

    /// An event was sent: `put`, `delete`, `bookmark` or `reset`.
    fn watch_sent(&self, _event: &'static str) {}
}

/// Settings of watches.
#[derive(Clone, Debug)]
pub struct WatchRules {
    /// Maximum number of watchers of this node, including waiting reads.
    pub watchers_max: usize,
    /// Idle time after which a watcher is sent a bookmark.
    pub heartbeat: Duration,
    /// Becomes true when the node stops; all watches then end.
    pub stopping: watch::Receiver<bool>,
}

impl Default for WatchRules {
    fn default() -> Self {
        let stopping = watch::channel(false).1;
        Self { watchers_max: 10_000, heartbeat: Duration::from_secs(15), stopping }
    }
}

/// Reads and changes the log filter at run time.
pub trait LogControl: Send + Sync {
    /// The current filter.
    fn filter(&self) -> Option<String>;

    /// Replaces the filter. Returns the error of an invalid filter as a sentence.
    fn set(&self, filter: &str) -> Result<(), String>;
}

/// The log control of this node, if it has one.
#[derive(Clone, Default)]
pub struct NodeLog(pub Option<Arc<dyn LogControl>>);

impl fmt::Debug for NodeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeLog")
    }
}

/// Settings of the edge.
#[derive(Clone, Debug, Default)]
pub struct EdgeRules {
    /// The number of proxies in front, each of which appends to `X-Forwarded-For`.
    pub trusted_proxies: usize,
    /// The origins whose pages may read responses, such as `https://console.example`; none by default.
    pub cors_origins: Vec<String>,
    /// Rate limits.
    pub limits: LimitRules,
    /// Limits of unread responses.
    pub answers: AnswerRules,
    /// The log control.
    pub log: NodeLog,
}

/// The dependencies of the router besides the use cases.
#[derive(Clone)]
pub struct Outside {
    /// The node's health.
    pub probes: Arc<dyn Probes>,
    /// Observes every request.
    pub observer: Arc<dyn HttpObserver>,
    /// Renders the metrics in the Prometheus text format 0.0.4.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Generates ids for requests without one.
    pub ids: Arc<dyn IdGenerator>,
    /// Timeout of a request. A write that exceeds it has an unknown outcome.
    pub request_timeout: Duration,
    /// Settings of watches.
    pub watch: WatchRules,
    /// Settings of the edge.
    pub edge: EdgeRules,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("request_timeout", &self.request_timeout).finish_non_exhaustive()
    }
}
