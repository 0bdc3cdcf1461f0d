//! API keys of a project.

use super::dto::api_key::{ApiKeyBody, CreatedApiKeyBody, NewApiKeyBody};
use super::optional::optional;
use crate::extract::{
    ApiKeyPath, Caller, Change, JsonBody, MakerQuery, OverlapQuery, PageQuery, ProjectPath, Query, ReadQuery,
};
use crate::openapi::{BODY, CHANGE, COMMON, IN_PROJECT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::{ApiKey, ApiKeyId, Timestamp};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(get_api_key, revoke_api_key))
        .routes(routes!(rotate_api_key))
}

refusals! {
    Listed: COMMON, READ, LIST, IN_PROJECT;
    Created: COMMON, CHANGE, BODY, IN_PROJECT,
        &[Code::GrantExceedsOwn, Code::QuotaExceeded, Code::ApiKeyExists, Code::SecretShownOnce];
    Read: COMMON, READ, IN_PROJECT, &[Code::ApiKeyNotFound];
    Rotated: COMMON, CHANGE, IN_PROJECT,
        &[Code::ApiKeyNotFound, Code::GrantExceedsOwn, Code::SecretShownOnce];
    Revoked: COMMON, CHANGE, IN_PROJECT, &[Code::ApiKeyNotFound];
}

/// The last use of each key; `None` on a node without an identity database.
async fn last_uses(api: &Api, keys: &[ApiKey]) -> Vec<Option<Timestamp>> {
    let uses = match &api.app.identity {
        Some(identity) => optional(identity.key_uses.last(keys)).await,
        None => None,
    };
    uses.unwrap_or_else(|| vec![None; keys.len()])
}

/// List API keys
///
/// By id, never their secrets.
#[utoipa::path(get, path = "/api/v1/projects/{project}/api-keys", tag = "api-keys",
    params(ProjectPath, MakerQuery, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of API keys", body = List<ApiKeyBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_api_keys(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: ProjectPath,
    Query((maker, (page, read))): Query<(MakerQuery, (PageQuery, ReadQuery))>,
) -> Result<Response, Problem> {
    let maker = maker.created_by.as_deref();
    let list = Listing::new(uri.path(), maker.unwrap_or_default());
    let (request, freshness) = list.request(&page, read.freshness(), |text| ApiKeyId::parse(text).ok())?;
    let page = api.app.access.list(&ctx, &path.project, maker, request, freshness).await?;
    let uses = last_uses(&api, &page.items).await;
    let items: Vec<_> =
        page.items.iter().zip(uses).map(|(key, used)| ApiKeyBody::from(key).used(used)).collect();
    list.answer(items, page.next.as_ref().map(ApiKeyId::as_str), page.revision, freshness, page.stale_for_ms)
}

/// Create an API key
///
/// The answer is the only one that shows the secret, as `key`.
#[utoipa::path(post, path = "/api/v1/projects/{project}/api-keys", tag = "api-keys", params(ProjectPath),
    request_body = NewApiKeyBody,
    responses((status = 201, description = "The API key with its secret", body = CreatedApiKeyBody,
        headers(("Location" = String, description = "Where it is"))), Created),
    security(("bearer" = []), ("api_key" = [])))]
async fn create_api_key(
    State(api): State<Api>,
    change: Change,
    path: ProjectPath,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: NewApiKeyBody = bytes.parse()?;
    let location = format!("/api/v1/projects/{}/api-keys", path.project);
    let changed = api.app.access.create(&change.with(&bytes), body.request(path.project)?).await?;
    let id = &changed.item.key.key.id;
    Ok(Reply::changed(StatusCode::CREATED, &CreatedApiKeyBody::from(&changed.item), &changed)?
        .location(format!("{location}/{id}"))
        .done())
}

/// Read an API key
///
/// Never its secret.
#[utoipa::path(get, path = "/api/v1/projects/{project}/api-keys/{id}", tag = "api-keys",
    params(ApiKeyPath, ReadQuery),
    responses((status = 200, description = "The API key", body = ApiKeyBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_api_key(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ApiKeyPath,
    Query(read): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let freshness = read.freshness();
    let key = api.app.access.get(&ctx, &path.project, &path.id, freshness).await?;
    let used = last_uses(&api, std::slice::from_ref(&key.item)).await.pop().flatten();
    let reply = Reply::json(StatusCode::OK, &ApiKeyBody::from(&key.item).used(used))?;
    Ok(reply.seen(key.revision, freshness, key.stale_for_ms).done())
}

/// Give an API key another secret
///
/// The secret before stays good for `overlap_seconds`, so that every program can take the new one in time; `0` ends
/// one that leaked, and watches that were opened with it, at once. The answer is the only one that shows the new
/// secret, as `key`. Needs the right to read keys too, because the answer shows the key; a key may rotate itself.
#[utoipa::path(post, path = "/api/v1/projects/{project}/api-keys/{id}/rotate", tag = "api-keys",
    params(ApiKeyPath, OverlapQuery),
    responses((status = 200, description = "The API key with its secret", body = CreatedApiKeyBody), Rotated),
    security(("bearer" = []), ("api_key" = [])))]
async fn rotate_api_key(
    State(api): State<Api>,
    change: Change<OverlapQuery>,
    path: ApiKeyPath,
) -> Result<Response, Problem> {
    let overlap_ms = change.query.overlap_ms();
    let changed = api.app.access.rotate(&change.alone(), path.project, path.id, overlap_ms).await?;
    Ok(Reply::changed(StatusCode::OK, &CreatedApiKeyBody::from(&changed.item), &changed)?.done())
}

/// Revoke an API key
///
/// For good.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/api-keys/{id}", tag = "api-keys",
    params(ApiKeyPath), responses((status = 204, description = "It is revoked"), Revoked),
    security(("bearer" = []), ("api_key" = [])))]
async fn revoke_api_key(
    State(api): State<Api>,
    change: Change,
    path: ApiKeyPath,
) -> Result<Response, Problem> {
    Ok(Reply::gone(&api.app.access.revoke(&change.alone(), path.project, path.id).await?)?.done())
}
