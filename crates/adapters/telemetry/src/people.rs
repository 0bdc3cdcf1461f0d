//! What happens to people: numbers, never names.

use crate::register::{Made, counter, counters, gauge, set};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

/// Metrics of sign-ins and of the audit.
#[derive(Debug)]
pub(crate) struct People {
    sign_ins: IntCounterVec,
    events: IntCounterVec,
    audit_dropped: IntCounter,
    audit_lag: IntGauge,
    epochs_pending: IntGauge,
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

    pub(crate) fn audit_lag(&self, revisions: u64) {
        set(&self.audit_lag, revisions);
    }

    pub(crate) fn epochs_pending(&self, people: u64) {
        set(&self.epochs_pending, people);
    }
}
