//! The difference between two versions of a config.

use super::dto::patch::DiffBody;
use crate::extract::{Caller, ConfigPath, DiffQuery, Query, ReadQuery};
use crate::openapi::{COMMON, IN_ENVIRONMENT, READ, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::difference;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(diff_config))
}

refusals! {
    Compared: COMMON, READ, IN_ENVIRONMENT, &[Code::ConfigNotFound, Code::VersionNotFound];
}

/// Compare two versions of a config
///
/// The newest with the one before it, unless the query says otherwise. Also of a config that was deleted: a
/// version without document counts as `null` in the patch, and `from_exists` and `to_exists` tell it from a
/// document that is `null`.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}/diff",
    tag = "configs", params(ConfigPath, DiffQuery, ReadQuery),
    responses((status = 200, description = "What differs", body = DiffBody), Compared),
    security(("bearer" = []), ("api_key" = [])))]
async fn diff_config(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ConfigPath,
    Query((which, read)): Query<(DiffQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let freshness = read.freshness();
    let seen = api.app.configs.versions(&ctx, &path.id(), which.from, which.to, freshness).await?;
    let (revision, stale_for_ms) = (seen.revision, seen.stale_for_ms);
    // Comparing large documents takes long: off the asynchronous threads.
    let comparing = tokio::task::spawn_blocking(move || {
        let found = difference(&seen.item)?;
        Reply::json(StatusCode::OK, &DiffBody::new(&seen.item, &found)?)
    });
    let reply = comparing.await.map_err(Problem::internal)??;
    Ok(reply.seen(revision, freshness, stale_for_ms).done())
}
