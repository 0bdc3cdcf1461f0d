//! The cluster.

use super::dto::cluster::ClusterBody;
use crate::extract::{Caller, NoQuery, Query};
use crate::openapi::{COMMON, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::ports::Freshness;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get_cluster))
}

refusals! {
    Read: COMMON, &[Code::Unavailable];
}

/// Read the cluster
///
/// The members as the answering node sees them; answers without a leader too. Ids are strings, because
/// they are numbers beyond 2^53.
#[utoipa::path(get, path = "/api/v1/cluster", tag = "cluster",
    responses((status = 200, description = "The cluster", body = ClusterBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_cluster(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
) -> Result<Response, Problem> {
    let (status, view) = api.app.cluster.status(&ctx).await?;
    let reply = Reply::json(StatusCode::OK, &ClusterBody::new(&status, &view))?;
    Ok(reply.seen(view.state.revision(), Freshness::STALE, view.stale_for_ms).done())
}
