//! Sign-in through an identity provider.

use super::signing::signed_in;
use crate::cookie;
use crate::extract::{CallbackQuery, Guest, ModeQuery, NoQuery, ProviderPath, Query};
use crate::openapi::{STRANGER, refusals};
use crate::page::List;
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::v1::dto::people::auth::{ProviderBody, SignedInBody, WentOutBody};
use application::identity::FinishExternal;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Digest;
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Prefixes of the state cookie: for a sign-in that ends with session cookies, and for one that does not.
const BROWSER: &str = "cookie.";
const PLAIN: &str = "plain.";

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_providers))
        .routes(routes!(begin_external))
        .routes(routes!(finish_external))
}

refusals! {
    Listed: STRANGER;
    Begun: STRANGER, &[Code::ProviderNotFound, Code::ProviderInvalid, Code::ProviderUnavailable];
    Finished: STRANGER, &[Code::ProviderNotFound, Code::ProviderInvalid, Code::ProviderUnavailable, Code::ProviderRefused,
        Code::RegistrationClosed, Code::SignInFailed, Code::Taken];
}

/// List identity providers
#[utoipa::path(get, path = "/api/v1/auth/providers", tag = "auth",
    responses((status = 200, description = "Their names", body = List<ProviderBody>), Listed))]
async fn list_providers(State(api): State<Api>, Query(NoQuery): Query<NoQuery>) -> Result<Response, Problem> {
    let names = api.app.identity()?.external.providers();
    let items = names.into_iter().map(|name| ProviderBody { name }).collect();
    Ok(Reply::json(StatusCode::OK, &List::<ProviderBody>::whole(items))?.done())
}

/// Begin to sign in through an identity provider
///
/// The answer sets a cookie, without which nobody can finish the sign-in, and says where to send the browser.
#[utoipa::path(post, path = "/api/v1/auth/providers/{provider}/begin", tag = "auth",
    params(ProviderPath, ModeQuery),
    responses((status = 200, description = "Where to go", body = WentOutBody), Begun))]
async fn begin_external(
    State(api): State<Api>,
    Guest(visitor): Guest,
    path: ProviderPath,
    Query(mode): Query<ModeQuery>,
) -> Result<Response, Problem> {
    let out = api.app.identity()?.external.begin(&visitor, &path.provider).await?;
    let how = if mode.browser() { BROWSER } else { PLAIN };
    let mut response = Reply::json(StatusCode::OK, &WentOutBody { location: out.location })?.done();
    cookie::remember(response.headers_mut(), &format!("{how}{}", tied(out.state.expose_secret())));
    Ok(response)
}

/// Come back from an identity provider
///
/// Where the provider sends the browser.
#[utoipa::path(get, path = "/api/v1/auth/providers/{provider}/callback", tag = "auth",
    params(ProviderPath, CallbackQuery),
    responses((status = 200, description = "The session, or what the second factor is asked with",
        body = SignedInBody), Finished))]
async fn finish_external(
    State(api): State<Api>,
    Guest(visitor): Guest,
    path: ProviderPath,
    Query(query): Query<CallbackQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let external = &api.app.identity()?.external;
    let refused = async |why: &str| {
        external.turned_away(&visitor, &path.provider, why).await;
        Problem::new(Code::ProviderRefused, why)
    };
    let kept = cookie::get(&headers, cookie::STATE).unwrap_or_default();
    let Some(state) = query.state else { return Err(refused("the state did not come back").await) };
    let tied = tied(state.expose_secret());
    let browser = match kept {
        kept if kept == format!("{BROWSER}{tied}") => true,
        kept if kept == format!("{PLAIN}{tied}") => false,
        _ => return Err(refused("the sign-in was begun in another browser, or too long ago").await),
    };
    let finish = async || {
        let Some(code) = query.code else { return Err(refused("the identity provider gave no code").await) };
        let provider = path.provider.clone();
        let request = FinishExternal { provider, state, code, device: String::new(), browser };
        signed_in(&external.finish(&visitor, request).await?, browser)
    };
    // The state cookie is valid for one attempt.
    let mut response = finish().await.unwrap_or_else(Problem::into_response);
    cookie::forget(response.headers_mut());
    Ok(response)
}

/// The digest of the state that the cookie contains.
fn tied(state: &str) -> String {
    Digest::of(&[b"guardian sign-in\0", state.as_bytes()]).to_string()
}
