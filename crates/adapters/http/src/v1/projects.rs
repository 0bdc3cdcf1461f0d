//! Projects.

use super::dto::project::{NewProject, ProjectBody, ProjectChange};
use crate::extract::{Caller, Change, JsonBody, PageQuery, ProjectPath, Query, ReadQuery};
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
    change: Change,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: NewProject = bytes.parse()?;
    let name = ProjectName::parse(&body.name)?;
    let display_name = DisplayName::parse(body.display_name.as_deref().unwrap_or_default())?;
    let changed = api.app.projects.create(&change.with(&bytes), name, display_name).await?;
    Ok(Reply::changed(StatusCode::CREATED, &ProjectBody::from(&changed.item), &changed)?
        .location(format!("/api/v1/projects/{}", changed.item.name))
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

/// Change a project
///
/// What people call it, how much it may hold, and how much of the past it keeps.
#[utoipa::path(patch, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath),
    request_body = ProjectChange,
    responses((status = 200, description = "The project", body = ProjectBody), Updated),
    security(("bearer" = []), ("api_key" = [])))]
async fn update_project(
    State(api): State<Api>,
    change: Change,
    path: ProjectPath,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: ProjectChange = bytes.parse()?;
    let request = body.request(path.project)?;
    let changed = api.app.projects.change(&change.with(&bytes), request).await?;
    Ok(Reply::changed(StatusCode::OK, &ProjectBody::from(&changed.item), &changed)?.done())
}

/// Delete a project
///
/// It must hold no configs; its environments, schemas and API keys go with it.
#[utoipa::path(delete, path = "/api/v1/projects/{project}", tag = "projects", params(ProjectPath),
    responses((status = 204, description = "It is gone"), Deleted),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_project(
    State(api): State<Api>,
    change: Change,
    path: ProjectPath,
) -> Result<Response, Problem> {
    let (ctx, project) = (change.alone(), path.project);
    let changed = api.app.projects.delete(&ctx, project.clone()).await?;
    if let (Some(identity), false) = (&api.app.identity, ctx.dry_run)
        && let Err(error) = identity.organisations.forget_project(&project).await
    {
        // A new project with the same name must not inherit the grants: the audit's projector retries the
        // removal.
        tracing::warn!(%error, %project, "the roles in a deleted project were not forgotten yet");
    }
    Ok(Reply::gone(&changed)?.done())
}
