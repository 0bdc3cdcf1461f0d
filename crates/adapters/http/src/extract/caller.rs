//! Who asks: the API key of a request, looked up once. Secrets are never logged or shown.

use crate::problem::{Code, Problem};
use crate::router::Api;
use application::RequestContext;
use axum::extract::FromRequestParts;
use domain::RequestId;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The authenticated caller and the request's id.
pub(crate) struct Caller(pub(crate) RequestContext);

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let secret = credential(&parts.headers)?;
        let (actor, credential) = api.app.access.identify(secret).await?;
        let id = parts.extensions.get::<RequestId>().cloned();
        let request_id = id.unwrap_or_else(|| api.outside.ids.request_id());
        let ctx = RequestContext::new(actor, request_id);
        Ok(Self(RequestContext { credential: Some(credential), ..ctx }))
    }
}

/// The one credential of the request, from either header.
fn credential(headers: &HeaderMap) -> Result<&str, Problem> {
    let bearer = single(headers, &AUTHORIZATION)?.map(bearer_token).transpose()?;
    match (bearer, single(headers, &API_KEY)?) {
        (Some(bearer), Some(key)) if bearer != key => Err(conflicting()),
        (Some(secret), _) | (None, Some(secret)) => Ok(secret),
        (None, None) => {
            let detail = "send an API key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'";
            Err(Problem::new(Code::Unauthenticated, detail))
        }
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
