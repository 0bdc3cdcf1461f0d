//! What the access log tells of a request. Whoever serves the connection puts an [`AccessRecord`] into the request's
//! extensions, the edge fills it, and when the last byte is sent, or the client has gone, it is written.

use super::Facts;
use axum::extract::Request;
use axum::response::Response;
use std::sync::{Arc, OnceLock};

/// What is known of one request so far.
#[derive(Clone, Debug, Default)]
pub struct AccessRecord(Arc<Record>);

#[derive(Debug, Default)]
struct Record {
    asked: OnceLock<Asked>,
    answered: OnceLock<Answered>,
}

/// What was asked.
#[derive(Debug)]
pub struct Asked {
    /// The request's id.
    pub request_id: String,
    /// Its method.
    pub method: String,
    /// The template that its path matches, or `unmatched`.
    pub route: String,
    /// The other end, past trusted proxies.
    pub client: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The code of a problem; else empty.
    pub code: &'static str,
    /// Who asked; `anonymous` when that was not found.
    pub principal: String,
}

impl AccessRecord {
    /// What was asked; `None` when the request did not come so far.
    pub fn asked(&self) -> Option<&Asked> {
        self.0.asked.get()
    }

    /// What was answered; `None` when the client went away before.
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
        // A request passes the edge once.
        let _ = self.0.asked.set(asked);
    }

    pub(super) fn answer(&self, response: &Response, code: Option<&'static str>, facts: &Facts) {
        let principal = facts.actor.get().map_or_else(|| "anonymous".to_owned(), ToString::to_string);
        let status = response.status().as_u16();
        // Nor is it answered twice.
        let _ = self.0.answered.set(Answered { status, code: code.unwrap_or_default(), principal });
    }
}
