//! Environments of a project.

use super::dto::project::{EnvironmentBody, NewEnvironment};
use crate::extract::{Caller, Change, EnvironmentPath, JsonBody, PageQuery, ProjectPath, Query, ReadQuery};
use crate::openapi::{BODY, CHANGE, COMMON, IN_ENVIRONMENT, IN_PROJECT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::{EnvironmentId, EnvironmentName};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_environments, create_environment))
        .routes(routes!(get_environment, delete_environment))
}

refusals! {
    Listed: COMMON, READ, LIST, IN_PROJECT;
    Created: COMMON, CHANGE, BODY, IN_PROJECT, &[Code::EnvironmentExists, Code::QuotaExceeded];
    Read: COMMON, READ, IN_ENVIRONMENT;
    Deleted: COMMON, CHANGE, IN_ENVIRONMENT, &[Code::EnvironmentNotEmpty];
}

/// List environments
///
/// The environments that the caller may see, by name.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments", tag = "projects",
    params(ProjectPath, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of environments", body = List<EnvironmentBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_environments(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: ProjectPath,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (request, freshness) =
        list.request(&page, read.freshness(), |text| EnvironmentName::parse(text).ok())?;
    let page = api.app.projects.environments(&ctx, &path.project, request, freshness).await?;
    let items: Vec<EnvironmentBody> = page.items.iter().map(Into::into).collect();
    let next = page.next.as_ref().map(EnvironmentName::as_str);
    list.answer(items, next, page.revision, freshness, page.stale_for_ms)
}

/// Create an environment
#[utoipa::path(post, path = "/api/v1/projects/{project}/environments", tag = "projects", params(ProjectPath),
    request_body = NewEnvironment,
    responses((status = 201, description = "The environment", body = EnvironmentBody,
        headers(("Location" = String, description = "Where it is"))), Created),
    security(("bearer" = []), ("api_key" = [])))]
async fn create_environment(
    State(api): State<Api>,
    change: Change,
    path: ProjectPath,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: NewEnvironment = bytes.parse()?;
    let id = EnvironmentId { project: path.project, name: EnvironmentName::parse(&body.name)? };
    let changed = api.app.projects.create_environment(&change.with(&bytes), id).await?;
    let EnvironmentId { project, name } = &changed.item.id;
    Ok(Reply::changed(StatusCode::CREATED, &EnvironmentBody::from(&changed.item), &changed)?
        .location(format!("/api/v1/projects/{project}/environments/{name}"))
        .done())
}

/// Read an environment
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}", tag = "projects",
    params(EnvironmentPath, ReadQuery),
    responses((status = 200, description = "The environment", body = EnvironmentBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_environment(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: EnvironmentPath,
    Query(read): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let freshness = read.freshness();
    let environment = api.app.projects.environment(&ctx, &path.id(), freshness).await?;
    let reply = Reply::json(StatusCode::OK, &EnvironmentBody::from(&environment.item))?;
    Ok(reply.seen(environment.revision, freshness, environment.stale_for_ms).done())
}

/// Delete an environment
///
/// It must hold no configs.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/environments/{environment}", tag = "projects",
    params(EnvironmentPath),
    responses((status = 204, description = "It is gone"), Deleted),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_environment(
    State(api): State<Api>,
    change: Change,
    path: EnvironmentPath,
) -> Result<Response, Problem> {
    Ok(Reply::gone(&api.app.projects.delete_environment(&change.alone(), path.id()).await?)?.done())
}
