//! Authentication: identifies the caller by API key, access token or browser session, once per request.
//! Secrets are never logged or shown.

use crate::cookie;
use crate::edge::Facts;
use crate::limit::Class;
use crate::problem::{Code, Problem};
use crate::router::Api;
use application::identity::Visitor;
use application::{Error, RequestContext};
use axum::extract::FromRequestParts;
use domain::{Actor, ProjectName};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Extractor: the authenticated caller and the request id.
pub(crate) struct Caller(pub(crate) RequestContext);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let facts = facts(parts)?;
        let ctx = match identify(api, facts, parts).await {
            Ok(ctx) => ctx,
            // The edge counted a request without a credential.
            Err(problem) if !has_credential(&parts.headers) => return Err(problem),
            Err(problem) => return Err(stranger(api, facts, problem)),
        };
        admit(api, facts, &ctx.actor)?;
        Ok(Self(ctx))
    }
}

/// Extractor: the context of a request that needs no authentication.
pub(crate) struct Guest(pub(crate) Visitor);

impl FromRequestParts<Api> for Guest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        Ok(Self(facts(parts)?.visitor()))
    }
}

/// Authenticates the caller. Does not count the request.
async fn identify(api: &Api, facts: &Facts, parts: &Parts) -> Result<RequestContext, Problem> {
    let found = match credential(&parts.headers)? {
        Some(secret) if is_token(api, secret) => person(api, facts, secret).await,
        Some(secret) => key(api, facts, secret).await,
        None => {
            let Some(token) = cookie::get(&parts.headers, cookie::ACCESS) else {
                let detail = "send an API key or an access token as 'Authorization: Bearer <…>', or an API \
                              key as 'X-API-Key: <key>'";
                return Err(Problem::new(Code::Unauthenticated, detail));
            };
            if !parts.method.is_safe() {
                cookie::check_change(&parts.headers, &parts.uri)?;
            }
            person(api, facts, token).await
        }
    };
    Ok(found?)
}

fn is_token(api: &Api, secret: &str) -> bool {
    api.app.identity.as_ref().is_some_and(|identity| identity.sign_in.is_token(secret))
}

async fn key(api: &Api, facts: &Facts, secret: &str) -> Result<RequestContext, Error> {
    let (actor, credential) = api.app.access.identify(secret).await?;
    if let (Actor::ApiKey(key), Some(identity)) = (&actor, &api.app.identity) {
        identity.key_uses.record(key);
    }
    let ctx = RequestContext::new(actor, facts.id.clone());
    Ok(RequestContext { credential: Some(credential), origin: facts.origin(), ..ctx })
}

async fn person(api: &Api, facts: &Facts, token: &str) -> Result<RequestContext, Error> {
    let found = api.app.identity()?.sign_in.authenticate(token).await?;
    Ok(found.context(facts.id.clone(), facts.origin()))
}

fn facts(parts: &Parts) -> Result<&Arc<Facts>, Problem> {
    parts.extensions.get().ok_or_else(|| Problem::internal("the request did not come through the edge"))
}

/// Counts a request with an invalid credential as anonymous. Internal errors are not counted.
fn stranger(api: &Api, facts: &Facts, problem: Problem) -> Problem {
    if !problem.code().status().is_client_error() {
        return problem;
    }
    match api.limits.address(Class::Anonymous, facts.client.address) {
        Ok(_) => problem,
        Err(exceeded) => Problem::rate_limited(&exceeded, facts),
    }
}

/// Counts a request of an authenticated caller.
fn admit(api: &Api, facts: &Facts, actor: &Actor) -> Result<(), Problem> {
    // Set once.
    let _ = facts.actor.set(actor.clone());
    let counted = match facts.class {
        Class::SignIn => Ok(None), // by address, at the edge
        class => api.limits.principal(class, &Who(actor)),
    };
    if let Some(standing) = counted.map_err(|exceeded| Problem::rate_limited(&exceeded, facts))? {
        let _ = facts.standing.set(standing);
    }
    Ok(())
}

/// An actor as a key of the rate limiters.
struct Who<'a>(&'a Actor);

impl Hash for Who<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.0 {
            Actor::System => state.write_u8(0),
            Actor::ApiKey(key) => {
                state.write_u8(1);
                key.project.as_ref().map(ProjectName::as_str).hash(state);
                key.id.as_str().hash(state);
            }
            Actor::User(user) => {
                state.write_u8(2);
                user.as_str().hash(state);
            }
        }
    }
}

/// Whether the request has a possible credential.
pub(crate) fn has_credential(headers: &HeaderMap) -> bool {
    !by_cookie(headers) || cookie::get(headers, cookie::ACCESS).is_some()
}

/// Whether the only credential is a cookie, which a browser sends by itself.
pub(crate) fn by_cookie(headers: &HeaderMap) -> bool {
    !headers.contains_key(AUTHORIZATION) && !headers.contains_key(API_KEY)
}

/// The credential in the headers, if any; more than one is refused.
fn credential(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let bearer = single(headers, &AUTHORIZATION)?.map(bearer_token).transpose()?;
    match (bearer, single(headers, &API_KEY)?) {
        (Some(bearer), Some(key)) if bearer != key => Err(conflicting()),
        (bearer, key) => Ok(bearer.or(key)),
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(conflicting());
    }
    let text = |value: &'a http::HeaderValue| value.to_str().map(str::trim).map_err(|_| malformed());
    first.map(text).transpose()
}

fn bearer_token(value: &str) -> Result<&str, Problem> {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(malformed()),
    }
}

fn malformed() -> Problem {
    Problem::new(Code::Unauthenticated, "the credential does not have the form 'Bearer <key>'")
}

fn conflicting() -> Problem {
    Problem::new(Code::ConflictingCredentials, "the request carries credentials that differ; send one")
}
