//! Metrics of watches.

use crate::register::{Made, counter, counters, gauge};
use prometheus::{IntCounter, IntCounterVec, IntGauge, Registry};

#[derive(Debug)]
pub(crate) struct Watch {
    watchers: IntGauge,
    events: IntCounterVec,
    resets: IntCounter,
}

impl Watch {
    pub(crate) fn new(registry: &Registry) -> Made<Self> {
        Ok(Self {
            watchers: gauge(
                registry,
                "guardian_watchers",
                "Clients that watch an environment, or wait for one config to change.",
            )?,
            events: counters(
                registry,
                "guardian_watch_events_total",
                "Events handed to watchers' connections, by kind.",
                &["event"],
            )?,
            resets: counter(
                registry,
                "guardian_watch_resets_total",
                "Watchers that were sent a whole state, because they were new or had been away too long.",
            )?,
        })
    }

    pub(crate) fn opened(&self) {
        self.watchers.inc();
    }

    pub(crate) fn closed(&self) {
        self.watchers.dec();
    }

    pub(crate) fn sent(&self, event: &'static str) {
        self.events.with_label_values(&[event]).inc();
        if event == "reset" {
            self.resets.inc();
        }
    }
}
