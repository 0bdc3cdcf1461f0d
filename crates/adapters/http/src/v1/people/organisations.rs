//! Organisations and their projects.

use crate::extract::{
    Caller, JsonBody, NoQuery, OrganisationPath, OrganisationProjectPath, PageQuery, Query,
};
use crate::openapi::{BODY, COMMON, LIST, PEOPLE, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::group::{OrganisationBody, OrganisationPut, OwnedProjectBody};
use axum::extract::OriginalUri;
use axum::extract::State;
use axum::response::Response;
use domain::OrganisationName;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_organisations))
        .routes(routes!(put_organisation, delete_organisation))
        .routes(routes!(list_owned_projects))
        .routes(routes!(own_project, disown_project))
}

refusals! {
    Listed: COMMON, PEOPLE, LIST, &[Code::InvalidName, Code::OrganisationNotFound];
    Put: COMMON, PEOPLE, BODY, &[Code::InvalidName, Code::QuotaExceeded, Code::BeyondOwnRights];
    Gone: COMMON, PEOPLE, &[Code::InvalidName, Code::OrganisationNotFound, Code::ProjectNotFound, Code::BeyondOwnRights, Code::Contended];
}

/// List organisations
///
/// By name.
#[utoipa::path(get, path = "/api/v1/organisations", tag = "users", params(PageQuery),
    responses((status = 200, description = "A page of organisations", body = List<OrganisationBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_organisations(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (size, after) = list.plain(&page, |text| OrganisationName::parse(text).ok())?;
    let found = api.app.identity()?.organisations.list(&ctx, after.as_ref(), size).await?;
    let items: Vec<OrganisationBody> = found.items.iter().map(Into::into).collect();
    list.plain_answer(items, found.next.as_ref().map(OrganisationName::as_str))
}

/// Make or change an organisation
#[utoipa::path(put, path = "/api/v1/organisations/{organisation}", tag = "users", params(OrganisationPath),
    request_body = OrganisationPut,
    responses((status = 200, description = "The organisation", body = OrganisationBody), Put),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_organisation(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationPath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<OrganisationPut>()?.request(path.organisation)?;
    let organisation = api.app.identity()?.organisations.put(&ctx, request).await?;
    Ok(Reply::json(StatusCode::OK, &OrganisationBody::from(&organisation))?.done())
}

/// Delete an organisation
///
/// With the roles in it; its projects have no owner then.
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}", tag = "users", params(OrganisationPath),
    responses((status = 204, description = "It is gone"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_organisation(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.organisations.delete(&ctx, &path.organisation).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// List the projects of an organisation
///
/// By name.
#[utoipa::path(get, path = "/api/v1/organisations/{organisation}/projects", tag = "users", params(OrganisationPath),
    responses((status = 200, description = "The projects", body = List<OwnedProjectBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_owned_projects(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let projects = api.app.identity()?.organisations.projects(&ctx, &path.organisation).await?;
    let items = projects.iter().map(|project| OwnedProjectBody { project: project.to_string() }).collect();
    Ok(Reply::json(StatusCode::OK, &List::<OwnedProjectBody>::whole(items))?.done())
}

/// Give a project to an organisation
#[utoipa::path(put, path = "/api/v1/organisations/{organisation}/projects/{project}", tag = "users", params(OrganisationProjectPath),
    responses((status = 204, description = "It is its owner"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn own_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationProjectPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.organisations.own(&ctx, &path.project, &path.organisation).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// Take a project from an organisation
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}/projects/{project}", tag = "users", params(OrganisationProjectPath),
    responses((status = 204, description = "It has no owner"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn disown_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationProjectPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.organisations.disown(&ctx, &path.project, &path.organisation).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
