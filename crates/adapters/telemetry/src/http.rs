//! Metrics of HTTP requests. Every label has a bounded set of values, whatever clients send.

use crate::register::{Made, counters, gauge, histograms};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// The route label of a request that matches no route template.
pub const UNMATCHED_ROUTE: &str = "unmatched";
/// Maximum number of route labels; further templates count as unmatched.
pub const ROUTES_MAX: usize = 256;

/// The values of the method label; other methods count as `OTHER`.
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const DURATION_BUCKETS_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug)]
pub(crate) struct Http {
    requests: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
    routes: RwLock<BTreeSet<String>>,
}

impl Http {
    pub(crate) fn new(registry: &Registry) -> Made<Self> {
        Ok(Self {
            requests: counters(
                registry,
                "guardian_http_requests_total",
                "HTTP requests that were answered.",
                &["method", "route", "status"],
            )?,
            duration: histograms(
                registry,
                "guardian_http_request_duration_seconds",
                "Time from the request's head to the answer's head.",
                &DURATION_BUCKETS_SECONDS,
                &["method", "route"],
            )?,
            in_flight: gauge(
                registry,
                "guardian_http_requests_in_flight",
                "HTTP requests that are being answered.",
            )?,
            routes: RwLock::default(),
        })
    }

    pub(crate) fn started(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn finished(&self, method: &str, route: &str, status: u16, seconds: f64) {
        self.in_flight.dec();
        let method = METHODS.iter().find(|known| **known == method).copied().unwrap_or("OTHER");
        let route = if self.is_known(route) { route } else { UNMATCHED_ROUTE };
        let status = if (100..600).contains(&status) { status.to_string() } else { "other".to_owned() };
        self.requests.with_label_values(&[method, route, &status]).inc();
        self.duration.with_label_values(&[method, route]).observe(seconds);
    }

    fn is_known(&self, route: &str) -> bool {
        if !route.starts_with('/') {
            return false;
        }
        if self.routes.read().unwrap_or_else(PoisonError::into_inner).contains(route) {
            return true;
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.contains(route) || (routes.len() < ROUTES_MAX && routes.insert(route.to_owned()))
    }
}
