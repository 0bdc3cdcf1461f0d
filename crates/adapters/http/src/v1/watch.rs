//! Watches of an environment as Server-Sent Events. Events are written as fast as the client reads.

use super::dto::watch::{WatchBookmark, WatchEvent, changed};
use super::watchers::{Watching, event_text};
use crate::extract::{Caller, EnvironmentPath, KeyQuery, LastEventId, Query, Snapshot, WatchQuery};
use crate::openapi::{COMMON, IN_ENVIRONMENT, READ, refusals};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::ports::{Consistency, Freshness};
use application::{OpenWatch, Watch, WatchPart};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use domain::{Actor, ConfigRevision, ProjectName, Revision};
use http::{HeaderName, HeaderValue, StatusCode};
use std::convert::Infallible;
use tokio::time::timeout;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
/// Disables response buffering in proxies that support it.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(watch_configs))
}

refusals! {
    Watched: COMMON, READ, IN_ENVIRONMENT, &[Code::QuotaExceeded, Code::TooManyWatchers];
}

/// Watch configs
///
/// Server-Sent Events: `put` and `delete` for each change, in order; `bookmark` when there was nothing to
/// send for a while. First, unless the watch is resumed, and whenever the changes since the resume point are not
/// kept any more, all matching configs at one revision, which replace whatever was told before: `reset`, one `put`
/// for each, `synced`. No line of them is longer than a document and 2 KiB; with `snapshot=one` the `reset` has
/// them all as `items`, in one line of any length. The `id` is a revision; an event
/// without one belongs together with the next. A watch is resumed after it, on any node, with
/// `Last-Event-ID` or `after_revision`, without gap and without repetition. It ends when the credential or
/// the environment does, and when the node stops.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/watch", tag = "configs",
    params(EnvironmentPath, KeyQuery, WatchQuery,
        ("Last-Event-ID" = Option<String>, Header, pattern = "^[0-9]{1,19}$", example = "1",
            description = "Give what changed after this revision")),
    responses((status = 200, description = "Events until the end; the schema is that of each event's data",
        body = WatchEvent, content_type = "text/event-stream"), Watched),
    security(("bearer" = []), ("api_key" = [])))]
async fn watch_configs(
    State(api): State<Api>,
    Caller(ctx): Caller,
    path: EnvironmentPath,
    Query((keys, query)): Query<(KeyQuery, WatchQuery)>,
    LastEventId(last): LastEventId,
) -> Result<Response, Problem> {
    let after = last.or(query.after_revision);
    let consistency = query.consistency;
    let environment = path.id();
    let project = environment.project.clone();
    let request = OpenWatch { environment, filter: keys.filter(), after, consistency };
    let watch = api.app.watches.open(&ctx, request).await?;
    // After the authorisation: other callers must not learn anything about the project.
    let watching = enter(&api, &ctx.actor, &project).await?;
    let (revision, stale_for_ms) = watch.opened_at();
    let asked = if after.is_some() { Consistency::Stale } else { consistency };
    let freshness = Freshness { consistency: asked, min_revision: after };
    let snapshot = query.snapshot;
    let events = Events { api, watch, watching, snapshot, items: 0, inside: false };
    let body = futures::stream::unfold(Box::new(events), async |mut events| {
        let text = events.next().await?;
        Some((Ok::<_, Infallible>(text), events))
    });
    let reply = Reply::body(StatusCode::OK, EVENT_STREAM, Body::from_stream(body));
    let mut response = reply.seen(revision, freshness, stale_for_ms).done();
    response.headers_mut().insert(BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// Takes a watcher slot of a project.
pub(super) async fn enter(api: &Api, actor: &Actor, project: &ProjectName) -> Result<Watching, Problem> {
    api.watchers.enter(actor, project, api.app.watches.watchers_max(project).await?)
}

/// The event stream of one watch.
struct Events {
    api: Api,
    watch: Watch,
    watching: Watching,
    /// The form of the initial state.
    snapshot: Snapshot,
    /// The number of items already sent in the reset.
    items: usize,
    /// Whether the last event was not the last of its revision.
    inside: bool,
}

impl Events {
    /// The next piece of the stream; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let waited = tokio::select! {
                biased;
                // Not within a revision: a resumed watch would receive its events again.
                () = self.watching.stopped(), if !self.inside => return None,
                next = timeout(self.api.watchers.heartbeat, self.watch.next()) => next,
            };
            let part = match waited {
                Ok(next) => next.transpose()?,
                Err(_silent) => self.watch.idle().await,
            };
            match part.map_err(Problem::from).and_then(|part| self.text(part)) {
                Ok(text) if text.is_empty() => {}
                Ok(text) => return Some(text),
                Err(problem) => {
                    tracing::debug!(code = problem.code().as_str(), "a watch ends");
                    return None;
                }
            }
        }
    }

    fn text(&mut self, part: WatchPart) -> Result<Bytes, Problem> {
        Ok(match part {
            WatchPart::ResetBegins(revision) if self.snapshot == Snapshot::Many => {
                self.watching.sent("reset");
                revision_event("reset", None, revision)?
            }
            WatchPart::ResetItems(configs) if self.snapshot == Snapshot::Many => self.puts(&configs)?,
            WatchPart::ResetEnds(revision) if self.snapshot == Snapshot::Many => {
                self.watching.sent("synced");
                revision_event("synced", Some(revision), revision)?
            }
            WatchPart::ResetBegins(revision) => {
                self.items = 0;
                let head =
                    format!("event: reset\nid: {revision}\ndata: {{\"revision\":{revision},\"items\":[");
                Bytes::from(head)
            }
            WatchPart::ResetItems(configs) => self.reset_items(&configs)?,
            WatchPart::ResetEnds(_) => {
                self.watching.sent("reset");
                Bytes::from_static(b"]}\n\n")
            }
            WatchPart::Changed(change) => {
                self.inside = !change.last_of_revision;
                self.watching.sent(if change.shown.content.is_some() { "put" } else { "delete" });
                self.api.watchers.text(&change)?
            }
            WatchPart::Bookmark(revision) => {
                self.watching.sent("bookmark");
                revision_event("bookmark", Some(revision), revision)?
            }
        })
    }

    /// Events of a snapshot. Without ids: an aborted snapshot starts again on resume.
    fn puts(&self, configs: &[ConfigRevision]) -> Result<Bytes, Problem> {
        let mut text = Vec::new();
        for shown in configs {
            let (event, data) = changed(shown)?;
            text.extend_from_slice(&event_text(event, None, &data));
            self.watching.sent(event);
        }
        Ok(Bytes::from(text))
    }

    fn reset_items(&mut self, configs: &[ConfigRevision]) -> Result<Bytes, Problem> {
        let mut text = Vec::new();
        for shown in configs {
            if self.items > 0 {
                text.push(b',');
            }
            text.extend_from_slice(&changed(shown)?.1);
            self.items += 1;
        }
        Ok(Bytes::from(text))
    }
}

/// An event with only a revision.
fn revision_event(event: &str, id: Option<Revision>, revision: Revision) -> Result<Bytes, Problem> {
    let data = serde_json::to_vec(&WatchBookmark { revision: revision.0 }).map_err(Problem::internal)?;
    Ok(event_text(event, id.map(|id| id.0), &data))
}
