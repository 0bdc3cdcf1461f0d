//! Projects.

use super::dto::project::{NewProject, ProjectBody, ProjectChange};
use crate::extract::{Caller, JsonBody, NoQuery, PageQuery, ProjectPath, Query, ReadQuery};
use crate::openapi::{BODY, CHANGE, COMMON, IN_PROJECT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::{DisplayName, ProjectName};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_projects, create_project)).routes(routes!(
        get_project,
        update_project,
        delete_project
    ))
}

refusals! {
    Listed: COMMON, READ, LIST;
    Created: COMMON, CHANGE, BODY, &[Code::InvalidName, Code::ProjectExists, Code::QuotaExceeded];
    Read: COMMON, READ, IN_PROJECT;
    Updated: COMMON, CHANGE, BODY, IN_PROJECT;
    Deleted: COMMON, CHANGE, IN_PROJECT, &[Code::ProjectNotEmpty];
}

/// List projects
///
/// The projects that the caller may see, by name.
#[utoipa::path(get, path = "/api/v1/projects", tag = "projects", params(PageQuery, ReadQuery),
    responses((status = 200, description = "A page of projects", body = List<ProjectBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_projects(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (request, freshness) = list.request(&page, read.freshness(), |text| ProjectName::parse(text).ok())?;
    let page = api.app.projects.list(&ctx, request, freshness).await?;
    let items: Vec<ProjectBody> = page.items.iter().map(Into::into).collect();
    list.answer(
        items,
        page.next.as_ref().map(ProjectName::as_str),
        page.revision,
        freshness,
        page.stale_for_ms,
    )
}

/// Create a project
///
/// It starts with the environment `default`.
#[utoipa::path(post, path = "/api/v1/projects", tag = "projects", request_body = NewProject,
    responses((status = 201, description = "The project", body = ProjectBody,
        headers(("Location" = String, description = "Where it is"))), Created),
    security(("bearer" = []), ("api_key" = [])))]
async fn create_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    _: Query<NoQuery>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body: NewProject = body.parse()?;
    let name = ProjectName::parse(&body.name)?;
    let display_name = DisplayName::parse(body.display_name.as_deref().unwrap_or_default())?;
    let project = api.app.projects.create(&ctx, name, display_name).await?;
    Ok(Reply::json(StatusCode::CREATED, &ProjectBody::from(&project))?
        .location(format!("/api/v1/projects/{}", project.name))
        .revision(project.revision)
        .done())
}

/// Read a project
#[utoipa::path(get, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath, ReadQuery),
    responses((status = 200, description = "The project", body = ProjectBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectPath,
    Query(read): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let freshness = read.freshness();
    let project = api.app.projects.get(&ctx, &path.project, freshness).await?;
    let reply = Reply::json(StatusCode::OK, &ProjectBody::from(&project.item))?;
    Ok(reply.seen(project.revision, freshness, project.stale_for_ms).done())
}

/// Change a project's name for people
#[utoipa::path(patch, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath),
    request_body = ProjectChange,
    responses((status = 200, description = "The project", body = ProjectBody), Updated),
    security(("bearer" = []), ("api_key" = [])))]
async fn update_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectPath,
    _: Query<NoQuery>,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body: ProjectChange = body.parse()?;
    let display_name = DisplayName::parse(&body.display_name)?;
    let project = api.app.projects.update(&ctx, path.project, display_name).await?;
    Ok(Reply::json(StatusCode::OK, &ProjectBody::from(&project))?.revision(project.revision).done())
}

/// Delete a project
///
/// It must hold no configs; its environments, schemas and API keys go with it.
#[utoipa::path(delete, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath),
    responses((status = 204, description = "It is gone"), Deleted),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectPath,
    _: Query<NoQuery>,
) -> Result<Response, Problem> {
    let revision = api.app.projects.delete(&ctx, path.project).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).revision(revision).done())
}
