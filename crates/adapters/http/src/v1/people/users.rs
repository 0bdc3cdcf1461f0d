//! Administration of users.

use crate::extract::{
    Caller, JsonBody, NoQuery, PageQuery, Query, RevokeKeysQuery, UserPath, UserSessionPath,
};
use crate::openapi::{BODY, COMMON, LIST, PEOPLE, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::account::{EndedBody, SessionBody};
use crate::v1::dto::people::user::{
    ChangedUserBody, MadeKeysBody, NewUserBody, ResetBody, UserBody, UserChangeBody,
};
use application::ports::identity::UserStatus;
use axum::extract::OriginalUri;
use axum::extract::State;
use axum::response::Response;
use domain::UserId;
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, update_user, deactivate_user))
        .routes(routes!(list_made_keys))
        .routes(routes!(list_sessions, end_sessions))
        .routes(routes!(end_session))
        .routes(routes!(reset_user_password))
        .routes(routes!(remove_user_second_factor))
}

refusals! {
    Listed: COMMON, PEOPLE, LIST;
    Created: COMMON, PEOPLE, BODY, &[Code::Taken, Code::QuotaExceeded, Code::BeyondOwnRights];
    Read: COMMON, PEOPLE, &[Code::InvalidName, Code::UserNotFound];
    Changed: COMMON, PEOPLE, BODY, &[Code::InvalidName, Code::UserNotFound, Code::Taken, Code::LastAdministrator, Code::BeyondOwnRights];
    Gone: COMMON, PEOPLE, &[Code::InvalidBody, Code::InvalidName, Code::UserNotFound, Code::SessionNotFound, Code::SecondFactorNotFound, Code::LastAdministrator, Code::BeyondOwnRights];
}

/// List people
///
/// By id.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageQuery),
    responses((status = 200, description = "A page of people", body = List<UserBody>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_users(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    Query(page): Query<PageQuery>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (size, after) = list.plain(&page, |text| UserId::parse(text).ok())?;
    let found = api.app.identity()?.users.list(&ctx, after.as_ref(), size).await?;
    let items: Vec<UserBody> = found.items.iter().map(Into::into).collect();
    list.plain_answer(items, found.next.as_ref().map(UserId::as_str))
}

/// Make the record of a person
#[utoipa::path(post, path = "/api/v1/users", tag = "users",
    request_body = NewUserBody,
    responses((status = 201, description = "The person", body = UserBody,
        headers(("Location" = String, description = "Where it is"))), Created),
    security(("bearer" = []), ("api_key" = [])))]
async fn create_user(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<NewUserBody>()?.request()?;
    let user = api.app.identity()?.users.create(&ctx, request).await?;
    let reply = Reply::json(StatusCode::CREATED, &UserBody::from(&user))?;
    Ok(reply.location(format!("/api/v1/users/{}", user.id)).done())
}

/// Read a person
#[utoipa::path(get, path = "/api/v1/users/{user}", tag = "users", params(UserPath),
    responses((status = 200, description = "The person", body = UserBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_user(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let user = api.app.identity()?.users.get(&ctx, &path.user).await?;
    Ok(Reply::json(StatusCode::OK, &UserBody::from(&user))?.done())
}

/// Change a person
///
/// Who is deactivated is out on every node at once; what the person did stays in their name. API keys that the
/// person made go on working unless `revoke_api_keys` is set; the answer to a deactivation says which.
#[utoipa::path(patch, path = "/api/v1/users/{user}", tag = "users", params(UserPath),
    request_body = UserChangeBody,
    responses((status = 200, description = "The person", body = ChangedUserBody), Changed),
    security(("bearer" = []), ("api_key" = [])))]
async fn update_user(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body = bytes.parse::<UserChangeBody>()?;
    let revoke = body.revokes_keys()?;
    let request = body.request()?;
    let deactivates = request.status == Some(UserStatus::Deactivated);
    let users = &api.app.identity()?.users;
    let user = users.change(&ctx, &path.user, request).await?;
    let keys = if deactivates { Some(users.settle_keys(&ctx, &path.user, revoke).await?) } else { None };
    Ok(Reply::json(StatusCode::OK, &ChangedUserBody::new(&user, keys.as_ref()))?.done())
}

/// Deactivate a person
///
/// The record stays, because what the person did stays in their name. API keys that the person made go on working
/// unless `revoke_api_keys` is `true`; the answer says which are left.
#[utoipa::path(delete, path = "/api/v1/users/{user}", tag = "users", params(UserPath, RevokeKeysQuery),
    responses((status = 200, description = "The person", body = ChangedUserBody), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn deactivate_user(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(query): Query<RevokeKeysQuery>,
) -> Result<Response, Problem> {
    let users = &api.app.identity()?.users;
    let user = users.deactivate(&ctx, &path.user).await?;
    let keys = users.settle_keys(&ctx, &path.user, query.revoke_api_keys).await?;
    Ok(Reply::json(StatusCode::OK, &ChangedUserBody::new(&user, Some(&keys)))?.done())
}

/// List the API keys that a person made
///
/// In every project, with those that were made with them: they go on working when the person is deactivated. Only
/// those that the caller may read are listed; `more` counts the others.
#[utoipa::path(get, path = "/api/v1/users/{user}/api-keys", tag = "users", params(UserPath),
    responses((status = 200, description = "The API keys", body = MadeKeysBody), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_made_keys(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let found = api.app.identity()?.users.made_keys(&ctx, &path.user).await?;
    Ok(Reply::json(StatusCode::OK, &MadeKeysBody::from(&found))?.done())
}

/// List a person's sessions
///
/// The newest first.
#[utoipa::path(get, path = "/api/v1/users/{user}/sessions", tag = "users", params(UserPath),
    responses((status = 200, description = "The sessions", body = List<SessionBody>), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_sessions(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let sessions = api.app.identity()?.users.sessions(&ctx, &path.user).await?;
    let items = sessions.iter().map(|session| SessionBody::new(session, ctx.session.as_ref())).collect();
    Ok(Reply::json(StatusCode::OK, &List::<SessionBody>::whole(items))?.done())
}

/// End all of a person's sessions
///
/// On every node at once.
#[utoipa::path(delete, path = "/api/v1/users/{user}/sessions", tag = "users", params(UserPath),
    responses((status = 200, description = "How many ended", body = EndedBody), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn end_sessions(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let ended = api.app.identity()?.users.end_sessions(&ctx, &path.user, None).await?;
    Ok(Reply::json(StatusCode::OK, &EndedBody { ended })?.done())
}

/// End one of a person's sessions
#[utoipa::path(delete, path = "/api/v1/users/{user}/sessions/{session}", tag = "users", params(UserSessionPath),
    responses((status = 204, description = "It is over"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn end_session(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserSessionPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.users.end_sessions(&ctx, &path.user, Some(&path.session)).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// Begin to reset a person's password
///
/// The answer is the only one that shows the token, by which the person sets another password.
#[utoipa::path(post, path = "/api/v1/users/{user}/password-reset", tag = "users", params(UserPath),
    responses((status = 201, description = "What the person needs", body = ResetBody), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn reset_user_password(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let reset = api.app.identity()?.users.reset_password(&ctx, &path.user).await?;
    Ok(Reply::json(StatusCode::CREATED, &ResetBody::from(&reset))?.done())
}

/// Take a person's second factor away
///
/// For somebody who lost it.
#[utoipa::path(delete, path = "/api/v1/users/{user}/second-factor", tag = "users", params(UserPath),
    responses((status = 204, description = "It is gone"), Gone),
    security(("bearer" = []), ("api_key" = [])))]
async fn remove_user_second_factor(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: UserPath,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    api.app.identity()?.factors.remove_of(&ctx, &path.user).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
