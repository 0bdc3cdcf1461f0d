//! The audit: paged search and file export.

use super::actors::add_emails;
use super::dto::people::audit::{AuditRecordBody, CSV_HEAD, VerifiedBody};
use super::sending::{self, Place};
use crate::extract::{AuditForm, AuditSearch, Caller, NoQuery, PageQuery, ProjectPath, Query};
use crate::openapi::{COMMON, IN_PROJECT, LIST, PEOPLE, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::RequestContext;
use application::identity::{Audit, BulkRead, Listed};
use application::ports::Freshness;
use application::ports::identity::{AuditCursor, AuditQuery, AuditRecord};
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use bytes::Bytes;
use domain::ProjectName;
use http::header::CONTENT_DISPOSITION;
use http::{HeaderValue, StatusCode, Uri};
use std::fmt::Write as _;
use std::io;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Maximum number of records in a file.
const FILE_RECORDS_MAX: usize = 100_000;
/// Records per read.
const BATCH: u32 = 1000;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(search_audit))
        .routes(routes!(search_project_audit))
        .routes(routes!(verify_audit))
}

refusals! {
    Found: COMMON, PEOPLE, LIST, &[Code::NotAcceptable, Code::Overloaded];
    FoundInProject: COMMON, PEOPLE, LIST, IN_PROJECT, &[Code::NotAcceptable, Code::Overloaded];
    Checked: COMMON, PEOPLE;
}

/// Search the audit
///
/// The newest first. With `Accept: application/x-ndjson` or `text/csv` everything that matches comes as a file, at
/// most 100,000 records; a cell that a spreadsheet would take for a formula has an apostrophe in front. A file has no
/// `actor_email`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditSearch, PageQuery),
    responses((status = 200, description = "A page of records, or a file", content(
        (List<AuditRecordBody> = "application/json"), (AuditRecordBody = "application/x-ndjson"),
        (String = "text/csv"))), Found),
    security(("bearer" = []), ("api_key" = [])))]
async fn search_audit(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    form: AuditForm,
    Query(search): Query<AuditSearch>,
) -> Result<Response, Problem> {
    answer(&api, ctx, &uri, form, &search, None).await
}

/// Search the audit of a project
///
/// As `/api/v1/audit`.
#[utoipa::path(get, path = "/api/v1/projects/{project}/audit", tag = "audit",
    params(ProjectPath, AuditSearch, PageQuery),
    responses((status = 200, description = "A page of records, or a file", content(
        (List<AuditRecordBody> = "application/json"), (AuditRecordBody = "application/x-ndjson"),
        (String = "text/csv"))), FoundInProject),
    security(("bearer" = []), ("api_key" = [])))]
async fn search_project_audit(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: ProjectPath,
    form: AuditForm,
    Query(search): Query<AuditSearch>,
) -> Result<Response, Problem> {
    answer(&api, ctx, &uri, form, &search, Some(&path.project)).await
}

/// Check the chain of the audit
///
/// From its oldest record on: each head covers the record and the one before.
#[utoipa::path(get, path = "/api/v1/audit/verification", tag = "audit",
    responses((status = 200, description = "What was found", body = VerifiedBody), Checked),
    security(("bearer" = []), ("api_key" = [])))]
async fn verify_audit(
    State(api): State<Api>,
    Caller(ctx): Caller,
    Query(NoQuery): Query<NoQuery>,
) -> Result<Response, Problem> {
    let found = api.app.identity()?.audit.verify(&ctx).await?;
    Ok(Reply::json(StatusCode::OK, &VerifiedBody::from(found))?.done())
}

async fn answer(
    api: &Api,
    ctx: RequestContext,
    uri: &Uri,
    form: AuditForm,
    search: &AuditSearch,
    project: Option<&ProjectName>,
) -> Result<Response, Problem> {
    let audit = api.app.identity()?.audit.clone();
    let query = search.query(project);
    if form != AuditForm::Json {
        let place = api.sending.enter(&ctx.actor)?;
        let first = audit.search(&ctx, query.clone(), None, BATCH).await?;
        audit.read(&ctx, BulkRead::AuditFile(uri.query().unwrap_or_default().to_owned()), project).await;
        return Ok(file(form, place, Export { audit, ctx, query, next: Some(first), sent: 0 }));
    }
    let list = Listing::new(uri.path(), &format!("{query:?}"));
    let (size, before) = list.plain(&search.page, |text| text.parse::<AuditCursor>().ok())?;
    let first = before.is_none();
    let found = audit.search(&ctx, query, before, size).await?;
    // Later pages belong to the same recorded read.
    if first {
        audit.read(&ctx, BulkRead::Audit(uri.query().unwrap_or_default().to_owned()), project).await;
    }
    let mut items: Vec<AuditRecordBody> = found.items.iter().map(Into::into).collect();
    add_emails(api, &ctx, project, Freshness::LINEARIZABLE, &mut items).await;
    list.plain_answer(items, found.next.map(|cursor| cursor.to_string()).as_deref())
}

/// The state of a file export.
struct Export {
    audit: Audit,
    ctx: RequestContext,
    query: AuditQuery,
    /// The batch to send next; `None` at the end.
    next: Option<Listed<AuditRecord, AuditCursor>>,
    sent: usize,
}

/// The response with a file.
fn file(form: AuditForm, place: Place, export: Export) -> Response {
    let chunks = futures::stream::try_unfold(export, move |mut export| async move {
        let Some(batch) = export.next.take() else { return Ok::<_, io::Error>(None) };
        let mut text = String::new();
        if form == AuditForm::Csv && export.sent == 0 {
            text.push_str(CSV_HEAD);
        }
        for record in &batch.items {
            let body = AuditRecordBody::from(record);
            if form == AuditForm::Csv {
                body.write_csv(&mut text);
            } else {
                let line = serde_json::to_string(&body).map_err(io::Error::other)?;
                writeln!(text, "{line}").map_err(io::Error::other)?;
            }
        }
        export.sent += batch.items.len();
        if let Some(before) = batch.next.filter(|_| export.sent < FILE_RECORDS_MAX) {
            let more = export.audit.search(&export.ctx, export.query.clone(), Some(before), BATCH).await;
            export.next = Some(more.map_err(io::Error::other)?);
        }
        Ok(Some((Bytes::from(text), export)))
    });
    let (kind, name) = match form {
        AuditForm::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"audit.csv\""),
        _ => ("application/x-ndjson", "attachment; filename=\"audit.ndjson\""),
    };
    let reply = Reply::body(StatusCode::OK, HeaderValue::from_static(kind), sending::body(place, chunks));
    let mut response = reply.done();
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}
