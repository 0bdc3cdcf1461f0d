//! Groups of users.

use crate::extract::{Caller, GroupPath, GroupPersonPath, JsonBody, NoQuery, PageQuery, Query};
use crate::openapi::{BODY, COMMON, LIST, PEOPLE, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::group::{GroupBody, GroupPersonBody, GroupPut};
use axum::extract::OriginalUri;
use axum::extract::State;
use axum::response::Response;
use domain::{GroupName, UserId};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_groups))
        .routes(routes!(put_group, delete_group))
        .routes(routes!(list_group_people))
        .routes(routes!(add_group_person, remove_group_person))
}

refusals! {
    Listed: COMMON, PEOPLE, LIST, &[Code::InvalidName, Code::GroupNotFound];
    Put: COMMON, PEOPLE, BODY, &[Code::InvalidName, Code::GroupNotFound, Code::QuotaExceeded, Code::BeyondOwnRights];
    Gone: COMMON, PEOPLE, &[Code::InvalidName, Code::GroupNotFound, Code::UserNotFound, Code::BeyondOwnRights, Code::LastAdministrator];
}

/// List groups
///
/// By name.
#[utoipa::path(get, path = "/api/v1/groups", tag = "users", params(PageQuery),
    responses((status = 200, description = "A page of groups", body = List<GroupBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_groups(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (size, after) = list.plain(&page, |text| GroupName::parse(text).ok())?;
    let found = api.app.identity()?.groups.list(&ctx, after.as_ref(), size).await?;
    let items: Vec<GroupBody> = found.items.iter().map(Into::into).collect();
    list.plain_answer(items, found.next.as_ref().map(GroupName::as_str))
}

/// Make or change a group
#[utoipa::path(put, path = "/api/v1/groups/{group}", tag = "users", params(GroupPath),
    request_body = GroupPut,
    responses((status = 200, description = "The group", body = GroupBody), Put),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_group(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: GroupPath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<GroupPut>()?.request(path.group)?;
    let group = api.app.identity()?.groups.put(&ctx, request).await?;
    Ok(Reply::json(StatusCode::OK, &GroupBody::from(&group))?.done())
}

/// Delete a group
///
/// The roles that it has go with it.
#[utoipa::path(delete, path = "/api/v1/groups/{group}", tag = "users", params(GroupPath),
    responses((status = 204, description = "It is gone"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_group(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: GroupPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.groups.delete(&ctx, &path.group).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// List the people of a group
///
/// Of exactly this group, by id.
#[utoipa::path(get, path = "/api/v1/groups/{group}/people", tag = "users", params(GroupPath, PageQuery),
    responses((status = 200, description = "A page of people", body = List<GroupPersonBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_group_people(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: GroupPath,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (size, after) = list.plain(&page, |text| UserId::parse(text).ok())?;
    let found = api.app.identity()?.groups.people(&ctx, &path.group, after.as_ref(), size).await?;
    let items = found.items.iter().map(|user| GroupPersonBody { user: user.to_string() }).collect();
    list.plain_answer::<GroupPersonBody>(items, found.next.as_ref().map(UserId::as_str))
}

/// Put a person into a group
#[utoipa::path(put, path = "/api/v1/groups/{group}/people/{user}", tag = "users", params(GroupPersonPath),
    responses((status = 204, description = "The person is in it"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn add_group_person(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: GroupPersonPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.groups.add(&ctx, &path.group, &path.user).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// Take a person out of a group
#[utoipa::path(delete, path = "/api/v1/groups/{group}/people/{user}", tag = "users", params(GroupPersonPath),
    responses((status = 204, description = "The person is not in it any more"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_group_person(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: GroupPersonPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.groups.remove(&ctx, &path.group, &path.user).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
