//! The router with all routes, and the state that handlers share.

use crate::answers::Answers;
use crate::edge::{EdgeLayer, GuardLayer};
use crate::limit::Limits;
use crate::openapi::Known;
use crate::outside::Outside;
use crate::problem::{Code, Problem};
use crate::v1::{Imports, Sending, Watchers};
use crate::{docs, openapi, probes, v1};
use application::Application;
use axum::Router;
use http::{HeaderName, HeaderValue, Method};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;
use tower::util::option_layer;
use tower_http::cors::CorsLayer;
use utoipa_axum::router::OpenApiRouter;

/// How long a browser may cache the response to a preflight request.
const PREFLIGHT_KEPT: Duration = Duration::from_mins(10);

/// The state that handlers share.
pub(crate) struct Shared {
    pub(crate) app: Application,
    pub(crate) outside: Outside,
    pub(crate) watchers: Watchers,
    /// The exports being sent.
    pub(crate) sending: Sending,
    /// The unread responses.
    pub(crate) answers: Answers,
    /// The running imports.
    pub(crate) imports: Imports,
    /// The rate limits.
    pub(crate) limits: Limits,
    /// The cluster id, once known.
    pub(crate) cluster_id: OnceLock<HeaderValue>,
}

/// The routes, and the properties of each operation by method and route template.
struct Operations {
    routes: Router<Api>,
    known: HashMap<(Method, String), Known>,
}

/// Built once, because a simulation creates many routers.
static OPERATIONS: LazyLock<Operations> = LazyLock::new(|| {
    let (routes, mut document) = documented().split_for_parts();
    Operations { routes, known: openapi::known_operations(&mut document) }
});

/// The operation of a method on a route; `HEAD` is the same as `GET`.
pub(crate) fn operation(method: &Method, route: &str) -> Option<&'static Known> {
    let method = if method == Method::HEAD { Method::GET } else { method.clone() };
    OPERATIONS.known.get(&(method, route.to_owned()))
}

/// The state of the router.
pub(crate) type Api = Arc<Shared>;

/// The complete HTTP service, with its own limits, timeouts and panic handling. Needs no outer layer.
pub fn router(app: Application, outside: Outside) -> Router {
    let watchers = Watchers::new(&outside);
    let limits = Limits::new(&outside.edge.limits);
    let answers = Answers::new(outside.edge.answers);
    let cors = cors(&outside.edge.cors_origins);
    let api: Api = Arc::new(Shared {
        app,
        outside,
        watchers,
        sending: Sending::new(),
        answers,
        imports: Imports::new(),
        limits,
        cluster_id: OnceLock::new(),
    });
    let routes = OPERATIONS.routes.clone();
    routes
        .merge(docs::assets())
        .fallback(async || Problem::new(Code::RouteNotFound, "see /openapi.yaml for the paths there are"))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "the Allow header lists the methods of this path")
        })
        .layer(GuardLayer(api.clone()))
        .layer(option_layer(cors))
        .layer(EdgeLayer(api.clone()))
        .with_state(api)
}

/// The CORS layer for these origins; `None` without origins.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let exposed = [
        "etag",
        "location",
        "retry-after",
        "x-request-id",
        "guardian-cluster-id",
        "guardian-revision",
        "ratelimit",
        "ratelimit-policy",
    ];
    let sent = [
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
        "last-event-id",
        "x-api-key",
        "x-csrf-token",
        "x-request-id",
    ];
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(methods)
            .allow_headers(sent.map(HeaderName::from_static))
            .expose_headers(exposed.map(HeaderName::from_static))
            .max_age(PREFLIGHT_KEPT),
    )
}

/// The router of every operation, with its documentation.
pub(crate) fn documented() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(v1::routes())
        .merge(probes::routes())
        .merge(docs::routes())
}
