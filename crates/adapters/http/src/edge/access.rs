//! Data of the access log. The connection puts an [`AccessRecord`] into the extensions of the request and the
//! edge fills it. It is logged when the last byte is sent or the client disconnects.

use super::Facts;
use axum::extract::Request;
use axum::response::Response;
use std::sync::{Arc, OnceLock};

/// The record of one request, filled step by step.
#[derive(Clone, Debug, Default)]
pub struct AccessRecord(Arc<Record>);

#[derive(Debug, Default)]
struct Record {
    asked: OnceLock<Asked>,
    answered: OnceLock<Answered>,
}

/// The request.
#[derive(Debug)]
pub struct Asked {
    /// The request id.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// The route template that matches the path, or `unmatched`.
    pub route: String,
    /// The client address, past trusted proxies.
    pub client: String,
}

/// The response.
#[derive(Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The code of a problem; empty otherwise.
    pub code: &'static str,
    /// The caller; `anonymous` if not authenticated.
    pub principal: String,
}

impl AccessRecord {
    /// The request; `None` if it did not reach the edge.
    pub fn asked(&self) -> Option<&Asked> {
        self.0.asked.get()
    }

    /// The response; `None` if the client disconnected before.
    pub fn answered(&self) -> Option<&Answered> {
        self.0.answered.get()
    }

    pub(super) fn of(request: &Request) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    pub(super) fn ask(&self, request: &Request, route: &str, facts: &Facts) {
        let asked = Asked {
            request_id: facts.id.as_str().to_owned(),
            method: request.method().as_str().chars().take(16).collect(),
            route: route.to_owned(),
            client: facts.client.address.map(|address| address.to_string()).unwrap_or_default(),
        };
        // Set once: a request passes the edge once.
        let _ = self.0.asked.set(asked);
    }

    pub(super) fn answer(&self, response: &Response, code: Option<&'static str>, facts: &Facts) {
        let principal = facts.actor.get().map_or_else(|| "anonymous".to_owned(), ToString::to_string);
        let status = response.status().as_u16();
        // Set once, too.
        let _ = self.0.answered.set(Answered { status, code: code.unwrap_or_default(), principal });
    }
}
