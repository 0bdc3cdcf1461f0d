//! Imports: a file of lines, processed while it is received.

use super::dto::transfer::{ImportAnswer, Item, Line};
use super::shares::{Share, Shares};
use crate::extract::{Caller, DryRunQuery, ImportQuery, Lines, MessageQuery, ProjectPath, Query};
use crate::openapi::{COMMON, IN_PROJECT, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::{
    Changed, ExportHeader, How, Import, ImportMode, ImportReport, ImportRequest, RequestContext, Totals,
};
use axum::extract::State;
use axum::response::Response;
use domain::{Message, ProjectName};
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The route; it has its own timeout.
pub(crate) const IMPORT_ROUTE: &str = "/api/v1/projects/{project}/import";
/// Timeout of an import. It normally ends before and reports its progress.
pub(crate) const IMPORT_TIMEOUT: Duration = Duration::from_mins(10);
/// Maximum number of refused lines in a response.
const REFUSED_LISTED_MAX: usize = 100;

/// The members of a refused line besides code and detail.
const REFUSED_MEMBERS: &[&str] = &["errors", "failures", "field", "limit_bytes"];
/// Maximum wait for another import to end.
const TURN_WAIT: Duration = Duration::from_secs(5);
/// Interval of the checks for the end of another import of the project.
const TURN_INTERVAL: Duration = Duration::from_millis(100);
/// Maximum number of concurrent imports per node; each may use tens of megabytes.
const IMPORTS_AT_ONCE_MAX: usize = 4;
/// Maximum number of concurrent imports per project.
const IMPORTS_OF_PROJECT_MAX: usize = 1;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(import_project))
}

refusals! {
    Imported: COMMON, IN_PROJECT, &[Code::InvalidParameter, Code::InvalidIdempotencyKey, Code::InvalidJson,
        Code::InvalidBody, Code::RequestTimeout, Code::BodyTooLarge, Code::UnsupportedMediaType,
        Code::ImportRefused, Code::SchemaChecksBusy, Code::Contended, Code::Unavailable, Code::OutcomeUnknown];
}

/// Import a file
///
/// Takes what an export gives: into the same project, another one or another cluster. The body may have
/// 256 MiB, a line 2 MiB. Every document is checked against its schema. 16 MiB of the file at a time are
/// checked completely and then committed in transactions of at most 128 documents; after the first refused
/// line nothing more is changed and the rest is only checked. What is there and the same is skipped, so that
/// sending the file again goes on where an import ended. `replace` deletes what is not in the file, in the
/// environment or the project that the file is of, and needs the file's `end` line.
#[utoipa::path(post, path = "/api/v1/projects/{project}/import", tag = "transfer",
    params(ProjectPath, ImportQuery, MessageQuery),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "A file as the export gives it: the `export` line first, then any number of the others",
        example = json!("{\"export\":{\"format\":1,\"project\":\"demo\",\"revision\":1042}}\n\
            {\"environment\":{\"name\":\"default\"}}\n\
            {\"schema\":{\"name\":\"limits\",\"version\":1,\"mode\":\"strict\",\"schema\":{\"type\":\"object\"}}}\n\
            {\"config\":{\"environment\":\"default\",\"key\":\"checkout.limits\",\"schema\":{\"name\":\"limits\"},\
            \"content\":{\"max_items\":20}}}\n\
            {\"end\":{\"environments\":1,\"schemas\":1,\"configs\":1}}\n")),
    responses((status = 200, description = "All of it is there now", body = ImportAnswer), Imported),
    security(("bearer" = []), ("api_key" = [])))]
async fn import_project(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: ProjectPath,
    Query((query, (why, tried))): Query<(ImportQuery, (MessageQuery, DryRunQuery))>,
    mut lines: Lines,
) -> Result<Response, Problem> {
    let ctx = RequestContext { dry_run: tried.dry_run, ..ctx };
    let asked = Asked { project: path.project.clone(), mode: query.mode, message: why.message };
    let begun = begin(&api, &ctx, asked, &mut lines).await;
    let (_turn, import) = match begun {
        Ok(begun) => begun,
        Err(problem) => {
            lines.drain().await;
            return Err(problem);
        }
    };
    let (report, refused, broken) = take(import, &mut lines).await;
    if broken.is_some() || report.stopped.is_some() {
        lines.drain().await;
    }
    answer(&ctx, &path.project, query.mode, report, refused, broken)
}

/// The request without its file.
struct Asked {
    project: ProjectName,
    mode: ImportMode,
    message: Message,
}

/// Starts an import after its first line. Only a caller who may import and has sent the first line occupies a
/// slot, of the project first, then of the node.
async fn begin<'a>(
    api: &'a Api,
    ctx: &RequestContext,
    asked: Asked,
    lines: &mut Lines,
) -> Result<(Turn<'a>, Import), Problem> {
    let Asked { project, mode, message } = asked;
    api.app.transfer.may_import(ctx, &project).await?;
    let first = lines.first().await?;
    let source = header(first.as_ref().map_or(&[], |(_, text)| text))?;
    let turn = api.imports.turn(&project).await?;
    Ok((turn, api.app.transfer.import(ctx, ImportRequest { project, mode, source, message }).await?))
}

/// The concurrent imports of a node.
pub(crate) struct Imports {
    places: Semaphore,
    projects: Shares<ProjectName>,
}

/// A slot for one import, released on drop.
struct Turn<'a> {
    _project: Share<ProjectName>,
    _place: SemaphorePermit<'a>,
}

impl Imports {
    pub(crate) fn new() -> Self {
        Self { places: Semaphore::new(IMPORTS_AT_ONCE_MAX), projects: Shares::default() }
    }

    /// Waits up to [`TURN_WAIT`] for a slot.
    async fn turn(&self, project: &ProjectName) -> Result<Turn<'_>, Problem> {
        let until = Instant::now() + TURN_WAIT;
        let own = loop {
            if let Some(own) = self.projects.take(project, IMPORTS_OF_PROJECT_MAX) {
                break own;
            }
            if Instant::now() >= until {
                let detail =
                    format!("this node takes {IMPORTS_OF_PROJECT_MAX} imports of a project at a time");
                return Err(Problem::new(Code::Overloaded, detail));
            }
            sleep(TURN_INTERVAL).await;
        };
        let place = timeout_at(until, self.places.acquire()).await;
        let busy = || Problem::new(Code::Overloaded, "this node takes as many imports as it can");
        Ok(Turn { _project: own, _place: place.ok().and_then(Result::ok).ok_or_else(busy)? })
    }
}

fn header(text: &[u8]) -> Result<ExportHeader, Problem> {
    let missing = || {
        let detail = "the first line must be {\"export\": {\"format\": 1, \"project\": …}}";
        Problem::new(Code::InvalidBody, detail).with("field", "export")
    };
    if text.is_empty() {
        return Err(missing());
    }
    match Line::read(text)? {
        Item::Header(header) => Ok(header),
        Item::Record(_) | Item::End(_) => Err(missing()),
    }
}

/// Lines that could not be parsed or are misplaced.
#[derive(Default)]
struct Refused(Vec<(u64, Problem)>);

impl Refused {
    fn add(&mut self, line: u64, problem: Problem) {
        if self.0.len() < REFUSED_LISTED_MAX {
            self.0.push((line, problem));
        }
    }
}

/// Imports all lines. Ends early if the body breaks off or a line fails for other reasons than its content.
async fn take(mut import: Import, lines: &mut Lines) -> (ImportReport, Refused, Option<Problem>) {
    let mut refused = Refused::default();
    let mut end: Option<(u64, Totals)> = None;
    let broken = loop {
        if import.is_stopped() {
            break None;
        }
        let (line, text) = match lines.next().await {
            Ok(Some(next)) => next,
            Ok(None) => break None,
            Err(problem) => break Some(problem),
        };
        let misplaced = |what| Problem::new(Code::InvalidBody, format!("{what} is not expected here"));
        let fault = match Line::read(&text) {
            _ if end.is_some() => Some(misplaced("a line after the end")),
            Ok(Item::Record(record)) => {
                import.add(line, record).await;
                None
            }
            Ok(Item::End(totals)) => {
                end = Some((line, totals));
                None
            }
            Ok(Item::Header(_)) => Some(misplaced("a second export line")),
            Err(problem) => Some(problem),
        };
        if let Some(problem) = fault {
            refused.add(line, problem);
            import.spoil();
        }
    };
    if broken.is_some() {
        import.spoil();
    }
    (import.finish(end).await, refused, broken)
}

/// The response with the report; a problem if the import is incomplete.
fn answer(
    ctx: &RequestContext,
    project: &ProjectName,
    mode: ImportMode,
    mut report: ImportReport,
    refused: Refused,
    broken: Option<Problem>,
) -> Result<Response, Problem> {
    let body = ImportAnswer::new(project, mode, &report);
    if broken.is_none() && report.stopped.is_none() && report.failed == 0 {
        let how = if ctx.dry_run { How::DryRun(std::mem::take(&mut report.effects)) } else { How::Made };
        let changed = Changed { item: (), revision: report.revision, how };
        return Ok(Reply::changed(StatusCode::OK, &body, &changed)?.done());
    }
    let mut listed = refused.0;
    listed.extend(report.failures.into_iter().map(|failure| (failure.line, Problem::from(failure.error))));
    listed.sort_by_key(|(line, _)| *line);
    listed.truncate(REFUSED_LISTED_MAX);
    let listed = listed.iter().map(|(line, problem)| {
        let mut members = problem.within(REFUSED_MEMBERS);
        members.insert("line".to_owned(), (*line).into());
        Value::Object(members)
    });
    let listed: Vec<Value> = listed.collect();
    let failed = report.failed;
    let problem = match (broken, report.stopped) {
        (Some(problem), _) => problem,
        (None, Some(error)) => Problem::from(error),
        (None, None) => {
            let detail = format!("{failed} lines were refused; the first are listed");
            Problem::new(Code::ImportRefused, detail)
        }
    };
    let report = serde_json::to_value(&body).map_err(Problem::internal)?;
    Err(problem.with("report", report).with("refused", listed).with("total", failed))
}
