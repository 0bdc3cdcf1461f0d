//! Sign-in, refresh and sign-out.

use crate::cookie;
use crate::edge::Facts;
use crate::extract::{Caller, Guest, JsonBody, ModeQuery, NoQuery, Query, by_cookie};
use crate::openapi::{BODY, COMMON, PEOPLE, STRANGER, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::auth::{
    BootstrapBody, LoginBody, RefreshBody, RegisterBody, SecondFactorBody, SignedBody, SignedInBody,
};
use crate::v1::dto::people::user::UserBody;
use application::identity::{Refresh, Signed, SignedIn};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(bootstrap))
        .routes(routes!(register))
        .routes(routes!(login))
        .routes(routes!(answer_second_factor))
        .routes(routes!(refresh))
        .routes(routes!(logout))
        .routes(routes!(jwks))
}

refusals! {
    Bootstrapped: STRANGER, BODY, &[Code::Unauthenticated, Code::RegistrationClosed, Code::SignInFailed, Code::Taken,
        Code::Contended, Code::InvalidName];
    Registered: STRANGER, BODY, &[Code::Unauthenticated, Code::RegistrationClosed, Code::InvitationNotFound, Code::Taken,
        Code::QuotaExceeded, Code::InvalidName];
    LoggedIn: STRANGER, BODY, &[Code::SignInFailed, Code::CsrfFailed, Code::InvalidName];
    Answered: STRANGER, BODY, &[Code::SecondFactorFailed, Code::CsrfFailed];
    Refreshed: STRANGER, BODY, &[Code::SessionOver, Code::CsrfFailed];
    LoggedOut: COMMON, PEOPLE, &[Code::SessionOver, Code::TooManyAttempts];
    Shown: STRANGER;
}

/// Make the first administrator
///
/// By the token that was printed or mounted once, while nobody is there.
#[utoipa::path(post, path = "/api/v1/auth/bootstrap", tag = "auth", request_body = BootstrapBody,
    responses((status = 201, description = "The person", body = UserBody), Bootstrapped))]
async fn bootstrap(
    State(api): State<Api>,
    Guest(visitor): Guest,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<BootstrapBody>()?.request()?;
    let user = api.app.identity()?.sign_in.bootstrap(&visitor, request).await?;
    Ok(Reply::json(StatusCode::CREATED, &UserBody::from(&user))?.done())
}

/// Register
///
/// By an invitation, or where anybody may.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", request_body = RegisterBody,
    responses((status = 201, description = "The person", body = UserBody), Registered))]
async fn register(
    State(api): State<Api>,
    Guest(visitor): Guest,
    Query(NoQuery): Query<NoQuery>,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let request = bytes.parse::<RegisterBody>()?.request()?;
    let user = api.app.identity()?.sign_in.register(&visitor, request).await?;
    Ok(Reply::json(StatusCode::CREATED, &UserBody::from(&user))?.done())
}

/// Sign in
///
/// Unknown people, wrong passwords and people who may not come in are answered alike. Who has a second factor is
/// asked for it next.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", params(ModeQuery), request_body = LoginBody,
    responses((status = 200, description = "The session, or what the second factor is asked with",
        body = SignedInBody), LoggedIn))]
async fn login(
    State(api): State<Api>,
    Guest(visitor): Guest,
    Extension(facts): Extension<Arc<Facts>>,
    Query(mode): Query<ModeQuery>,
    (uri, headers): (Uri, HeaderMap),
    bytes: JsonBody,
) -> Result<Response, Problem> {
    if mode.browser() {
        cookie::check_origin(&headers, &uri, true)?;
    }
    let request = bytes.parse::<LoginBody>()?.request(mode.browser())?;
    let sign_in = &api.app.identity()?.sign_in;
    if let Some(over_limit) = facts.over_limit.get()
        && !sign_in.signed_in_from(&request.email, &visitor).await?
    {
        return Err(over_limit.clone());
    }
    let signed = sign_in.login(&visitor, request).await?;
    signed_in(&signed, mode.browser())
}

/// Answer with the second factor
#[utoipa::path(post, path = "/api/v1/auth/second-factor", tag = "auth", params(ModeQuery),
    request_body = SecondFactorBody,
    responses((status = 200, description = "The session", body = SignedBody), Answered))]
async fn answer_second_factor(
    State(api): State<Api>,
    Guest(visitor): Guest,
    Query(mode): Query<ModeQuery>,
    uri: Uri,
    headers: HeaderMap,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    if mode.browser() {
        cookie::check_origin(&headers, &uri, true)?;
    }
    let request = bytes.parse::<SecondFactorBody>()?.request()?;
    let signed = api.app.identity()?.sign_in.second_factor(&visitor, request).await?;
    signed_with(&signed, mode.browser())
}

/// Carry a session on
///
/// A refresh token is good once. One that was used before ends the session, but for 10 seconds in which the same
/// client has the same answer again. A browser sends an empty object and its cookie.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth", request_body = RefreshBody,
    responses((status = 200, description = "The session", body = SignedBody), Refreshed))]
async fn refresh(
    State(api): State<Api>,
    Guest(visitor): Guest,
    Query(NoQuery): Query<NoQuery>,
    uri: Uri,
    headers: HeaderMap,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: RefreshBody = bytes.parse()?;
    let (token, browser) = match (body.refresh_token, cookie::get(&headers, cookie::REFRESH)) {
        (Some(token), _) => (token, false),
        (None, Some(token)) => {
            // The page may have lost its CSRF token, so the browser must state the origin.
            cookie::check_origin(&headers, &uri, false)?;
            (token.to_owned().into(), true)
        }
        (None, None) => {
            return Err(Problem::new(Code::SessionOver, "there is no refresh token; sign in again"));
        }
    };
    let refreshed = api.app.identity()?.sign_in.refresh(&visitor, Refresh { token, browser }).await;
    match refreshed.map_err(Problem::from) {
        Ok(signed) => signed_with(&signed, browser),
        Err(problem) if browser && problem.code() == Code::SessionOver => {
            Ok(signed_out(problem.into_response()))
        }
        Err(problem) => Err(problem),
    }
}

/// Sign out
///
/// Ends the session that asks, on every node at once. A browser's, whose access token may be over, is found by its
/// refresh cookie too; its cookies are taken away also when that fails.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth",
    responses((status = 204, description = "It is over"), LoggedOut),
    security(("bearer" = []), ("api_key" = [])))]
async fn logout(
    State(api): State<Api>,
    caller: Result<Caller, Problem>,
    Guest(visitor): Guest,
    Query(NoQuery): Query<NoQuery>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let out = match caller {
        Ok(Caller(ctx)) => api.app.identity()?.sign_in.logout(&ctx).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    let refresh = cookie::get(&headers, cookie::REFRESH).filter(|_| by_cookie(&headers));
    let out = match (out, refresh) {
        (Err(problem), Some(token)) if problem.code() == Code::Unauthenticated => {
            // As with a refresh, the browser must state the origin.
            cookie::check_origin(&headers, &uri, false)?;
            let token = token.to_owned().into();
            api.app.identity()?.sign_in.logout_by_refresh(&visitor, &token).await.map_err(Problem::from)
        }
        (out, _) => out,
    };
    match out {
        Ok(()) => Ok(signed_out(Reply::empty(StatusCode::NO_CONTENT).done())),
        // Another site must not sign a user out, and a rate-limited request was not checked.
        Err(problem) if matches!(problem.code(), Code::CsrfFailed | Code::RateLimited) => Err(problem),
        Err(problem) if refresh.is_some() => Ok(signed_out(problem.into_response())),
        Err(problem) => Err(problem),
    }
}

/// The keys of access tokens
///
/// As a JWK set (RFC 7517), for whoever checks them elsewhere.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, description = "The keys", body = serde_json::Value), Shown))]
async fn jwks(State(api): State<Api>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    let keys = api.app.identity()?.sign_in.jwks();
    let kind = HeaderValue::from_static("application/json");
    Ok(Reply::body(StatusCode::OK, kind, Body::from(keys)).revalidated().done())
}

/// The response to the first step of a sign-in.
pub(super) fn signed_in(signed: &SignedIn, browser: bool) -> Result<Response, Problem> {
    let response = Reply::json(StatusCode::OK, &SignedInBody::new(signed, browser))?.done();
    Ok(match signed {
        SignedIn::Signed(signed) if browser => with_cookies(response, signed),
        _ => response,
    })
}

fn signed_with(signed: &Signed, browser: bool) -> Result<Response, Problem> {
    let response = Reply::json(StatusCode::OK, &SignedBody::new(signed, browser))?.done();
    Ok(if browser { with_cookies(response, signed) } else { response })
}

/// Deletes the session cookies of a browser whose session ended.
pub(super) fn signed_out(mut response: Response) -> Response {
    cookie::take(response.headers_mut());
    response
}

fn with_cookies(mut response: Response, signed: &Signed) -> Response {
    cookie::give(response.headers_mut(), signed);
    response
}
