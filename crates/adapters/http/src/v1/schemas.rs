//! Schemas of a project and their versions.

use super::actors::add_emails;
use super::dto::config::BoundItem;
use super::dto::schema::{FailureListBody, NewSchema, SchemaBody, SchemaChange, SchemaItem, UpdatedBody};
use crate::extract::{
    Caller, Change, JsonBody, Known, PageQuery, ProjectPath, Query, ReadQuery, SchemaGuard, SchemaPath,
    SchemaVersionPath,
};
use crate::openapi::{BODY, CHANGE, COMMON, IN_PROJECT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::ports::Freshness;
use application::{CreateSchema, SchemaDetail, UpdateSchema, compact};
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::limits::SCHEMA_BYTES_MAX;
use domain::{
    ConfigId, ConfigKey, EnvironmentName, ProjectName, SchemaId, SchemaMode, SchemaName, SchemaVersion,
};
use http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_schemas, create_schema))
        .routes(routes!(get_schema, update_schema, delete_schema))
        .routes(routes!(get_schema_version))
        .routes(routes!(list_schema_versions))
        .routes(routes!(list_bound_configs))
        .routes(routes!(list_failures))
}

refusals! {
    Listed: COMMON, READ, LIST, IN_PROJECT;
    Created: COMMON, CHANGE, BODY, IN_PROJECT,
        &[Code::SchemaExists, Code::QuotaExceeded, Code::SchemaTooLarge, Code::InvalidSchema,
            Code::SchemaChecksBusy, Code::HistoryPruned];
    Read: COMMON, READ, IN_PROJECT, &[Code::SchemaNotFound];
    VersionRead: COMMON, READ, IN_PROJECT, &[Code::SchemaNotFound, Code::VersionNotFound];
    Failing: COMMON, READ, LIST, IN_PROJECT, &[Code::SchemaNotFound, Code::SchemaChecksBusy];
    Updated: COMMON, CHANGE, BODY, IN_PROJECT, &[Code::SchemaNotFound, Code::QuotaExceeded, Code::SchemaTooLarge,
        Code::InvalidSchema, Code::SchemaBreaksDocuments, Code::SchemaChecksBusy, Code::Contended, Code::InvalidPrecondition,
        Code::SchemaVersionConflict, Code::HistoryPruned];
    Deleted: COMMON, CHANGE, IN_PROJECT,
        &[Code::SchemaNotFound, Code::SchemaInUse, Code::InvalidPrecondition, Code::SchemaVersionConflict];
}

/// List schemas
///
/// The newest version of each, by name, without the schemas themselves.
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas", tag = "schemas",
    params(ProjectPath, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of schemas", body = List<SchemaItem>), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_schemas(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: ProjectPath,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let list = Listing::new(uri.path(), "");
    let (request, freshness) = list.request(&page, read.freshness(), |text| SchemaName::parse(text).ok())?;
    let page = api.app.schemas.list(&ctx, &path.project, request, freshness).await?;
    let items: Vec<SchemaItem> = page.items.iter().map(Into::into).collect();
    list.answer(
        items,
        page.next.as_ref().map(SchemaName::as_str),
        page.revision,
        freshness,
        page.stale_for_ms,
    )
}

/// Register a schema
#[utoipa::path(post, path = "/api/v1/projects/{project}/schemas", tag = "schemas", params(ProjectPath),
    request_body = NewSchema,
    responses((status = 201, description = "The schema", body = SchemaBody,
        headers(("ETag" = String, description = "The version in quotes"),
            ("Location" = String, description = "Where it is"))), Created),
    security(("bearer" = []), ("api_key" = [])))]
async fn create_schema(
    State(api): State<Api>,
    change: Change,
    path: ProjectPath,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: NewSchema<'_> = bytes.parse()?;
    let id = SchemaId { project: path.project, name: SchemaName::parse(&body.name)? };
    let schema = compact("schema", body.schema.get(), SCHEMA_BYTES_MAX).map_err(Problem::from)?;
    let mode = body.mode.map(SchemaMode::from).unwrap_or_default();
    let changed = api.app.schemas.create(&change.with(&bytes), CreateSchema { id, schema, mode }).await?;
    let detail = &changed.item;
    let SchemaId { project, name } = &detail.schema.id;
    let location = format!("/api/v1/projects/{project}/schemas/{name}");
    Ok(Reply::changed(StatusCode::CREATED, &SchemaBody::new(detail)?, &changed)?
        .location(location)
        .etag(detail.shown.version.0)
        .done())
}

/// Read the newest version of a schema
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas/{name}", tag = "schemas",
    params(SchemaPath, ReadQuery,
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when it has this version")),
    responses((status = 200, description = "The schema", body = SchemaBody,
        headers(("ETag" = String, description = "The version in quotes"))),
        (status = 304, description = "It has the version that the caller knows"), Read),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_schema(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: SchemaPath,
    Query(read): Query<ReadQuery>,
    known: Known,
) -> Result<Response, Problem> {
    let freshness = read.freshness();
    let detail = api.app.schemas.get(&ctx, &path.id(), None, freshness).await?;
    shown(&detail, &known, freshness)
}

/// Read one version of a schema
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas/{name}/versions/{version}", tag = "schemas",
    params(SchemaVersionPath, ReadQuery,
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when it has this version")),
    responses((status = 200, description = "The schema", body = SchemaBody,
        headers(("ETag" = String, description = "The version in quotes"))),
        (status = 304, description = "It has the version that the caller knows"), VersionRead),
    security(("bearer" = []), ("api_key" = [])))]
async fn get_schema_version(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: SchemaVersionPath,
    Query(read): Query<ReadQuery>,
    known: Known,
) -> Result<Response, Problem> {
    let (freshness, version) = (read.freshness(), path.version);
    let detail = api.app.schemas.get(&ctx, &path.id(), Some(version), freshness).await?;
    shown(&detail, &known, freshness)
}

/// List a schema's versions
///
/// Newest first, without the schemas themselves.
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas/{name}/versions", tag = "schemas",
    params(SchemaPath, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of versions", body = List<SchemaItem>), Failing),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_schema_versions(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: SchemaPath,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let (list, id) = (Listing::new(uri.path(), ""), path.id());
    let parse = |text: &str| text.parse().ok().map(SchemaVersion);
    let (request, freshness) = list.request(&page, read.freshness(), parse)?;
    let page = api.app.schemas.versions(&ctx, &id, request, freshness).await?;
    let mut items: Vec<SchemaItem> = page.items.iter().map(Into::into).collect();
    add_emails(&api, &ctx, Some(&id.project), freshness, &mut items).await;
    let next = page.next.map(|version| version.to_string());
    list.answer(items, next.as_deref(), page.revision, freshness, page.stale_for_ms)
}

/// List the configs that are bound to a schema
///
/// At whatever version, by environment and key; those that the caller may read.
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas/{name}/configs", tag = "schemas",
    params(SchemaPath, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of configs", body = List<BoundItem>), Failing),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_bound_configs(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: SchemaPath,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let (list, id) = (Listing::new(uri.path(), ""), path.id());
    let (request, freshness) = list.request(&page, read.freshness(), |text| place(&id.project, text))?;
    let page = api.app.schemas.bound(&ctx, &id, request, freshness).await?;
    let items: Vec<BoundItem<'_>> = page.items.iter().map(Into::into).collect();
    let next = page.next.as_ref().map(|last| format!("{}/{}", last.environment, last.key));
    list.answer(items, next.as_deref(), page.revision, freshness, page.stale_for_ms)
}

/// Register a new version of a schema
///
/// Under `strict` every document that follows the schema is checked first; the answer 422
/// `schema_breaks_documents` lists those that fail: the first 100, in a dry run the first 10,000. Under
/// `ratchet` the version is accepted, and documents that fail may stay until they are next written; a dry run
/// lists them in `failures`. A schema goes from `ratchet` to `strict` when none is left.
#[utoipa::path(put, path = "/api/v1/projects/{project}/schemas/{name}", tag = "schemas",
    params(SchemaPath,
        ("If-Match" = Option<String>, Header, pattern = "^([*]|\"(0|[1-9][0-9]{0,18})\")$", example = "*",
            description = "The version in quotes that must be the newest")),
    request_body = SchemaChange,
    responses((status = 200, description = "The schema", body = UpdatedBody,
        headers(("ETag" = String, description = "The version in quotes"))), Updated),
    security(("bearer" = []), ("api_key" = [])))]
async fn update_schema(
    State(api): State<Api>,
    change: Change,
    path: SchemaPath,
    SchemaGuard(expected): SchemaGuard,
    bytes: JsonBody,
) -> Result<Response, Problem> {
    let body: SchemaChange<'_> = bytes.parse()?;
    let schema = compact("schema", body.schema.get(), SCHEMA_BYTES_MAX).map_err(Problem::from)?;
    let request = UpdateSchema { id: path.id(), schema, mode: body.mode.map(Into::into), expected };
    let changed = api.app.schemas.update(&change.with(&bytes), request).await?;
    Ok(Reply::changed(StatusCode::OK, &UpdatedBody::new(&changed.item)?, &changed)?
        .etag(changed.item.detail.shown.version.0)
        .done())
}

/// List documents that do not satisfy a schema
///
/// Those that follow the schema and fail its newest version, by environment and key, until they are written
/// again. A page may end early, even empty, and says where to go on: about 10,000 documents are looked at for
/// one page.
#[utoipa::path(get, path = "/api/v1/projects/{project}/schemas/{name}/failures", tag = "schemas",
    params(SchemaPath, PageQuery, ReadQuery),
    responses((status = 200, description = "A page of documents", body = FailureListBody,
        example = json!({"items": [{"environment": "default", "key": "checkout.limits", "version": 3,
            "errors": [{"pointer": "", "schema_pointer": "/required", "keyword": "required",
                "message": "\"max_items\" is a required property"}]}],
            "next_page_token": "", "hidden": 0, "version": 2})), Failing),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_failures(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: SchemaPath,
    Query((page, read)): Query<(PageQuery, ReadQuery)>,
) -> Result<Response, Problem> {
    let (list, id) = (Listing::new(uri.path(), ""), path.id());
    let (request, freshness) = list.request(&page, read.freshness(), |text| place(&id.project, text))?;
    let found = api.app.schemas.failures(&ctx, &id, request, freshness).await?;
    let next = found.page.next.as_ref().map(|last| format!("{}/{}", last.environment, last.key));
    let token = list.token(next.as_deref(), found.page.revision)?;
    let reply = Reply::json(StatusCode::OK, &FailureListBody::new(&found, token))?;
    Ok(reply.seen(found.page.revision, freshness, found.page.stale_for_ms).done())
}

/// The config that a page token names.
fn place(project: &ProjectName, text: &str) -> Option<ConfigId> {
    let (environment, key) = text.split_once('/')?;
    let environment = EnvironmentName::parse(environment).ok()?;
    Some(ConfigId { project: project.clone(), environment, key: ConfigKey::parse(key).ok()? })
}

/// Delete a schema
///
/// No document may be bound to it, and no kept version of another schema may use it.
#[utoipa::path(delete, path = "/api/v1/projects/{project}/schemas/{name}", tag = "schemas",
    params(SchemaPath,
        ("If-Match" = Option<String>, Header, pattern = "^([*]|\"(0|[1-9][0-9]{0,18})\")$", example = "*",
            description = "The version in quotes that must be the newest")),
    responses((status = 204, description = "It is gone"), Deleted),
    security(("bearer" = []), ("api_key" = [])))]
async fn delete_schema(
    State(api): State<Api>,
    change: Change,
    path: SchemaPath,
    SchemaGuard(expected): SchemaGuard,
) -> Result<Response, Problem> {
    Ok(Reply::gone(&api.app.schemas.delete(&change.alone(), path.id(), expected).await?)?.done())
}

fn shown(detail: &SchemaDetail, known: &Known, freshness: Freshness) -> Result<Response, Problem> {
    let version = detail.shown.version.0;
    let reply = if known.has(version) {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::json(StatusCode::OK, &SchemaBody::new(detail)?)?
    };
    Ok(reply.etag(version).seen(detail.revision, freshness, detail.stale_for_ms).done())
}
