//! Puts the routes together, and what every handler shares.

use crate::edge::EdgeLayer;
use crate::outside::Outside;
use crate::problem::{Code, Problem};
use crate::v1::Watchers;
use crate::{docs, openapi, probes, v1};
use application::Application;
use axum::Router;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

/// Most exports that a node serves at a time; more are told to come later.
const EXPORTS_AT_ONCE_MAX: usize = 8;
/// Most imports that a node takes at a time; each may hold tens of megabytes.
const IMPORTS_AT_ONCE_MAX: usize = 4;

/// What handlers see of the node: shared, never cloned as a whole.
pub(crate) struct Shared {
    pub(crate) app: Application,
    pub(crate) outside: Outside,
    pub(crate) watchers: Watchers,
    /// One permit for each export that is being sent.
    pub(crate) exports: Arc<Semaphore>,
    /// One permit for each import that is being taken.
    pub(crate) imports: Semaphore,
}

/// The state of the router.
pub(crate) type Api = Arc<Shared>;

/// The whole HTTP service. It does its own limits, time-outs and panics, and needs no other layer.
pub fn router(app: Application, outside: Outside) -> Router {
    let watchers = Watchers::new(&outside);
    let api: Api = Arc::new(Shared {
        app,
        outside,
        watchers,
        exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE_MAX)),
        imports: Semaphore::new(IMPORTS_AT_ONCE_MAX),
    });
    let (routes, document) = documented().split_for_parts();
    routes
        .merge(docs::assets(&document))
        .fallback(async || Problem::new(Code::RouteNotFound, "see /openapi.yaml for the paths there are"))
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "the Allow header lists the methods of this path")
        })
        .layer(EdgeLayer(api.clone()))
        .with_state(api)
}

/// Every operation with its documentation.
pub(crate) fn documented() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .merge(v1::routes())
        .merge(probes::routes())
        .merge(docs::routes())
}
