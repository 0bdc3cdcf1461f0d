//! The middleware around every route. The outermost layer is here: request id, problem documents, common
//! headers, audit of refusals, and metrics. Admission is in `guard`.

mod access;
mod client;
mod facts;
mod guard;
mod headers;
mod negotiate;
mod refusal;
mod seen;

pub use access::{AccessRecord, Answered, Asked};
pub(crate) use client::Client;
pub(crate) use facts::{Facts, printable};
pub(crate) use guard::GuardLayer;
pub use guard::ProbesOnly;

use crate::answers::{AnswerHold, Answers};
use crate::compress::{self, Coding};
use crate::limit::Class;
use crate::problem::Problem;
use crate::router::Api;
use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use domain::RequestId;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use refusal::Tried;
use seen::Seen;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Maximum length of path and query, in bytes.
pub(crate) const URI_BYTES_MAX: usize = 8 * 1024;
/// Maximum size of all headers, in bytes, with four bytes of punctuation per header.
pub(crate) const HEADER_BYTES_MAX: usize = 16 * 1024;

const CLUSTER_ID: HeaderName = HeaderName::from_static("guardian-cluster-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps a service in an [`Edge`].
#[derive(Clone)]
pub(crate) struct EdgeLayer(pub(crate) Api);

impl<S> Layer<S> for EdgeLayer {
    type Service = Edge<S>;

    fn layer(&self, inner: S) -> Edge<S> {
        Edge { api: self.0.clone(), inner }
    }
}

/// The outermost service.
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
        let outside = &self.api.outside;
        if outside.edge.trusted_proxies == 0 && client::is_forwarded(request.headers()) {
            outside.observer.forwarded_for_ignored();
        }
        let seen = Seen::new(outside.observer.clone(), &request);
        let facts = Arc::new(Facts::new(
            request_id(&self.api, request.headers()),
            Client::of(&request, self.api.outside.edge.trusted_proxies),
            Class::of(request.method(), seen.route()),
            request.headers(),
        ));
        let read_only = request.method().is_safe();
        let coding = Coding::of(request.headers());
        let tried = Tried::new(&self.api, &request, seen.route());
        let access = AccessRecord::of(&request);
        if let Some(access) = &access {
            access.ask(&request, seen.route(), &facts);
        }
        let api = self.api.clone();
        request.extensions_mut().insert(facts.clone());
        let answering = self.inner.call(request);
        Box::pin(async move {
            let Ok(response) = answering.await;
            let response = compress::whole(response, coding).await;
            let response = bounded(&api, &facts, read_only, response).await;
            let problem = response.extensions().get::<Problem>().map(Problem::code);
            if let Some(code) = problem {
                tried.refused(&api, &facts, code);
            }
            let code = response.extensions().get::<Problem>().map(|problem| problem.code().as_str());
            let mut response = finish(response, &facts, seen);
            if let Some(id) = cluster_id(&api, response.headers()).await {
                response.headers_mut().insert(CLUSTER_ID, id);
            }
            if let Some(access) = &access {
                access.answer(&response, code, &facts);
            }
            Ok(response)
        })
    }
}

/// The cluster id, for responses with a revision. Revisions are meaningless in another cluster.
async fn cluster_id(api: &Api, headers: &HeaderMap) -> Option<HeaderValue> {
    if !headers.contains_key("guardian-revision") {
        return None;
    }
    if let Some(known) = api.cluster_id.get() {
        return Some(known.clone());
    }
    let found = api.app.cluster.id().await?;
    let value = HeaderValue::from_str(found.as_str()).ok()?;
    // The id never changes, so the first value is right.
    Some(api.cluster_id.get_or_init(|| value).clone())
}

/// The client's request id if it is valid, else a new one.
fn request_id(api: &Api, headers: &HeaderMap) -> RequestId {
    let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    sent.and_then(|text| RequestId::parse(text).ok()).unwrap_or_else(|| api.outside.ids.request_id())
}

/// Counts the bytes of the response until the client has read them. Over the limit, a read is refused; a
/// change is answered, because it is already made.
async fn bounded(api: &Api, facts: &Facts, read_only: bool, mut response: Response) -> Response {
    let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let (Some(actor), Some(bytes)) = (facts.actor.get(), bytes) else { return response };
    if !Answers::counts(bytes) || response.extensions().get::<AnswerHold>().is_some() {
        return response;
    }
    let held =
        if read_only { api.answers.reserve(actor, bytes).await } else { Ok(api.answers.take(actor, bytes)) };
    match held {
        Ok(held) => {
            response.extensions_mut().insert(held.shrunk(bytes));
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Renders a problem, adds the common headers and notifies the observer.
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
    headers::harden(headers, facts.client.https, seen.route().starts_with("/api/"));
    if let Some(standing) = facts.standing.get() {
        standing.write(headers);
    }
    seen.finished(response.status(), problem.map(|problem| problem.code().as_str()));
    response
}
