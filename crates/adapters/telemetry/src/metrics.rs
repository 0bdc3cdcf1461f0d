//! Every metric of one node, in a registry of its own so that tests can run several nodes in a process.

use crate::disk::{Disk, DiskGauges};
use crate::http::Http;
use crate::people::{People, PeopleGauges};
use crate::raft::{Raft, RaftGauges};
use crate::register::{Made, MetricsError, counter, counters, gauge, gauges, set};
use crate::watch::Watch;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder};

/// The metrics of one node.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    http: Http,
    raft: Raft,
    watch: Watch,
    people: People,
    config_operations: IntCounterVec,
    version_conflicts: IntCounter,
    validation_errors: IntCounter,
    state_revision: IntGauge,
    state_configs: IntGauge,
    disk: Disk,
}

impl Metrics {
    /// All metrics, at zero, for a program of this version.
    pub fn new(version: &str) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        registry.register(Box::new(ProcessCollector::for_self())).map_err(MetricsError::from)?;
        let build = gauges(&registry, "guardian_build_info", "Always 1.", &["version"])?;
        build.with_label_values(&[version]).set(1);
        Self::registered(registry)
    }

    fn registered(registry: Registry) -> Made<Self> {
        Ok(Self {
            http: Http::new(&registry)?,
            raft: Raft::new(&registry)?,
            watch: Watch::new(&registry)?,
            people: People::new(&registry)?,
            config_operations: counters(
                &registry,
                "guardian_config_operations_total",
                "Use cases on configs, by how they ended.",
                &["operation", "status"],
            )?,
            version_conflicts: counter(
                &registry,
                "guardian_config_version_conflicts_total",
                "Writes refused because the config was not at the expected version.",
            )?,
            validation_errors: counter(
                &registry,
                "guardian_config_validation_errors_total",
                "Writes refused because the document does not satisfy its schema.",
            )?,
            state_revision: gauge(&registry, "guardian_state_revision", "The revision this node is at.")?,
            state_configs: gauge(&registry, "guardian_state_configs", "Configs that exist.")?,
            disk: Disk::new(&registry)?,
            registry,
        })
    }

    /// A request came in. Each call is followed by one of [`Self::http_finished`].
    pub fn http_started(&self) {
        self.http.started();
    }

    /// A request was answered. `route` is the template that matched it, such as `/v1/projects/{project}`,
    /// or [`crate::UNMATCHED_ROUTE`]; anything that does not start with a slash counts as unmatched.
    pub fn http_finished(&self, method: &str, route: &str, status: u16, seconds: f64) {
        self.http.finished(method, route, status, seconds);
    }

    /// A use case on a config ended. Both are words of a fixed list, such as `put` and `ok`.
    pub fn config_operation(&self, operation: &'static str, status: &'static str) {
        self.config_operations.with_label_values(&[operation, status]).inc();
    }

    /// A write was refused because the config was not at the expected version.
    pub fn version_conflict(&self) {
        self.version_conflicts.inc();
    }

    /// A write was refused because the document does not satisfy its schema.
    pub fn validation_error(&self) {
        self.validation_errors.inc();
    }

    /// Somebody began to watch. Each call is followed by one of [`Self::watch_closed`].
    pub fn watch_opened(&self) {
        self.watch.opened();
    }

    /// Somebody ended it.
    pub fn watch_closed(&self) {
        self.watch.closed();
    }

    /// A watcher was sent an event; a word of a fixed list, such as `put`.
    pub fn watch_sent(&self, event: &'static str) {
        self.watch.sent(event);
    }

    /// Somebody tried to sign in; a word of a fixed list, such as `success`.
    pub fn sign_in(&self, outcome: &'static str) {
        self.people.sign_in(outcome);
    }

    /// Something happened that operators should look at; a word of a fixed list, such as `suspicious`.
    pub fn identity_event(&self, event: &'static str) {
        self.people.event(event);
    }

    /// So many refusals could not be written into the audit.
    pub fn audit_dropped(&self, records: u64) {
        self.people.audit_dropped(records);
    }

    /// What is true of people's side of the node now.
    pub fn people(&self, gauges: PeopleGauges) {
        self.people.report(gauges);
    }

    /// The cluster is yet to be told of so many people.
    pub fn epochs_pending(&self, people: u64) {
        self.people.epochs_pending(people);
    }

    /// What the consensus reports about itself.
    pub fn raft(&self, gauges: RaftGauges) {
        self.raft.report(gauges);
    }

    /// A batch of so many log entries was applied.
    pub fn apply(&self, seconds: f64, entries: u64) {
        self.raft.applied(seconds, entries);
    }

    /// Appended log entries reached the disk.
    pub fn log_flush(&self, seconds: f64) {
        self.raft.flushed(seconds);
    }

    /// Somebody who connected to the peer port did not become a peer.
    pub fn peer_handshake_failed(&self) {
        self.raft.handshake_failed();
    }

    /// A snapshot was made.
    pub fn snapshot(&self) {
        self.raft.snapshot();
    }

    /// Another leader than before is known.
    pub fn leader_changed(&self) {
        self.raft.leader_changed();
    }

    /// How far the replicated state is, and how many configs it holds.
    pub fn state(&self, revision: u64, configs: u64) {
        set(&self.state_revision, revision);
        set(&self.state_configs, configs);
    }

    /// How much disk space the node has.
    pub fn disk(&self, gauges: DiskGauges) {
        self.disk.report(gauges);
    }

    /// Every metric in the Prometheus text format 0.0.4 (`text/plain; version=0.0.4`).
    pub fn text(&self) -> Result<String, MetricsError> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(MetricsError::from)
    }
}

#[cfg(test)]
mod tests;
