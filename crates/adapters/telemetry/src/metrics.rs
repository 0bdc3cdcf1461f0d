//! All metrics of one node, in a separate registry, so that tests can run several nodes in a process.

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
    /// All metrics at zero. `version` is the version of the program.
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

    /// Counts the start of a request. Must be followed by [`Self::http_finished`].
    pub fn http_started(&self) {
        self.http.started();
    }

    /// Counts the end of a request. `route` is the matched template, such as `/v1/projects/{project}`, or
    /// [`crate::UNMATCHED_ROUTE`]; anything that does not start with a slash counts as unmatched.
    pub fn http_finished(&self, method: &str, route: &str, status: u16, seconds: f64) {
        self.http.finished(method, route, status, seconds);
    }

    /// Counts a use case on a config. Both labels are fixed words, such as `put` and `ok`.
    pub fn config_operation(&self, operation: &'static str, status: &'static str) {
        self.config_operations.with_label_values(&[operation, status]).inc();
    }

    /// Counts a write that was refused because of the config's version.
    pub fn version_conflict(&self) {
        self.version_conflicts.inc();
    }

    /// Counts a write that was refused because of schema violations.
    pub fn validation_error(&self) {
        self.validation_errors.inc();
    }

    /// Counts the start of a watch. Must be followed by [`Self::watch_closed`].
    pub fn watch_opened(&self) {
        self.watch.opened();
    }

    /// Counts the end of a watch.
    pub fn watch_closed(&self) {
        self.watch.closed();
    }

    /// Counts an event sent to a watcher; `event` is a fixed word, such as `put`.
    pub fn watch_sent(&self, event: &'static str) {
        self.watch.sent(event);
    }

    /// Counts a sign-in attempt; `outcome` is a fixed word, such as `success`.
    pub fn sign_in(&self, outcome: &'static str) {
        self.people.sign_in(outcome);
    }

    /// Counts an event for operators; `event` is a fixed word, such as `suspicious`.
    pub fn identity_event(&self, event: &'static str) {
        self.people.event(event);
    }

    /// Counts refusals that could not be written to the audit.
    pub fn audit_dropped(&self, records: u64) {
        self.people.audit_dropped(records);
    }

    /// Sets the gauges of users and the identity database.
    pub fn people(&self, gauges: PeopleGauges) {
        self.people.report(gauges);
    }

    /// Sets the number of users whose epoch is not yet raised in the cluster.
    pub fn epochs_pending(&self, people: u64) {
        self.people.epochs_pending(people);
    }

    /// Sets the gauges of the consensus.
    pub fn raft(&self, gauges: RaftGauges) {
        self.raft.report(gauges);
    }

    /// Records an applied batch of log entries.
    pub fn apply(&self, seconds: f64, entries: u64) {
        self.raft.applied(seconds, entries);
    }

    /// Records a flush of appended log entries to the disk.
    pub fn log_flush(&self, seconds: f64) {
        self.raft.flushed(seconds);
    }

    /// Counts a failed handshake at the peer port.
    pub fn peer_handshake_failed(&self) {
        self.raft.handshake_failed();
    }

    /// Counts a snapshot.
    pub fn snapshot(&self) {
        self.raft.snapshot();
    }

    /// Counts a change of the known leader.
    pub fn leader_changed(&self) {
        self.raft.leader_changed();
    }

    /// Sets the revision of the state and its number of configs.
    pub fn state(&self, revision: u64, configs: u64) {
        set(&self.state_revision, revision);
        set(&self.state_configs, configs);
    }

    /// Sets the gauges of disk space.
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
