//! Probes and metrics for orchestrators and monitoring: without authentication, answered at once.

use crate::openapi::refusals;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(livez))
        .routes(routes!(readyz))
        .routes(routes!(startupz))
        .routes(routes!(metrics))
        .route("/live", get(livez))
        .route("/ready", get(readyz))
        .route("/health", get(startupz))
}

refusals! {
    NotLive: &[Code::NotLive];
    NotReady: &[Code::NotReady];
    NotStarted: &[Code::NotStarted];
    Failed: &[Code::Internal];
}

/// A probe that passed.
#[derive(Serialize, ToSchema)]
struct Health {
    /// `ok`, or `degraded` when something failed that traffic does not need.
    #[schema(example = "ok")]
    status: &'static str,
    /// What was looked at.
    checks: Vec<Check>,
}

/// One thing that a probe looked at.
#[derive(Serialize, ToSchema)]
struct Check {
    /// Its name.
    name: &'static str,
    /// Whether it passed.
    ok: bool,
    /// A sentence for people.
    detail: String,
}

fn passed(checks: Vec<Check>) -> Result<Response, Problem> {
    let status = if checks.iter().all(|check| check.ok) { "ok" } else { "degraded" };
    Ok(Reply::json(StatusCode::OK, &Health { status, checks })?.done())
}

/// Does the process work?
///
/// Never depends on other nodes. Also at `/live`.
#[utoipa::path(get, path = "/livez", tag = "operations",
    responses((status = 200, description = "It works", body = Health), NotLive))]
async fn livez(State(api): State<Api>) -> Result<Response, Problem> {
    if !api.outside.probes.live() {
        return Err(Problem::new(Code::NotLive, "the process does not work and should be restarted"));
    }
    passed(Vec::new())
}

/// Should the node get traffic?
///
/// Also at `/ready`. The problem has the `checks` too.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "It is ready", body = Health), NotReady))]
async fn readyz(State(api): State<Api>) -> Result<Response, Problem> {
    let readiness = api.outside.probes.ready();
    let check = |(name, ok, detail)| Check { name, ok, detail };
    let checks: Vec<Check> = readiness.checks.into_iter().map(check).collect();
    if readiness.ready {
        return passed(checks);
    }
    let checks = serde_json::to_value(&checks).map_err(Problem::internal)?;
    Err(Problem::new(Code::NotReady, "at least one check failed").with("checks", checks))
}

/// Is the start-up over?
///
/// Also at `/health`.
#[utoipa::path(get, path = "/startupz", tag = "operations",
    responses((status = 200, description = "It is over", body = Health), NotStarted))]
async fn startupz(State(api): State<Api>) -> Result<Response, Problem> {
    if !api.outside.probes.started() {
        return Err(Problem::new(Code::NotStarted, "the node is still starting"));
    }
    passed(Vec::new())
}

/// Metrics
///
/// In the Prometheus text format 0.0.4.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), Failed))]
async fn metrics(State(api): State<Api>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Reply::body(StatusCode::OK, kind, Body::from((api.outside.metrics)())).done()
}
