//! The history of a config, including a deleted one.

use super::actors::add_emails;
use super::dto::history::{HistoryItem, HistoryVersion};
use crate::extract::{Caller, ConfigPath, ConfigVersionPath, PageQuery, Query, ReadQuery};
use crate::openapi::{COMMON, IN_ENVIRONMENT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::Version;
use http::StatusCode;
use std::slice;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_history)).routes(routes!(get_history_version))
}

refusals! {
    Listed: COMMON, READ, LIST, IN_ENVIRONMENT, &[Code::ConfigNotFound];
    Read: COMMON, READ, IN_ENVIRONMENT, &[Code::VersionNotFound];
}

/// List a config's versions
///
/// Newest first, without documents.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}/history",
    tag = "configs", params(ConfigPath, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of versions", body = List<HistoryItem>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_history(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: ConfigPath,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let (list, id) = (Listing::new(uri.path(), ""), path.id());
    let (request, freshness) =
        list.request(&page, read.freshness(), |text| text.parse().ok().map(Version))?;
    let page = api.app.configs.history(&ctx, &id, request, freshness).await?;
    let mut items: Vec<HistoryItem<'_>> = page.items.iter().map(Into::into).collect();
    add_emails(&api, &ctx, Some(&id.project), freshness, &mut items).await;
    let next = page.next.map(|version| version.to_string());
    list.answer(items, next.as_deref(), page.revision, freshness, page.stale_for_ms)
}

/// Read one version of a config
#[utoipa::path(get,
    path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}/history/{version}",
    tag = "configs", params(ConfigVersionPath, ReadQuery),
    responses((status = 200, description = "The version with its document", body = HistoryVersion), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_history_version(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ConfigVersionPath,
    Query(read): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let (freshness, version, id) = (read.freshness(), path.version, path.id());
    let document = api.app.configs.version(&ctx, &id, version, freshness).await?;
    let mut body = HistoryVersion::new(&document.shown)?;
    add_emails(&api, &ctx, Some(&id.project), freshness, slice::from_mut(&mut body.item)).await;
    let reply = Reply::json(StatusCode::OK, &body)?;
    Ok(reply.seen(document.revision, freshness, document.stale_for_ms).done())
}
