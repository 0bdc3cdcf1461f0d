//! The one middleware around every route: request id, limits on what arrives, the time limit, panics,
//! problem documents, common headers and measurement. One layer, so that a request is boxed once.

mod client;
mod facts;
mod headers;
mod refusal;
mod seen;

pub(crate) use client::Client;
pub(crate) use facts::{Facts, printable};

use crate::extract::{asked_wait, has_credential};
use crate::limit::Class;
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::v1::{IMPORT_ROUTE, IMPORT_TIMEOUT};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use domain::RequestId;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use refusal::Tried;
use seen::Seen;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Longest path and query, in bytes.
pub(crate) const URI_BYTES_MAX: usize = 8 * 1024;
/// Largest headers together, in bytes, at four for the punctuation of each.
pub(crate) const HEADER_BYTES_MAX: usize = 16 * 1024;

/// What orchestrators and monitoring ask; never counted.
const PROBES: [&str; 7] = ["/livez", "/readyz", "/startupz", "/live", "/ready", "/health", "/metrics"];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts an [`Edge`] around a service.
#[derive(Clone)]
pub(crate) struct EdgeLayer(pub(crate) Api);

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { api: self.0.clone(), inner }
    }
}

/// A service that always answers, in the form that the contract promises.
#[derive(Clone)]
pub(crate) struct Edge<S> {
    api: Api,
    inner: S,
}

impl<S> Service<Request> for Edge<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let seen = Seen::new(self.api.outside.observer.clone(), &request);
        let facts = Arc::new(Facts::new(
            request_id(&self.api, request.headers()),
            Client::of(&request, self.api.outside.edge.trusted_proxies),
            Class::of(request.method(), seen.route()),
            request.headers(),
        ));
        let tried = Tried::new(&self.api, &request, seen.route());
        let api = self.api.clone();
        let read_only = request.method().is_safe();
        let limit = match seen.route() {
            IMPORT_ROUTE => IMPORT_TIMEOUT,
            _ => self.api.outside.request_timeout + asked_wait(request.uri()),
        };
        let running = match admit(&request).and_then(|()| count(&self.api, &request, seen.route(), &facts)) {
            Ok(()) => {
                request.extensions_mut().insert(facts.clone());
                Ok(self.inner.call(request))
            }
            Err(problem) => Err(problem),
        };
        Box::pin(async move {
            let response = match running {
                Err(problem) => problem.into_response(),
                Ok(future) => {
                    let guarded = AssertUnwindSafe(future).catch_unwind();
                    match tokio::time::timeout(limit, guarded).await {
                        Ok(Ok(Ok(response))) => response,
                        Ok(Err(_panic)) => Problem::internal("a handler panicked").into_response(),
                        Err(_elapsed) => too_slow(read_only).into_response(),
                    }
                }
            };
            let problem = response.extensions().get::<Problem>().map(Problem::code);
            if let Some(code) = problem {
                tried.refused(&api, &facts, code);
            }
            Ok(finish(response, &facts, seen))
        })
    }
}

/// The client's id when it sent one that may be shown in logs, or a new one.
fn request_id(api: &Api, headers: &HeaderMap) -> RequestId {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|text| RequestId::parse(text).ok()).unwrap_or_else(|| api.outside.ids.request_id())
}

/// Refuses what is too large before anyone looks at it.
fn admit(request: &Request) -> Result<(), Problem> {
    let uri_bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if uri_bytes > URI_BYTES_MAX {
        let detail = format!("the URL has {uri_bytes} bytes, at most {URI_BYTES_MAX} are allowed");
        return Err(Problem::new(Code::UriTooLong, detail).with("limit_bytes", URI_BYTES_MAX));
    }
    let headers = request.headers();
    let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if header_bytes > HEADER_BYTES_MAX {
        let detail = format!("the headers have {header_bytes} bytes, at most {HEADER_BYTES_MAX} are allowed");
        return Err(Problem::new(Code::HeadersTooLarge, detail).with("limit_bytes", HEADER_BYTES_MAX));
    }
    Ok(())
}

/// Counts the request of somebody who is not known yet, before anything is done for it. A credential is counted
/// where it is checked; where none is, it is worth nothing.
fn count(api: &Api, request: &Request, route: &str, facts: &Facts) -> Result<(), Problem> {
    let checked = || api.operation(request.method(), route).is_some_and(|known| known.identifies);
    let class = match facts.class {
        Class::SignIn => Class::SignIn,
        _ if PROBES.contains(&route) || has_credential(request.headers()) && checked() => return Ok(()),
        _ => Class::Anonymous,
    };
    api.limits
        .address(class, facts.client.address)
        .map_err(|exceeded| Problem::rate_limited(&exceeded, facts))
        .map(|standing| {
            if let Some(standing) = standing {
                // Nobody was there before.
                let _ = facts.standing.set(standing);
            }
        })
}

fn too_slow(read_only: bool) -> Problem {
    if read_only {
        Problem::new(Code::Unavailable, "the answer was not ready in time; try again")
    } else {
        let detail = "the change was not confirmed in time and may still happen; read before trying again";
        Problem::new(Code::OutcomeUnknown, detail)
    }
}

/// Renders a problem, adds the common headers and tells the observer.
fn finish(mut response: Response, facts: &Facts, seen: Seen) -> Response {
    let id = &facts.id;
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        let headers = std::mem::take(response.headers_mut());
        response = problem.render(id.as_str(), headers);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
    headers::harden(headers, facts.client.https);
    if let Some(standing) = facts.standing.get() {
        standing.write(headers);
    }
    seen.finished(response.status(), problem.map(|problem| problem.code().as_str()));
    response
}
