//! Operations of users on their own accounts.

use super::signing::signed_out;
use crate::cookie;
use crate::extract::{Caller, EndQuery, Guest, JsonBody, NoQuery, Query, SessionPath, by_cookie};
use crate::openapi::{BODY, COMMON, PEOPLE, STRANGER, refusals};
use crate::page::List;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::account::{
    EndedBody, KeyMeBody, MeBody, PasswordBody, PasswordResetBody, SessionBody, WhoBody,
};
use axum::extract::State;
use axum::response::Response;
use domain::Actor;
use http::{HeaderMap, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(me))
        .routes(routes!(list_own_sessions, end_own_sessions))
        .routes(routes!(end_own_session))
        .routes(routes!(change_password))
        .routes(routes!(reset_password))
}

refusals! {
    Shown: COMMON, PEOPLE, &[Code::UserNotFound];
    Ended: COMMON, PEOPLE, &[Code::InvalidName, Code::SessionNotFound];
    Changed: COMMON, PEOPLE, BODY, &[Code::SignInFailed, Code::TooManyAttempts];
    Reset: STRANGER, BODY, &[Code::SignInFailed, Code::SessionOver, Code::Unauthenticated];
}

/// Who am I?
///
/// The person who asks and what the person may do; for an API key what the key may do, where, and until when.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth",
    responses((status = 200, description = "The person or the API key", body = WhoBody), Shown),
    security(("bearer" = []), ("api_key" = [])))]
async fn me(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Actor::ApiKey(_) = &ctx.actor {
        let own = api.app.access.own(&ctx).await?;
        return Ok(
            Reply::json(StatusCode::OK, &WhoBody::Key(Box::new(KeyMeBody::new(&own.item, &ctx))))?.done()
        );
    }
    let me = api.app.identity()?.account.me(&ctx).await?;
    let refresh = cookie::get(&headers, cookie::REFRESH).filter(|_| by_cookie(&headers));
    let body = WhoBody::Person(Box::new(MeBody::new(&me, refresh.map(cookie::csrf_token))));
    Ok(Reply::json(StatusCode::OK, &body)?.done())
}

/// List one's own sessions
///
/// The newest first.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth",
    responses((status = 200, description = "The sessions", body = List<SessionBody>), Shown),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_own_sessions(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let sessions = api.app.identity()?.account.sessions(&ctx).await?;
    let items = sessions.iter().map(|session| SessionBody::new(session, ctx.session.as_ref())).collect();
    Ok(Reply::json(StatusCode::OK, &List::<SessionBody>::whole(items))?.done())
}

/// End all of one's own sessions
///
/// Every access token given before is refused from then on, on every node.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", tag = "auth", params(EndQuery),
    responses((status = 200, description = "How many ended", body = EndedBody), Ended),
    security(("bearer" = []), ("api_key" = [])))]
async fn end_own_sessions(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(query): Query<EndQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let ended = api.app.identity()?.account.end_all(&ctx, query.keep_present).await?;
    let response = Reply::json(StatusCode::OK, &EndedBody { ended })?.done();
    let own = !query.keep_present && by_cookie(&headers);
    Ok(if own { signed_out(response) } else { response })
}

/// End one of one's own sessions
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{session}", tag = "auth", params(SessionPath),
    responses((status = 204, description = "It is over"), Ended),
    security(("bearer" = []), ("api_key" = [])))]
async fn end_own_session(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: SessionPath,
    Query(NoQuery): Query<NoQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    api.app.identity()?.account.end_session(&ctx, &path.session).await?;
    let response = Reply::empty(StatusCode::NO_CONTENT).done();
    let own = ctx.session.as_ref() == Some(&path.session) && by_cookie(&headers);
    Ok(if own { signed_out(response) } else { response })
}

/// Change one's password
///
/// Every other session ends; the one that asks must refresh.
#[utoipa::path(post, path = "/api/v1/auth/password", tag = "auth", request_body = PasswordBody,
    responses((status = 204, description = "It is changed"), Changed),
    security(("bearer" = []), ("api_key" = [])))]
async fn change_password(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<PasswordBody>()?.request();
    api.app.identity()?.account.change_password(&ctx, request).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

/// Set a password by a reset
///
/// By the token that an administrator had made, once. Every session ends.
#[utoipa::path(post, path = "/api/v1/auth/password/reset", tag = "auth", request_body = PasswordResetBody,
    responses((status = 204, description = "It is set"), Reset))]
async fn reset_password(
    State(api): State<Api>,
    Guest(visitor): Guest,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<PasswordResetBody>()?.request();
    api.app.identity()?.account.reset_password(&visitor, request).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
