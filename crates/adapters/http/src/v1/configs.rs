//! Config documents: the operations that applications and editors use all day.

use super::dto::config::{ConfigBody, ConfigItem, ConfigPut};
use super::dto::message;
use super::wait;
use crate::extract::{
    Caller, ConfigListQuery, ConfigPath, EnvironmentPath, Guard, Include, JsonBody, Known, NoQuery,
    PageQuery, PutGuard, Query, ReadQuery, WaitQuery,
};
use crate::openapi::{BODY, CHANGE, COMMON, GUARDED, IN_ENVIRONMENT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::{ConfigDocument, DeleteConfig, PutConfig, Written, compact};
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use bytes::Bytes;
use domain::limits::DOCUMENT_BYTES_MAX;
use domain::{ConfigId, ConfigKey, Content, Message};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_configs))
        .routes(routes!(get_config, put_config, delete_config))
        .routes(routes!(get_config_content))
}

refusals! {
    Listed: COMMON, READ, LIST, IN_ENVIRONMENT;
    Read: COMMON, READ, IN_ENVIRONMENT, &[Code::ConfigNotFound, Code::TooManyWatchers];
    Put: COMMON, CHANGE, BODY, GUARDED, IN_ENVIRONMENT,
        &[Code::Contended, Code::DocumentTooLarge, Code::UnknownSchema, Code::ValidationFailed];
    Deleted: COMMON, CHANGE, GUARDED, IN_ENVIRONMENT, &[Code::ConfigNotFound];
}

/// List configs
///
/// By key. All pages show the environment as it was at the first page's revision.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs", tag = "configs",
    params(EnvironmentPath, ConfigListQuery, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of configs", body = List<ConfigItem>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_configs(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: EnvironmentPath,
    Query((filter, (page, read))): Query<(ConfigListQuery, (PageQuery, ReadQuery))>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), &filter.prefix);
    let (request, freshness) = list.request(&page, read.freshness(), |text| ConfigKey::parse(text).ok())?;
    let with_content = filter.include == Include::Content;
    let page =
        api.app.configs.list(&ctx, &path.id(), &filter.prefix, request, with_content, freshness).await?;
    let items = page.items.iter().map(|item| ConfigItem::new(item, with_content));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    list.answer(items, page.next.as_ref().map(ConfigKey::as_str), page.revision, freshness, page.stale_for_ms)
}

/// Read a config
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath, ReadQuery, WaitQuery,
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when it has this version")),
    responses((status = 200, description = "The config", body = ConfigBody,
        headers(("ETag" = String, description = "The version in quotes"))),
        (status = 304, description = "It has the version that the caller knows"), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_config(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ConfigPath,
    Query(query): Query<(ReadQuery, WaitQuery)>,
    known: Known,
) -> Result<Response, Problem> {
    let document = wait::read(&api, &ctx, &path.id(), &query, &known).await?;
    let reply = match unchanged(&document, &known) {
        Some(reply) => reply,
        None => Reply::json(StatusCode::OK, &ConfigBody::new(&document.shown)?)?,
    };
    Ok(tagged(reply, &document, &query.0))
}

/// Read a config's document
///
/// The bare document: what applications read.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}/content",
    tag = "configs", params(ConfigPath, ReadQuery, WaitQuery,
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
    Query(query): Query<(ReadQuery, WaitQuery)>,
    known: Known,
) -> Result<Response, Problem> {
    let mut document = wait::read(&api, &ctx, &path.id(), &query, &known).await?;
    let reply = match (unchanged(&document, &known), document.shown.content.take()) {
        (Some(reply), _) => reply,
        (None, Some(content)) => Reply::json_text(Body::from(Bytes::from_owner(Text(content)))),
        (None, None) => return Err(Problem::internal("a config without document")),
    };
    Ok(tagged(reply, &document, &query.0))
}

/// A document's text that is sent without a copy.
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
/// Creates it with `If-None-Match: *`, changes it with `If-Match: "<version>"` or `If-Match: *`.
#[utoipa::path(put, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath,
        ("If-Match" = Option<String>, Header, pattern = "^([*]|\"[0-9]{1,19}\")$", example = "*",
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
    Caller(ctx): Caller,
    path: ConfigPath,
    _: Query<NoQuery>,
    PutGuard(expected): PutGuard,
    body: JsonBody,
) -> Result<Response, Problem> {
    let body: ConfigPut<'_> = body.parse()?;
    let request = PutConfig {
        id: path.id(),
        content: compact("content", body.content.get(), DOCUMENT_BYTES_MAX).map_err(Problem::from)?,
        binding: body.schema.change()?,
        expected,
        message: message(body.message.as_deref())?,
    };
    written(&api.app.configs.put(&ctx, request).await?)
}

/// Delete a config
///
/// Its history stays, and its versions go on when the key is created again.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/environments/{environment}/configs/{key}",
    tag = "configs", params(ConfigPath,
        ("If-Match" = String, Header, pattern = "^([*]|\"[0-9]{1,19}\")$", example = "*",
            description = "The version in quotes that it must have, or `*`")),
    responses((status = 204, description = "It is gone"), Deleted),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_config(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ConfigPath,
    _: Query<NoQuery>,
    Guard(expected): Guard,
) -> Result<Response, Problem> {
    let request = DeleteConfig { id: path.id(), expected, message: Message::default() };
    let (_, revision) = api.app.configs.delete(&ctx, request).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).revision(revision).done())
}

/// The answer to a change that left a config.
pub(super) fn written(written: &Written) -> Result<Response, Problem> {
    let shown = &written.document.shown;
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut reply = Reply::json(status, &ConfigBody::new(shown)?)?.etag(shown.version.0);
    if written.created {
        let ConfigId { project, environment, key } = &shown.id;
        reply =
            reply.location(format!("/api/v1/projects/{project}/environments/{environment}/configs/{key}"));
    }
    Ok(reply.revision(written.document.revision).done())
}
