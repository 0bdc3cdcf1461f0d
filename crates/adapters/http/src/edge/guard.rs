//! The innermost middleware: size limits, rate limits, timeout and panics. A refusal is returned as a
//! response, so that the outer middleware, such as CORS headers, applies to it too.

use super::{Facts, HEADER_BYTES_MAX, URI_BYTES_MAX, negotiate};
use crate::cookie;
use crate::extract::{asked_wait, has_credential};
use crate::limit::Class;
use crate::problem::{Code, Problem};
use crate::router::{Api, operation};
use crate::v1::{IMPORT_ROUTE, IMPORT_TIMEOUT};
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::COOKIE;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::error::Elapsed;
use tower::{Layer, Service};
use tracing::Instrument as _;

/// The probe routes; never rate-limited.
const PROBES: [&str; 7] = ["/livez", "/readyz", "/startupz", "/live", "/ready", "/health", "/metrics"];

/// Request extension: the connection exceeds the connection limits; only probes are served.
#[derive(Clone, Copy, Debug)]
pub struct ProbesOnly;

/// Routes that take a random token. Only failed requests are counted, so that invalid tokens from an address
/// do not block a valid token from there.
const TOKEN_ROUTES: [&str; 4] = [
    "/api/v1/auth/refresh",
    "/api/v1/auth/second-factor",
    "/api/v1/auth/password/reset",
    "/api/v1/auth/providers/{provider}/callback",
];
/// The password sign-in. Users who signed in from the address recently are exempt from its limit.
const LOGIN_ROUTE: &str = "/api/v1/auth/login";

/// Wraps a service in a [`Guard`].
#[derive(Clone)]
pub(crate) struct GuardLayer(pub(crate) Api);

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { api: self.0.clone(), inner }
    }
}

/// A service with limits and a timeout.
#[derive(Clone)]
pub(crate) struct Guard<S> {
    api: Api,
    inner: S,
}

impl<S> Service<Request> for Guard<S>
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

    fn call(&mut self, request: Request) -> Self::Future {
        let admitted =
            admit(&request).and_then(|()| count(&self.api, &request)).and_then(|()| own_page(&request));
        let shows_token = TOKEN_ROUTES.contains(&route(&request));
        let facts = request.extensions().get::<Arc<Facts>>().cloned();
        let api = self.api.clone();
        if let Err(problem) = admitted.and_then(|()| accept(&request)) {
            let facts = facts.filter(|_| shows_token);
            let counted = facts.map_or(Ok(()), |facts| count_address(&api, &facts, Class::SignIn));
            let problem = counted.err().unwrap_or(problem);
            return Box::pin(async move { Ok(problem.into_response()) });
        }
        let read_only = request.method().is_safe();
        let import = route(&request) == IMPORT_ROUTE;
        let limit = if import {
            IMPORT_TIMEOUT
        } else {
            self.api.outside.request_timeout + asked_wait(request.uri())
        };
        let answering = self.inner.call(request);
        Box::pin(async move {
            // An import consists of many changes and ends when its client disconnects.
            let answer = if read_only || import {
                let guarded = AssertUnwindSafe(answering).catch_unwind();
                tokio::time::timeout(limit, guarded).await.map(Result::ok)
            } else {
                to_its_end(answering, limit).await
            };
            let response = match answer {
                Ok(Some(Ok(response))) => response,
                Ok(None) => Problem::internal("a handler panicked").into_response(),
                Err(_elapsed) => too_slow(read_only).into_response(),
            };
            let counted = match facts.filter(|_| response.status().is_client_error()) {
                Some(facts) if shows_token => count_address(&api, &facts, Class::SignIn),
                Some(facts) => facts.over_limit.get().cloned().map_or(Ok(()), Err),
                None => Ok(()),
            };
            Ok(counted.map_or_else(IntoResponse::into_response, |()| response))
        })
    }
}

/// Runs a change; `None` if it panics. The change continues after a timeout or a disconnect: a change of two
/// steps, such as one of a user and its audit record, must not stop between them.
async fn to_its_end<T: Send + 'static>(
    change: impl Future<Output = T> + Send + 'static,
    limit: Duration,
) -> Result<Option<T>, Elapsed> {
    tokio::time::timeout(limit, tokio::spawn(change.in_current_span())).await.map(Result::ok)
}

fn route(request: &Request) -> &str {
    request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

/// Refuses a request that is too large, or that exceeds the connection limits.
fn admit(request: &Request) -> Result<(), Problem> {
    if request.extensions().get::<ProbesOnly>().is_some() && !PROBES.contains(&route(request)) {
        let detail = "this node, or your address, has as many connections in use as it may: use fewer, or another node";
        return Err(Problem::new(Code::Overloaded, detail).with("limit", "connections"));
    }
    negotiate::host(request)?;
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

/// Counts a request by address before it is processed. A credential is counted where it is verified; on an
/// operation without authentication it does not exempt from the limit.
fn count(api: &Api, request: &Request) -> Result<(), Problem> {
    let Some(facts) = request.extensions().get::<Arc<Facts>>() else {
        return Err(Problem::internal("the request did not come through the edge"));
    };
    let route = route(request);
    let checked = || operation(request.method(), route).is_some_and(|known| known.identifies);
    let class = match facts.class {
        Class::SignIn if TOKEN_ROUTES.contains(&route) => return Ok(()),
        Class::SignIn => Class::SignIn,
        _ if PROBES.contains(&route) || has_credential(request.headers()) && checked() => return Ok(()),
        _ => Class::Anonymous,
    };
    match count_address(api, facts, class) {
        Err(problem) if route == LOGIN_ROUTE => {
            // The handler applies the refusal, except to users who signed in from there recently.
            let _ = facts.over_limit.set(problem);
            Ok(())
        }
        counted => counted,
    }
}

fn count_address(api: &Api, facts: &Facts, class: Class) -> Result<(), Problem> {
    let counted = api.limits.address(class, facts.client.address);
    if let Some(standing) = counted.map_err(|exceeded| Problem::rate_limited(&exceeded, facts))? {
        // Set once.
        let _ = facts.standing.set(standing);
    }
    Ok(())
}

/// Refuses a browser request (with cookies, or a sign-in) from a page without TLS if clients use TLS.
fn own_page(request: &Request) -> Result<(), Problem> {
    let Some(facts) = request.extensions().get::<Arc<Facts>>() else { return Ok(()) };
    let headers = request.headers();
    let by_browser = facts.class == Class::SignIn || headers.contains_key(COOKIE);
    if by_browser && cookie::is_of_unsafe_page(headers, request.uri(), facts.client.https) {
        return Err(Problem::new(Code::CsrfFailed, "the request comes from a page without TLS"));
    }
    Ok(())
}

/// Refuses a request whose response the client does not accept, before it is processed.
fn accept(request: &Request) -> Result<(), Problem> {
    let route = route(request);
    match operation(request.method(), route) {
        Some(known) if !PROBES.contains(&route) => negotiate::accept(request.headers(), &known.produces),
        _ => Ok(()),
    }
}

fn too_slow(read_only: bool) -> Problem {
    if read_only {
        Problem::new(Code::Unavailable, "the answer was not ready in time; try again")
    } else {
        let detail = "the change was not confirmed in time and may still happen; read before trying again";
        Problem::new(Code::OutcomeUnknown, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_change_comes_to_its_end_when_nobody_waits_for_it() {
        let done = Arc::new(AtomicBool::new(false));
        let change = |done: Arc<AtomicBool>| async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            done.store(true, Ordering::Relaxed);
        };
        to_its_end(change(done.clone()), Duration::from_secs(1)).await.expect_err("it takes longer");
        assert!(!done.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(done.swap(false, Ordering::Relaxed), "the time of the answer was over");
        {
            let mut waiting = Box::pin(to_its_end(change(done.clone()), Duration::from_secs(10)));
            assert!(futures::poll!(&mut waiting).is_pending());
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(done.load(Ordering::Relaxed), "the client had gone");
        let panics = to_its_end(async { panic!("on purpose") }, Duration::from_secs(1)).await;
        assert!(panics.expect("in time").is_none());
    }
}
