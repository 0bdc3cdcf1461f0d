//! The request of a change: caller, dry run, idempotency key.

use super::query::{DryRunQuery, NoQuery, Parameters, Query};
use super::{BoundedBody, Caller, MessageQuery};
use crate::problem::{Code, Problem};
use crate::router::Api;
use crate::target::canonical;
use application::{Origin, RequestContext};
use axum::extract::FromRequestParts;
use domain::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use domain::{Digest, Idempotency, Message};
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Extractor: the context of a change. Use [`Self::with`] for a request with a body, so that another body
/// under the same idempotency key is refused.
pub(crate) struct Change<Q = NoQuery> {
    /// The operation's own query parameters.
    pub(crate) query: Q,
    /// The `message` parameter; every change accepts it and the audit records it.
    message: Option<Message>,
    ctx: RequestContext,
    key: Option<String>,
    /// The part of the request outside the body, for the digest of idempotency.
    head: Vec<u8>,
}

impl<Q> Change<Q> {
    /// The change message: from the body, else from the parameter.
    pub(crate) fn message(&self, body: Option<&str>) -> Result<Message, Problem> {
        Ok(match (body, &self.message) {
            (None, Some(message)) => message.clone(),
            (body, _) => Message::parse(body.unwrap_or_default())?,
        })
    }

    /// The context of a request without a body.
    pub(crate) fn alone(self) -> RequestContext {
        self.with_bytes(&[])
    }

    /// The context of a request with this body.
    pub(crate) fn with<const BYTES: usize, const ENVELOPE: usize>(
        self,
        body: &BoundedBody<BYTES, ENVELOPE>,
    ) -> RequestContext {
        self.with_bytes(body.bytes())
    }

    /// The context of a request with these body bytes.
    pub(crate) fn with_bytes(self, body: &[u8]) -> RequestContext {
        let idempotency = self.key.map(|key| {
            let request = Digest::of(&[&self.head, body]);
            Idempotency::new(&self.ctx.actor, &key, request)
        });
        RequestContext { idempotency, ..self.ctx }
    }
}

impl<Q: Parameters> FromRequestParts<Api> for Change<Q> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Caller(ctx) = Caller::from_request_parts(parts, api).await?;
        let parameters = Query::<(DryRunQuery, (MessageQuery, Q))>::from_request_parts(parts, api).await?;
        let Query((trial, (MessageQuery { message }, query))) = parameters;
        let message = (!message.as_str().is_empty()).then_some(message);
        let key = idempotency_key(&parts.headers)?;
        let origin = Origin { message: message.clone(), ..ctx.origin };
        let ctx = RequestContext { dry_run: trial.dry_run, origin, ..ctx };
        Ok(Self { query, message, ctx, key, head: head(parts) })
    }
}

/// Method, target and relevant headers, each terminated by a zero byte, which none of them contains.
fn head(parts: &Parts) -> Vec<u8> {
    let mut target = canonical(parts.uri.path());
    if let Some(query) = parts.uri.query() {
        target.push('?');
        target.push_str(query);
    }
    let mut head = Vec::new();
    let mut add = |text: &[u8]| {
        head.extend_from_slice(text);
        head.push(0);
    };
    add(parts.method.as_str().as_bytes());
    add(target.as_bytes());
    for name in [IF_MATCH, IF_NONE_MATCH, CONTENT_TYPE] {
        add(parts.headers.get(name).map_or(&[], |value| value.as_bytes()));
    }
    head
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let refused = |rule: &str| {
        Problem::new(Code::InvalidIdempotencyKey, format!("Idempotency-Key {rule}"))
            .with("header", "Idempotency-Key")
            .with("limit_bytes", IDEMPOTENCY_KEY_BYTES_MAX)
    };
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("must appear only once"));
    }
    let text = first.to_str().ok().map(str::trim).unwrap_or_default();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > IDEMPOTENCY_KEY_BYTES_MAX || !visible {
        return Err(refused(&format!("must have 1 to {IDEMPOTENCY_KEY_BYTES_MAX} visible ASCII characters")));
    }
    Ok(Some(text.to_owned()))
}
