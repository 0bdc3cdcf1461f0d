//! The access log: one line per request, or per sampled request, when its response is sent or aborted.

use adapter_http::{AccessRecord, Asked};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// nginx's status for a client that disconnected before the response.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// Requests with this status or a higher one are always logged, unless the log is disabled.
const ALWAYS_FROM: u16 = 500;

/// Writes the access log.
#[derive(Debug)]
pub(crate) struct AccessLog {
    /// One of this many requests is logged; 0 disables the log.
    every: u64,
    node: String,
    requests: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new(every: u64, node: String) -> Self {
        Self { every, node, requests: AtomicU64::new(0) }
    }

    /// Whether a request with this status is logged.
    fn takes(&self, status: u16) -> bool {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.every > 0 && (number.is_multiple_of(self.every) || status >= ALWAYS_FROM)
    }

    /// Writes the line of a request. `bytes` is the number of body bytes handed to the connection.
    pub(super) fn write(&self, record: &AccessRecord, bytes: u64, duration: Duration) {
        let Some(Asked { request_id, method, route, client }) = record.asked() else { return };
        let answered = record.answered();
        let status = answered.map_or(CLIENT_CLOSED_REQUEST, |answered| answered.status);
        if !self.takes(status) {
            return;
        }
        tracing::info!(
            target: "access",
            request_id,
            principal = answered.map_or("", |answered| &answered.principal),
            client,
            method,
            route,
            status,
            code = answered.map_or("", |answered| answered.code),
            duration_ms = duration.as_secs_f64() * 1000.0,
            bytes,
            node = self.node,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_has_a_line_and_every_failure() {
        let lines = |every, status| {
            let log = AccessLog::new(every, "a".to_owned());
            (0..100).filter(|_| log.takes(status)).count()
        };
        assert_eq!((lines(1, 200), lines(10, 200), lines(0, 200)), (100, 10, 0));
        assert_eq!((lines(10, 503), lines(0, 503)), (100, 0));
    }
}
