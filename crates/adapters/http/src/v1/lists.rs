//! Lists of configs, now or at an earlier moment, and waiting for a list to change.

use super::dto::config::ConfigItem;
use super::watch::enter;
use crate::answers::Held;
use crate::extract::{
    Caller, ConfigListQuery, EnvironmentPath, Include, KeyQuery, Known, MomentQuery, PageQuery, Query,
    ReadQuery, WaitQuery,
};
use crate::openapi::{COMMON, IN_ENVIRONMENT, LIST, READ, refusals};
use crate::page::{List, Listing};
use crate::problem::{Code, Problem};
use crate::reply::Reply;
use crate::router::Api;
use application::ports::{Consistency, Freshness};
use application::{ConfigList, LIST_CONTENT_BYTES_MAX, Moment, Page, PageRequest, RequestContext};
use axum::body::HttpBody as _;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::limits::DOCUMENT_BYTES_MAX;
use domain::{ConfigKey, ConfigRevision, Digest, EnvironmentId, Revision};
use http::StatusCode;
use tokio::time::{Instant, sleep_until};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Maximum size of a page with documents, in bytes; the last document may exceed the list limit.
const PAGE_BYTES_MAX: usize = LIST_CONTENT_BYTES_MAX + DOCUMENT_BYTES_MAX;
/// Characters of the digest in the entity tag of a list.
const TAG_CHARS: usize = 32;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_configs))
}

refusals! {
    Listed: COMMON, READ, LIST, IN_ENVIRONMENT, &[Code::FutureRevision, Code::HistoryPruned, Code::QuotaExceeded,
        Code::TooManyWatchers];
}

/// The parameters that select configs and their moment.
type Which = (KeyQuery, (ConfigListQuery, MomentQuery));
/// The parameters of page, freshness and wait.
type How = (PageQuery, (ReadQuery, WaitQuery));

/// The parsed request of a list.
struct Asked<'a> {
    ctx: &'a RequestContext,
    environment: &'a EnvironmentId,
    list: ConfigList,
    page: PageRequest<ConfigKey>,
    freshness: Freshness,
}

type Found = Page<ConfigRevision, ConfigKey>;

/// List configs
///
/// By key, as they are or were: all, those of some keys (`key=`), or those that start with some prefixes
/// (`prefix=`). All pages show the environment as it was at the first page's revision; ask for each with the same
/// parameters. The weak `ETag` is that of the page: with `If-None-Match` the answer is 304 while it is the same,
/// and with `wait` it comes when it is another one.
#[utoipa::path(get, path = "/api/v1/projects/{project}/environments/{environment}/configs", tag = "configs",
    params(EnvironmentPath, KeyQuery, ConfigListQuery, MomentQuery, PageQuery, ReadQuery, WaitQuery,
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 when the page has this tag")),
    responses((status = 200, description = "A page of configs", body = List<ConfigItem>,
        headers(("ETag" = String, description = "A weak tag of the page"))),
        (status = 304, description = "The page is the one that the caller knows"), Listed),
    security(("bearer" = []), ("api_key" = [])))]
async fn list_configs(
    State(api): State<Api>,
    Caller(ctx): Caller,
    OriginalUri(uri): OriginalUri,
    path: EnvironmentPath,
    Query((which, (page, (read, wait)))): Query<(Which, How)>,
    known: Known,
) -> Result<Response, Problem> {
    let (keys, (filter, past)) = which;
    let moment = past.moment();
    check(&filter, moment, &page, &wait)?;
    let listing = Listing::new(uri.path(), &listed(&keys.text(), &filter, moment));
    let (page, freshness) = listing.request(&page, read.freshness(), |text| ConfigKey::parse(text).ok())?;
    let with_content = filter.include == Include::Content;
    let list = ConfigList { filter: keys.filter(), with_content, moment, deleted: filter.deleted };
    let environment = path.id();
    let asked = Asked { ctx: &ctx, environment: &environment, list, page, freshness };
    let Read { found, held } = match waited(&api, &asked, &known, &wait).await? {
        Waited::Page(read) => read,
        Waited::Same(same) => {
            let reply = Reply::empty(StatusCode::NOT_MODIFIED).weak_etag(&same.tag);
            return Ok(reply.seen(same.revision, freshness, same.stale_for_ms).revalidated().done());
        }
    };
    let items = found.items.iter().map(|item| ConfigItem::new(item, with_content));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let (tag, next) = (tag(&found), found.next.as_ref().map(ConfigKey::as_str));
    let seen = (found.revision, freshness, found.stale_for_ms);
    let mut response = listing.tagged_answer(items, next, &tag, seen)?;
    if let Some(held) = held {
        let bytes = response.body().size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
        response.extensions_mut().insert(held.shrunk(bytes.unwrap_or(PAGE_BYTES_MAX)));
    }
    Ok(response)
}

/// Refuses invalid combinations of parameters.
fn check(
    filter: &ConfigListQuery,
    moment: Moment,
    page: &PageQuery,
    wait: &WaitQuery,
) -> Result<(), Problem> {
    let refused = |parameter: &str, detail: &str| {
        Err(Problem::new(Code::InvalidParameter, detail).with("parameter", parameter))
    };
    if filter.deleted && moment != Moment::Now {
        return refused("deleted", "deleted is for the present: leave out revision and at");
    }
    if filter.deleted && filter.include == Include::Content {
        return refused("include", "what was deleted has no document: leave out include");
    }
    if !wait.wait.is_zero() && (moment != Moment::Now || page.page_token.is_some()) {
        return refused(
            "wait",
            "wait is for the first page of the present: leave out revision, at and page_token",
        );
    }
    Ok(())
}

/// The filter as text that a page token is bound to.
fn listed(keys: &str, filter: &ConfigListQuery, moment: Moment) -> String {
    let deleted = if filter.deleted { "\0deleted" } else { "" };
    match moment {
        Moment::Now => format!("{keys}{deleted}"),
        Moment::Revision(revision) => format!("{keys}\0revision={revision}"),
        Moment::Time(at) => format!("{keys}\0at={}", at.0),
    }
}

/// A page, and the response bytes reserved for it.
struct Read {
    found: Found,
    held: Option<Held>,
}

/// The page that the reader already has, without its documents.
struct Same {
    tag: String,
    revision: Revision,
    stale_for_ms: Option<u64>,
}

enum Waited {
    Page(Read),
    Same(Same),
}

/// Reads the list. Waits until it differs from what the reader has, or until the wait ends.
async fn waited(api: &Api, asked: &Asked<'_>, known: &Known, wait: &WaitQuery) -> Result<Waited, Problem> {
    let until = Instant::now() + wait.wait;
    let mut signal = api.app.watches.follow(asked.environment);
    // Taken before the read, so that a change in between makes the fingerprints differ.
    let waits = !wait.wait.is_zero() && known.is_any();
    // A node that is behind may not have the environment yet, but the read below waits for it.
    let mut before = if waits { fingerprint(api, asked).await.ok() } else { None };
    let mut same = match read(api, asked, asked.freshness, known).await? {
        Waited::Same(same) if waits => same,
        answer => return Ok(answer),
    };
    let mut watching = enter(api, &asked.ctx.actor, &asked.environment.project).await?;
    loop {
        let now = Some(fingerprint(api, asked).await?);
        if now != before {
            before = now;
            // This node has reached the revision of the first read, so local reads suffice from here.
            match read(api, asked, Freshness::STALE, known).await? {
                Waited::Same(again) => same = again,
                page @ Waited::Page(_) => return Ok(page),
            }
        }
        tokio::select! {
            more = signal.changed() => if !more { return Ok(Waited::Same(same)) },
            () = sleep_until(until) => return Ok(Waited::Same(same)),
            () = watching.stopped() => return Ok(Waited::Same(same)),
        }
    }
}

async fn read(api: &Api, asked: &Asked<'_>, freshness: Freshness, known: &Known) -> Result<Waited, Problem> {
    let Asked { ctx, environment, list, page, .. } = asked;
    // Reserved before the documents are read, for their maximum size.
    let held =
        if list.with_content { Some(api.answers.reserve(&ctx.actor, PAGE_BYTES_MAX).await?) } else { None };
    let mut found = api.app.configs.list(ctx, environment, list, page.clone(), freshness).await?;
    if asked.freshness.consistency == Consistency::Linearizable {
        found.stale_for_ms = None;
    }
    let tag = tag(&found);
    Ok(if known.has_tag(&tag) {
        let (revision, stale_for_ms) = (found.revision, found.stale_for_ms);
        Waited::Same(Same { tag, revision, stale_for_ms })
    } else {
        Waited::Page(Read { found, held })
    })
}

async fn fingerprint(api: &Api, asked: &Asked<'_>) -> Result<Digest, Problem> {
    let Asked { ctx, environment, list, page, .. } = asked;
    Ok(api.app.configs.fingerprint(ctx, environment, list, page.size).await?)
}

/// The entity tag of a page, in quotes. It changes when a config on the page changes, appears or disappears,
/// and when the next page starts elsewhere.
fn tag(found: &Found) -> String {
    let mut text = Vec::new();
    for item in &found.items {
        text.extend_from_slice(item.id.key.as_str().as_bytes());
        text.push(0);
        text.extend_from_slice(&item.version.0.to_be_bytes());
    }
    let next = found.next.as_ref().map_or("", ConfigKey::as_str);
    let mut digest = Digest::of(&[&text, b"\0", next.as_bytes()]).to_string();
    digest.truncate(TAG_CHARS);
    format!("\"{digest}\"")
}
