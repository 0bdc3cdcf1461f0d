//! Metrics of users: numbers, never names.

use crate::register::{Made, counter, counters, gauge, gauges, set};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

/// Gauges of users and the identity database at one moment.
#[derive(Clone, Copy, Debug)]
pub struct PeopleGauges {
    /// Whether the last request to the identity database succeeded.
    pub available: bool,
    /// Database connections in use.
    pub connections_busy: u64,
    /// Idle database connections.
    pub connections_idle: u64,
    /// Running password hashes.
    pub hashes_running: u64,
    /// Waiting password hashes.
    pub hashes_waiting: u64,
    /// Revisions of this node's state that are not in the audit yet.
    pub audit_lag: u64,
}

/// Metrics of sign-ins and of the audit.
#[derive(Debug)]
pub(crate) struct People {
    sign_ins: IntCounterVec,
    events: IntCounterVec,
    audit_dropped: IntCounter,
    audit_lag: IntGauge,
    epochs_pending: IntGauge,
    available: IntGauge,
    connections: IntGaugeVec,
    hashes: IntGaugeVec,
}

impl People {
    pub(crate) fn new(registry: &Registry) -> Made<Self> {
        Ok(Self {
            sign_ins: counters(
                registry,
                "guardian_sign_ins_total",
                "Attempts of people to sign in, by how they ended.",
                &["outcome"],
            )?,
            events: counters(
                registry,
                "guardian_identity_events_total",
                "What operators should look at: a refresh token that came twice, an address that guesses.",
                &["event"],
            )?,
            audit_dropped: counter(
                registry,
                "guardian_audit_dropped_total",
                "Refusals that could not be written into the audit.",
            )?,
            audit_lag: gauge(
                registry,
                "guardian_audit_lag_revisions",
                "Revisions of which the changes are not in the audit yet.",
            )?,
            epochs_pending: gauge(
                registry,
                "guardian_epochs_pending",
                "People of whose changed rights the cluster is yet to be told.",
            )?,
            available: gauge(
                registry,
                "guardian_identity_available",
                "1 when the identity database answered when it was last asked, else 0.",
            )?,
            connections: gauges(
                registry,
                "guardian_identity_connections",
                "Connections to the identity database.",
                &["state"],
            )?,
            hashes: gauges(
                registry,
                "guardian_password_hashes",
                "Passwords that are being hashed, or wait for that.",
                &["state"],
            )?,
        })
    }

    pub(crate) fn sign_in(&self, outcome: &'static str) {
        self.sign_ins.with_label_values(&[outcome]).inc();
    }

    pub(crate) fn event(&self, event: &'static str) {
        self.events.with_label_values(&[event]).inc();
    }

    pub(crate) fn audit_dropped(&self, records: u64) {
        self.audit_dropped.inc_by(records);
    }

    pub(crate) fn report(&self, gauges: PeopleGauges) {
        self.available.set(i64::from(gauges.available));
        set(&self.connections.with_label_values(&["busy"]), gauges.connections_busy);
        set(&self.connections.with_label_values(&["idle"]), gauges.connections_idle);
        set(&self.hashes.with_label_values(&["running"]), gauges.hashes_running);
        set(&self.hashes.with_label_values(&["waiting"]), gauges.hashes_waiting);
        set(&self.audit_lag, gauges.audit_lag);
    }

    pub(crate) fn epochs_pending(&self, people: u64) {
        set(&self.epochs_pending, people);
    }
}
