//! Observation of one request.

use crate::outside::HttpObserver;
use axum::extract::{MatchedPath, Request};
use http::{Method, StatusCode};
use std::sync::Arc;
use tokio::time::Instant;

/// nginx's status for a client that disconnected before the response; observed, never sent.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// Reports the start and the end of a request to the observer, also if the client disconnects.
pub(super) struct Seen {
    observer: Arc<dyn HttpObserver>,
    method: &'static str,
    route: Option<MatchedPath>,
    since: Instant,
    answer: (u16, Option<&'static str>),
}

impl Seen {
    pub(super) fn new(observer: Arc<dyn HttpObserver>, request: &Request) -> Self {
        observer.started();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let (method, since) = (method_label(request.method()), Instant::now());
        Self { observer, method, route, since, answer: (CLIENT_CLOSED_REQUEST, None) }
    }

    pub(super) fn route(&self) -> &str {
        self.route.as_ref().map_or("unmatched", MatchedPath::as_str)
    }

    pub(super) fn finished(mut self, status: StatusCode, code: Option<&'static str>) {
        self.answer = (status.as_u16(), code);
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        let (status, code) = self.answer;
        self.observer.finished(self.method, self.route(), status, code, self.since.elapsed().as_secs_f64());
    }
}

/// The method as a label. HTTP methods are free text, so unknown ones are `OTHER`.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [Method; 7] = [
        Method::GET,
        Method::PUT,
        Method::POST,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
    ];
    const LABELS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    KNOWN.iter().position(|known| known == method).map_or("OTHER", |at| LABELS[at])
}
