//! The access log: one line for each request, or for one in so many, when its answer is sent or given up.

use adapter_http::{AccessRecord, Asked};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// nginx's status for a client that went away before the answer.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// From this status on every request has its line.
const ALWAYS_FROM: u16 = 500;

/// Writes the lines.
#[derive(Debug)]
pub(crate) struct AccessLog {
    /// One line for so many requests; 0 for none.
    every: u64,
    node: String,
    requests: AtomicU64,
}

impl AccessLog {
    pub(crate) fn new(every: u64, node: String) -> Self {
        Self { every, node, requests: AtomicU64::new(0) }
    }

    /// Whether the request with this status has a line.
    fn takes(&self, status: u16) -> bool {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.every > 0 && (number.is_multiple_of(self.every) || status >= ALWAYS_FROM)
    }

    /// Writes the line of a request, of whose answer so many bytes were sent.
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
