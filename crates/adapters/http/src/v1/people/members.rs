//! Role grants in a project, in an organisation, and on the platform.

use crate::extract::{
    Caller, JsonBody, NoQuery, OrganisationMemberPath, OrganisationPath, PageQuery, PlatformMemberPath,
    ProjectMemberPath, ProjectPath, Query, subject, subject_text,
};
use crate::openapi::{BODY, COMMON, IN_PROJECT, LIST, PEOPLE, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::member::{MemberPut, RoleMemberBody};
use application::RequestContext;
use application::ports::identity::Place;
use axum::extract::OriginalUri;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::Uri;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_project_members))
        .routes(routes!(get_project_member, put_project_member, remove_project_member))
        .routes(routes!(list_organisation_members))
        .routes(routes!(get_organisation_member, put_organisation_member, remove_organisation_member))
        .routes(routes!(list_platform_members))
        .routes(routes!(get_platform_member, put_platform_member, remove_platform_member))
}

refusals! {
    InProject: COMMON, PEOPLE, LIST, IN_PROJECT;
    OfProject: COMMON, PEOPLE, IN_PROJECT, &[Code::MemberNotFound];
    PutInProject: COMMON, PEOPLE, BODY, IN_PROJECT, &[Code::UserNotFound, Code::GroupNotFound, Code::RoleNotFound, Code::OrganisationNotFound, Code::BeyondOwnRights, Code::LastAdministrator, Code::QuotaExceeded, Code::InvalidName, Code::MemberNotFound];
    GoneFromProject: COMMON, PEOPLE, IN_PROJECT, &[Code::UserNotFound, Code::GroupNotFound, Code::RoleNotFound, Code::OrganisationNotFound, Code::BeyondOwnRights, Code::LastAdministrator, Code::QuotaExceeded, Code::InvalidName, Code::MemberNotFound];
    Listed: COMMON, PEOPLE, LIST, &[Code::InvalidName, Code::OrganisationNotFound];
    Read: COMMON, PEOPLE, &[Code::InvalidName, Code::OrganisationNotFound, Code::MemberNotFound];
    Put: COMMON, PEOPLE, BODY, &[Code::UserNotFound, Code::GroupNotFound, Code::RoleNotFound, Code::OrganisationNotFound, Code::BeyondOwnRights, Code::LastAdministrator, Code::QuotaExceeded, Code::InvalidName, Code::MemberNotFound];
    Gone: COMMON, PEOPLE, &[Code::UserNotFound, Code::GroupNotFound, Code::RoleNotFound, Code::OrganisationNotFound, Code::BeyondOwnRights, Code::LastAdministrator, Code::QuotaExceeded, Code::InvalidName, Code::MemberNotFound];
}

/// List who has a role in a project
///
/// In exactly this place, by subject.
#[utoipa::path(get, path = "/api/v1/projects/{project}/members", tag = "users", params(ProjectPath, PageQuery),
    responses((status = 200, description = "A page of members", body = List<RoleMemberBody>), InProject),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_project_members(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectPath,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    list(&api, &ctx, &Place::Project(path.project), &uri, &page).await
}

/// Read which role somebody has in a project
#[utoipa::path(get, path = "/api/v1/projects/{project}/members/{subject}", tag = "users", params(ProjectMemberPath),
    responses((status = 200, description = "The role", body = RoleMemberBody), OfProject),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_project_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectMemberPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let member = api.app.identity()?.members.get(&ctx, &Place::Project(path.project), &path.subject).await?;
    Ok(Reply::json(StatusCode::OK, &RoleMemberBody::from(&member))?.done())
}

/// Give somebody a role in a project
///
/// In place of the one that the subject had there. It holds on every node at once: access tokens from before are refused, and a refresh gives one with the new rights.
#[utoipa::path(put, path = "/api/v1/projects/{project}/members/{subject}", tag = "users", params(ProjectMemberPath),
    request_body = MemberPut,
    responses((status = 200, description = "The role", body = RoleMemberBody), PutInProject),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_project_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectMemberPath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<MemberPut>()?.request(Place::Project(path.project), path.subject)?;
    let binding = api.app.identity()?.members.put(&ctx, request).await?;
    Ok(Reply::json(StatusCode::OK, &RoleMemberBody::from(&binding))?.done())
}

/// Take the role that somebody has in a project
///
/// On every node at once.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/members/{subject}", tag = "users", params(ProjectMemberPath),
    responses((status = 204, description = "It is gone"), GoneFromProject),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_project_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectMemberPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.members.delete(&ctx, &Place::Project(path.project), &path.subject).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// List who has a role in an organisation
///
/// In exactly this place, by subject.
#[utoipa::path(get, path = "/api/v1/organisations/{organisation}/members", tag = "users", params(OrganisationPath, PageQuery),
    responses((status = 200, description = "A page of members", body = List<RoleMemberBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_organisation_members(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationPath,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    list(&api, &ctx, &Place::Organisation(path.organisation), &uri, &page).await
}

/// Read which role somebody has in an organisation
#[utoipa::path(get, path = "/api/v1/organisations/{organisation}/members/{subject}", tag = "users", params(OrganisationMemberPath),
    responses((status = 200, description = "The role", body = RoleMemberBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_organisation_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationMemberPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let member =
        api.app.identity()?.members.get(&ctx, &Place::Organisation(path.organisation), &path.subject).await?;
    Ok(Reply::json(StatusCode::OK, &RoleMemberBody::from(&member))?.done())
}

/// Give somebody a role in an organisation
///
/// In place of the one that the subject had there. It holds on every node at once: access tokens from before are refused, and a refresh gives one with the new rights.
#[utoipa::path(put, path = "/api/v1/organisations/{organisation}/members/{subject}", tag = "users", params(OrganisationMemberPath),
    request_body = MemberPut,
    responses((status = 200, description = "The role", body = RoleMemberBody), Put),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_organisation_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationMemberPath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request =
        bytes.parse::<MemberPut>()?.request(Place::Organisation(path.organisation), path.subject)?;
    let binding = api.app.identity()?.members.put(&ctx, request).await?;
    Ok(Reply::json(StatusCode::OK, &RoleMemberBody::from(&binding))?.done())
}

/// Take the role that somebody has in an organisation
///
/// On every node at once.
#[utoipa::path(delete, path = "/api/v1/organisations/{organisation}/members/{subject}", tag = "users", params(OrganisationMemberPath),
    responses((status = 204, description = "It is gone"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_organisation_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: OrganisationMemberPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.members.delete(&ctx, &Place::Organisation(path.organisation), &path.subject).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// List who has a role on the platform
///
/// In exactly this place, by subject.
#[utoipa::path(get, path = "/api/v1/members", tag = "users", params(PageQuery),
    responses((status = 200, description = "A page of members", body = List<RoleMemberBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_platform_members(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    list(&api, &ctx, &Place::Platform, &uri, &page).await
}

/// Read which role somebody has on the platform
#[utoipa::path(get, path = "/api/v1/members/{subject}", tag = "users", params(PlatformMemberPath),
    responses((status = 200, description = "The role", body = RoleMemberBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_platform_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: PlatformMemberPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let member = api.app.identity()?.members.get(&ctx, &Place::Platform, &path.subject).await?;
    Ok(Reply::json(StatusCode::OK, &RoleMemberBody::from(&member))?.done())
}

/// Give somebody a role on the platform
///
/// In place of the one that the subject had there. It holds on every node at once: access tokens from before are refused, and a refresh gives one with the new rights.
#[utoipa::path(put, path = "/api/v1/members/{subject}", tag = "users", params(PlatformMemberPath),
    request_body = MemberPut,
    responses((status = 200, description = "The role", body = RoleMemberBody), Put),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_platform_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: PlatformMemberPath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<MemberPut>()?.request(Place::Platform, path.subject)?;
    let binding = api.app.identity()?.members.put(&ctx, request).await?;
    Ok(Reply::json(StatusCode::OK, &RoleMemberBody::from(&binding))?.done())
}

/// Take the role that somebody has on the platform
///
/// On every node at once.
#[utoipa::path(delete, path = "/api/v1/members/{subject}", tag = "users", params(PlatformMemberPath),
    responses((status = 204, description = "It is gone"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_platform_member(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: PlatformMemberPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.members.delete(&ctx, &Place::Platform, &path.subject).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

async fn list(
    api: &Api,
    ctx: &RequestContext,
    place: &Place,
    uri: &Uri,
    page: &PageQuery,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (size, after) = list.plain(page, |text| subject(text).ok())?;
    let found = api.app.identity()?.members.list(ctx, place, after.as_ref(), size).await?;
    let items: Vec<RoleMemberBody> = found.items.iter().map(Into::into).collect();
    list.plain_answer(items, found.next.as_ref().map(subject_text).as_deref())
}
