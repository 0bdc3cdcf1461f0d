//! API documentation: `/openapi.yaml`, and a page that displays it without external resources.

use crate::compress::{self, Asked, Coding};
use crate::openapi::{openapi_json, openapi_yaml, refusals};
use crate::problem::Code;
use crate::reply::Reply;
use crate::router::Api;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderValue, StatusCode};
use std::sync::LazyLock;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Permits only this page's own script, style and data.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The `OpenAPI` document as YAML; constant while the program runs.
static YAML: LazyLock<Text> = LazyLock::new(|| Text::new(Bytes::from(openapi_yaml())));

/// The `OpenAPI` document as JSON with references resolved, for the page.
static JSON: LazyLock<Text> = LazyLock::new(|| Text::new(Bytes::from(openapi_json())));

/// A text, and its compressed forms, computed once.
struct Text {
    plain: Bytes,
    gzip: Option<Bytes>,
    zstd: Option<Bytes>,
}

impl Text {
    fn new(plain: Bytes) -> Self {
        let compressed = |coding: Coding| coding.compress(&plain).ok();
        let (gzip, zstd) = (compressed(Coding::Gzip), compressed(Coding::Zstd));
        Self { plain, gzip, zstd }
    }

    /// The response in the coding that the client accepts.
    fn page(&self, content_type: &'static str, asked: Option<Coding>) -> Response {
        let compressed = asked.and_then(|coding| match coding {
            Coding::Gzip => self.gzip.clone(),
            Coding::Zstd => self.zstd.clone(),
        });
        let coding = asked.filter(|_| compressed.is_some());
        let mut response = page(content_type, compressed.unwrap_or_else(|| self.plain.clone()));
        compress::mark(response.headers_mut(), coding);
        response
    }
}

refusals! {
    Failed: &[Code::RateLimited, Code::Internal];
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(openapi)).routes(routes!(docs))
}

/// The script, the style and the data of the page; they are not API operations.
pub(crate) fn assets() -> Router<Api> {
    Router::new()
        .route("/docs/app.js", get(async || page("text/javascript; charset=utf-8", include_str!("app.js"))))
        .route("/docs/style.css", get(async || page("text/css; charset=utf-8", include_str!("style.css"))))
        .route("/docs/openapi.json", get(async |Asked(coding): Asked| JSON.page("application/json", coding)))
}

/// This document
#[utoipa::path(get, path = "/openapi.yaml", tag = "operations",
    responses((status = 200, description = "This document", body = serde_json::Value,
        content_type = "application/yaml"), Failed))]
async fn openapi(Asked(coding): Asked) -> Response {
    YAML.page("application/yaml", coding)
}

/// This document for people
#[utoipa::path(get, path = "/docs", tag = "operations",
    responses((status = 200, description = "A page", body = String, content_type = "text/html"), Failed))]
async fn docs() -> Response {
    page("text/html; charset=utf-8", include_str!("index.html"))
}

fn page(content_type: &'static str, body: impl Into<Body>) -> Response {
    let kind = HeaderValue::from_static(content_type);
    let mut response = Reply::body(StatusCode::OK, kind, body.into()).public().done();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}
