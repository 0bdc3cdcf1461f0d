//! Built-in and custom roles.

use crate::extract::{Caller, JsonBody, NoQuery, Query, RolePath};
use crate::openapi::{BODY, COMMON, PEOPLE, refusals};
use crate::page::List;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::role::{AccessRoleBody, AccessRolePut};
use axum::extract::State;
use axum::response::Response;
use domain::BuiltInRole;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_roles)).routes(routes!(get_role, put_role, delete_role))
}

refusals! {
    Listed: COMMON, PEOPLE;
    Read: COMMON, PEOPLE, &[Code::InvalidName, Code::RoleNotFound];
    Put: COMMON, PEOPLE, BODY, &[Code::InvalidName, Code::Taken, Code::QuotaExceeded, Code::BeyondOwnRights];
    Gone: COMMON, PEOPLE, &[Code::InvalidName, Code::RoleNotFound, Code::BeyondOwnRights, Code::LastAdministrator];
}

/// List roles
///
/// The built-in ones, the weakest first, then the others by name.
#[utoipa::path(get, path = "/api/v1/roles", tag = "users",
    responses((status = 200, description = "The roles", body = List<AccessRoleBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_roles(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let custom = api.app.identity()?.roles.list(&ctx).await?;
    let built_in = BuiltInRole::ALL.into_iter().map(Into::into);
    let items = built_in.chain(custom.iter().map(Into::into)).collect();
    Ok(Reply::json(StatusCode::OK, &List::<AccessRoleBody>::whole(items))?.done())
}

/// Read a role of the platform's own
#[utoipa::path(get, path = "/api/v1/roles/{role}", tag = "users", params(RolePath),
    responses((status = 200, description = "The role", body = AccessRoleBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_role(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: RolePath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let role = api.app.identity()?.roles.get(&ctx, &path.role).await?;
    Ok(Reply::json(StatusCode::OK, &AccessRoleBody::from(&role))?.done())
}

/// Make or change a role
///
/// Whoever has it has the new rights on every node at once.
#[utoipa::path(put, path = "/api/v1/roles/{role}", tag = "users", params(RolePath),
    request_body = AccessRolePut,
    responses((status = 200, description = "The role", body = AccessRoleBody), Put),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_role(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: RolePath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<AccessRolePut>()?.request(path.role)?;
    let role = api.app.identity()?.roles.put(&ctx, request).await?;
    Ok(Reply::json(StatusCode::OK, &AccessRoleBody::from(&role))?.done())
}

/// Delete a role
///
/// Whoever has it loses it.
#[utoipa::path(delete, path = "/api/v1/roles/{role}", tag = "users", params(RolePath),
    responses((status = 204, description = "It is gone"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_role(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: RolePath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.roles.delete(&ctx, &path.role).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
