//! Exports: a file of lines, generated while it is sent.

use super::dto::transfer::Line;
use super::sending::{self, Place};
use crate::compress::{self, Asked, Coding};
use crate::extract::{Caller, EnvironmentPath, ProjectPath, Query, ReadQuery};
use crate::openapi::{COMMON, IN_ENVIRONMENT, IN_PROJECT, READ, refusals};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::router::Api;
use application::identity::BulkRead;
use application::{Export, RequestContext};
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use domain::ProjectName;
use http::{HeaderValue, StatusCode};
use std::io;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Size of a chunk of lines, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(export_project)).routes(routes!(export_environment))
}

refusals! {
    OfProject: COMMON, READ, IN_PROJECT;
    OfEnvironment: COMMON, READ, IN_ENVIRONMENT;
}

/// Export a project
///
/// All environments, all versions of all schemas and all configs as they are at one revision, one JSON object
/// a line. The last line, `end`, says how many there were: a file without it is not whole. Needs a key that
/// may read the whole project.
#[utoipa::path(get, path = "/api/v1/projects/{project}/export", tag = "transfer",
    params(ProjectPath, ReadQuery),
    responses((status = 200, description = "The file", body = Line, content_type = "application/x-ndjson"),
        OfProject),
    security(("bearer" = []), ("api_key" = [])))]
async fn export_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Asked(coding): Asked,
    path: ProjectPath,
    Query(read): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let export = api.app.transfer.export_project(&ctx, &path.project, read.freshness()).await?;
    let place = api.sending.enter_project(&ctx.actor, &path.project)?;
    noted(&api, &ctx, BulkRead::Project(path.project.clone()), &path.project).await;
    Ok(sent(export, place, &read, coding))
}

/// Export an environment
///
/// Its configs and the schemas that they are bound to, with all their versions, in the form of a project's
/// export.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/export", tag = "transfer",
    params(EnvironmentPath, ReadQuery),
    responses((status = 200, description = "The file", body = Line, content_type = "application/x-ndjson"),
        OfEnvironment),
    security(("bearer" = []), ("api_key" = [])))]
async fn export_environment(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Asked(coding): Asked,
    path: EnvironmentPath,
    Query(read): Query<ReadQuery>,
) -> Result<Response, Problem> {
    let id = path.id();
    let export = api.app.transfer.export_environment(&ctx, &id, read.freshness()).await?;
    let place = api.sending.enter_project(&ctx.actor, &id.project)?;
    noted(&api, &ctx, BulkRead::Environment(id.clone()), &id.project).await;
    Ok(sent(export, place, &read, coding))
}

/// Records the read in the audit, on a node that has one.
async fn noted(api: &Api, ctx: &RequestContext, what: BulkRead, project: &ProjectName) {
    if let Ok(identity) = api.app.identity() {
        identity.audit.read(ctx, what, Some(project)).await;
    }
}

/// The response with the file. The stream is aborted when the caller loses the permission.
fn sent(export: Export, place: Place, read: &ReadQuery, coding: Option<Coding>) -> Response {
    let (revision, stale_for_ms) = (export.revision(), export.stale_for_ms());
    let chunks = futures::stream::try_unfold(export, async |mut export| {
        export.still_allowed().await.map_err(io::Error::other)?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while chunk.len() < CHUNK_BYTES {
            let Some(item) = export.next().await.map_err(io::Error::other)? else { break };
            Line::write(&mut chunk, &item).map_err(|_| io::Error::other("a document could not be read"))?;
        }
        Ok::<_, io::Error>((!chunk.is_empty()).then(|| (Bytes::from(chunk), export)))
    });
    let kind = HeaderValue::from_static("application/x-ndjson");
    let reply = Reply::body(StatusCode::OK, kind, sending::body(place, compress::stream(chunks, coding)));
    let mut response = reply.seen(revision, read.freshness(), stale_for_ms).done();
    compress::mark(response.headers_mut(), coding);
    response
}
