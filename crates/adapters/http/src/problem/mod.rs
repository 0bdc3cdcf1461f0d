//! Problem documents (RFC 9457), the form of every refusal.
//!
//! Handlers and extractors create a [`Problem`]. The edge renders it, because only the edge has the request
//! id of every request, and logs its cause once.

mod code;
mod map;

pub(crate) use code::Code;
pub(crate) use map::failures;

use crate::edge::Facts;
use crate::limit::Exceeded;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use std::error::Error;
use std::sync::Arc;

/// A refusal.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    detail: String,
    members: Map<String, Value>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    retry_after: Option<u64>,
}

/// The body of a problem.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    code: &'static str,
    #[serde(flatten)]
    members: &'a Map<String, Value>,
}

impl Problem {
    /// A problem whose `detail` is shown to clients.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            members: Map::new(),
            cause: None,
            retry_after: code.retry_after(),
        }
    }

    /// An internal error: the cause is logged, never shown.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let problem = Self::new(Code::Internal, "the request could not be served; quote the instance to us");
        Self { cause: Some(Arc::from(cause.into())), ..problem }
    }

    /// A request over its rate limit; the headers state which limit.
    pub(crate) fn rate_limited(exceeded: &Exceeded, facts: &Facts) -> Self {
        // An earlier count, which did not refuse, stays.
        let _ = facts.standing.set(exceeded.standing);
        Self::new(Code::RateLimited, "too many requests; the headers say of what kind, and when to go on")
            .retry_after(exceeded.retry_after)
    }

    /// Sets the seconds to wait before a retry.
    #[must_use]
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// Sets the cause, which is logged.
    #[must_use]
    pub(crate) fn because(self, cause: Box<dyn Error + Send + Sync>) -> Self {
        Self { cause: Some(Arc::from(cause)), ..self }
    }

    /// Adds a member.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The problem as a part of another one: code, detail and the members in `kept`.
    pub(crate) fn within(&self, kept: &[&str]) -> Map<String, Value> {
        let mut members = self.members.clone();
        members.retain(|name, _| kept.contains(&name.as_str()));
        members.insert("code".to_owned(), self.code.as_str().into());
        members.insert("detail".to_owned(), self.detail.clone().into());
        members
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// Renders the problem for the request id `instance`. `headers` may contain headers such as `Allow`.
    pub(crate) fn render(&self, instance: &str, headers: HeaderMap) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(request_id = instance, code = self.code.as_str(), error = chain(&**cause));
        }
        let status = self.code.status();
        let document = Document {
            r#type: format!("/problems/{}", self.code.as_str()),
            title: self.code.title(),
            status: status.as_u16(),
            detail: &self.detail,
            instance,
            code: self.code.as_str(),
            members: &self.members,
        };
        let mut response = Response::new(Body::from(serde_json::to_vec(&document).unwrap_or_default()));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    /// A response with the problem in its extensions; the edge renders it.
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
