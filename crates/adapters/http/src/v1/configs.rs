//! Reading, writing and deleting configs.

use super::dto::config::{ConfigBody, ConfigPut};
use super::wait;
use crate::extract::{
    Caller, Change, ConfigPath, Guard, JsonBody, Known, OverwriteQuery, PastQuery, PutGuard, Query,
    ReadQuery, WaitQuery, Wanted,
};
use crate::openapi::{BODY, CHANGE, COMMON, GUARDED, IN_ENVIRONMENT, READ, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use crate::target::segment;
use application::{
    Changed, ConfigDocument, DeleteConfig, Moment, PutConfig, RequestContext, Written, compact,
};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use domain::limits::DOCUMENT_BYTES_MAX;
use domain::{ConfigId, Content};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_config, put_config, delete_config))
        .routes(routes!(get_config_content))
}

refusals! {
    Read: COMMON, READ, IN_ENVIRONMENT,
        &[Code::ConfigNotFound, Code::FutureRevision, Code::HistoryPruned, Code::QuotaExceeded, Code::TooManyWatchers,
            Code::VersionNotFound];
    Put: COMMON, CHANGE, BODY, GUARDED, IN_ENVIRONMENT,
        &[Code::Contended, Code::DocumentTooLarge, Code::HistoryPruned, Code::QuotaExceeded, Code::UnknownSchema,
            Code::ValidationFailed, Code::SchemaCheckTooExpensive, Code::SchemaChecksBusy];
    Deleted: COMMON, CHANGE, GUARDED, IN_ENVIRONMENT, &[Code::ConfigNotFound];
}

/// Read a config
///
/// As it is, or as it was: a version that the query picks has its own `ETag`. Where there was no config, or it
/// was deleted, the answer is 404.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath, PastQuery, ReadQuery, WaitQuery,
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when it has this version")),
    responses((status = 200, description = "The config", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"))),
        (status = 304, description = "It has the version that the caller knows"), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_config(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ConfigPath,
    Query((past, (read, wait))): Query<(PastQuery, (ReadQuery, WaitQuery))>,
    known: Known,
) -> Result<Response, Problem> {
    let document = found(&api, &ctx, &path.id(), &past, &read, (&wait, &known)).await?;
    let reply = match unchanged(&document, &known) {
        Some(reply) => reply,
        None => Reply::json(StatusCode::OK, &ConfigBody::new(&document.shown)?)?,
    };
    Ok(tagged(reply, &document, &read))
}

/// Read a config's document
///
/// The bare document: what applications read. As it is, or as it was.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}/content",
    tag = "configs", params(ConfigPath, PastQuery, ReadQuery, WaitQuery,
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when it has this version")),
    responses((status = 200, description = "The document, byte for byte as it is stored",
        body = serde_json::Value, content_type = "application/json",
        headers(("ETag" = String, description = "The version in quotes"))),
        (status = 304, description = "It has the version that the caller knows"), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_config_content(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ConfigPath,
    Query((past, (read, wait))): Query<(PastQuery, (ReadQuery, WaitQuery))>,
    known: Known,
) -> Result<Response, Problem> {
    let mut document = found(&api, &ctx, &path.id(), &past, &read, (&wait, &known)).await?;
    let reply = match (unchanged(&document, &known), document.shown.content.take()) {
        (Some(reply), _) => reply,
        (None, Some(content)) => Reply::json_text(Body::from(Bytes::from_owner(Text(content)))),
        (None, None) => return Err(Problem::internal("a config without document")),
    };
    Ok(tagged(reply, &document, &read))
}

async fn found(
    api: &Api,
    ctx: &RequestContext,
    id: &ConfigId,
    past: &PastQuery,
    read: &ReadQuery,
    (wait, known): (&WaitQuery, &Known),
) -> Result<ConfigDocument, Problem> {
    Ok(match past.wanted() {
        Wanted::Moment(Moment::Now) => wait::read(api, ctx, id, (read, wait), known).await?,
        _ if !wait.wait.is_zero() => {
            let detail = "wait is for the present: leave out version, revision and at";
            return Err(Problem::new(Code::InvalidParameter, detail).with("parameter", "wait"));
        }
        Wanted::Version(version) => api.app.configs.get_version(ctx, id, version, read.freshness()).await?,
        Wanted::Moment(moment) => api.app.configs.get(ctx, id, moment, read.freshness()).await?,
    })
}

/// The text of a document, sent without a copy.
struct Text(Content);

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.0.as_str().as_bytes()
    }
}

fn unchanged(document: &ConfigDocument, known: &Known) -> Option<Reply> {
    known.has(document.shown.version.0).then(|| Reply::empty(StatusCode::NOT_MODIFIED))
}

fn tagged(reply: Reply, document: &ConfigDocument, read: &ReadQuery) -> Response {
    reply
        .etag(document.shown.version.0)
        .seen(document.revision, read.freshness(), document.stale_for_ms)
        .revalidated()
        .done()
}

/// Write a config
///
/// Creates it with `If-None-Match: *`, changes it with `If-Match: "<version>"` or `If-Match: *`, does either with
/// `overwrite=true`. The same document, bound alike, makes no version: the answer says `"unchanged": true`.
#[utoipa::path(put, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath, OverwriteQuery,
        ("If-Match" = Option<String>, Header, pattern = "^([*]|\"(0|[1-9][0-9]{0,18})\")$", example = "*",
            description = "The version in quotes that it must have, or `*`"),
        ("If-None-Match" = Option<String>, Header, pattern = "^[*]$", example = "*", description = "`*`: it must not exist")),
    request_body = ConfigPut,
    responses((status = 200, description = "The config after the change", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"))),
        (status = 201, description = "The new config", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"),
            ("Location" = String, description = "Where it is"))), Put),
    security(("bearer" = []), ("api_key" = [])))]
async fn put_config(
    State(api): State<Api>,
    change: Change<OverwriteQuery>,
    path: ConfigPath,
    PutGuard(expected): PutGuard,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: ConfigPut<'_> = bytes.parse()?;
    let request = PutConfig {
        id: path.id(),
        content: compact("content", body.content.get(), DOCUMENT_BYTES_MAX).map_err(Problem::from)?,
        binding: body.schema.change()?,
        expected,
        message: change.message(body.message.as_deref())?,
    };
    written(&api.app.configs.put(&change.with(&bytes), request).await?)
}

/// Delete a config
///
/// Its history stays, and its versions go on when the key is created again.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath,
        ("If-Match" = String, Header, pattern = "^([*]|\"(0|[1-9][0-9]{0,18})\")$", example = "*",
            description = "The version in quotes that it must have, or `*`")),
    responses((status = 204, description = "It is gone"), Deleted),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_config(
    State(api): State<Api>,
    change: Change,
    path: ConfigPath,
    Guard(expected): Guard,
) -> Result<Response, Problem> {
    let request = DeleteConfig { id: path.id(), expected, message: change.message(None)? };
    Ok(Reply::gone(&api.app.configs.delete(&change.alone(), request).await?)?.done())
}

/// The response to a change of a config.
pub(super) fn written(changed: &Changed<Written>) -> Result<Response, Problem> {
    let written = &changed.item;
    let shown = &written.document.shown;
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut reply = Reply::changed(status, &ConfigBody::written(written)?, changed)?.etag(shown.version.0);
    if written.created {
        let ConfigId { project, environment, key } = &shown.id;
        let key = segment(key.as_str());
        reply =
            reply.location(format!("/api/v1/projects/{project}/environments/{environment}/configs/{key}"));
    }
    Ok(reply.done())
}
