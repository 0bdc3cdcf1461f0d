//! Conversion of observations to metrics. Defines which requests count as operations on configs.

use crate::forwarded::ForwardedFor;
use crate::people::People;
use adapter_http::{HttpObserver, LogControl};
use adapter_raft::observe::Observer;
use adapter_raft::space::Level;
use adapter_raft::{NodeStats, RaftNode};
use adapter_telemetry::{DiskGauges, Metrics, RaftGauges, RaftState, log_filter, set_log_filter};
use std::sync::Arc;

/// The route template of a config, and the names of its methods in metrics.
const CONFIG_ROUTE: &str = "/api/v1/projects/{project}/environments/{environment}/configs";

/// Observes the replicated core.
#[derive(Debug)]
pub(crate) struct RaftMetrics(pub(crate) Arc<Metrics>);

impl Observer for RaftMetrics {
    fn applied(&self, entries: usize, seconds: f64) {
        self.0.apply(seconds, entries as u64);
    }

    fn snapshot_built(&self, _bytes: u64) {
        self.0.snapshot();
    }

    fn snapshot_installed(&self) {
        tracing::info!("a snapshot of the leader replaced this node's state");
    }

    fn log_flushed(&self, seconds: f64) {
        self.0.log_flush(seconds);
    }

    fn leader_changed(&self) {
        self.0.leader_changed();
    }

    fn handshake_failed(&self) {
        self.0.peer_handshake_failed();
    }

    fn stands_by_vote(&self, term: u64, candidate: u64) {
        tracing::debug!(term, candidate, "answered a candidate");
    }
}

/// The log control of this process.
#[derive(Debug)]
pub(crate) struct ProcessLog;

impl LogControl for ProcessLog {
    fn filter(&self) -> Option<String> {
        log_filter()
    }

    fn set(&self, filter: &str) -> Result<(), String> {
        set_log_filter(filter).map_err(|error| error.to_string())?;
        tracing::info!(filter, "this is logged from now on");
        Ok(())
    }
}

/// Observes HTTP requests.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) forwarded: ForwardedFor,
}

impl HttpObserver for HttpMetrics {
    fn started(&self) {
        self.metrics.http_started();
    }

    fn finished(&self, method: &str, route: &str, status: u16, code: Option<&'static str>, seconds: f64) {
        self.metrics.http_finished(method, route, status, seconds);
        if let Some(operation) = config_operation(method, route) {
            self.metrics.config_operation(operation, outcome(status));
        }
        match code {
            Some("version_conflict") => self.metrics.version_conflict(),
            Some("validation_failed") => self.metrics.validation_error(),
            _ => {}
        }
    }

    fn forwarded_for_ignored(&self) {
        self.forwarded.ignored();
    }

    fn watch_opened(&self) {
        self.metrics.watch_opened();
    }

    fn watch_closed(&self) {
        self.metrics.watch_closed();
    }

    fn watch_sent(&self, event: &'static str) {
        self.metrics.watch_sent(event);
    }
}

fn config_operation(method: &str, route: &str) -> Option<&'static str> {
    let rest = route.strip_prefix(CONFIG_ROUTE)?;
    Some(match (method, rest) {
        ("GET", "") => "list",
        ("GET", "/{key}" | "/{key}/content") => "get",
        ("PUT", "/{key}") => "put",
        ("DELETE", "/{key}") => "delete",
        ("GET", rest) if rest.starts_with("/{key}/history") => "history",
        ("POST", "/{key}/rollback") => "rollback",
        _ => return None,
    })
}

fn outcome(status: u16) -> &'static str {
    match status {
        0..400 => "ok",
        400..500 => "refused",
        _ => "error",
    }
}

/// Renders all metrics in the Prometheus text format, with current gauges.
pub(crate) fn metrics_text(metrics: &Metrics, node: &RaftNode, people: Option<&People>) -> String {
    let stats = node.stats();
    if let Some(people) = people {
        metrics.people(people.gauges(stats.revision));
    }
    metrics.raft(gauges(&stats));
    metrics.state(stats.revision, stats.configs);
    metrics.disk(DiskGauges {
        free_bytes: stats.space.free,
        limit_bytes: stats.space.limit,
        low: stats.space.level != Level::Ample,
        refusing: stats.space.cluster != Level::Ample,
    });
    metrics.text().unwrap_or_else(|error| {
        tracing::error!(%error, "the metrics cannot be rendered");
        String::new()
    })
}

fn gauges(stats: &NodeStats) -> RaftGauges {
    RaftGauges {
        state: match stats.state {
            1 => RaftState::Candidate,
            2 => RaftState::Leader,
            3 => RaftState::Learner,
            _ => RaftState::Follower,
        },
        term: stats.term,
        applied_index: stats.applied_index,
        committed_index: Some(stats.committed_index),
        proposals_in_flight: stats.proposals_in_flight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, rest: &str, operation: Option<&str>) {
        assert_eq!(config_operation(method, &format!("{CONFIG_ROUTE}{rest}")), operation, "{method} {rest}");
    }

    #[test]
    fn routes_are_operations() {
        check("GET", "", Some("list"));
        check("GET", "/{key}/content", Some("get"));
        check("GET", "/{key}/history/{version}", Some("history"));
        check("POST", "/{key}/rollback", Some("rollback"));
        check("DELETE", "/{key}", Some("delete"));
        check("OPTIONS", "/{key}", None);
        assert_eq!(config_operation("GET", "/livez"), None);
    }
}
