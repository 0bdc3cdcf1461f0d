//! The past: what a list or a config looked like at an earlier revision.

use crate::ports::View;
use crate::{Error, Page, PageRequest};
use domain::limits::CONFIG_KEY_BYTES_MAX;
use domain::{ChangeKind, ConfigId, ConfigKey, ConfigRevision, EnvironmentId, Revision, Version};
use std::ops::Bound;
use std::task::Poll;

/// Most bytes of documents in one page of a list; the page then ends early, but not empty.
pub const LIST_CONTENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most versions that are read for one page; the page then ends early, even empty, and says where to go on.
const PAGE_READS_MAX: usize = 10_000;
/// How many versions are read at a time when looking for the one that was current at a revision.
const LOOK_BACK_BATCH: usize = 32;

/// Says whether a version belongs to the present project and not to an earlier one of the same name, and is
/// not newer than the view: the archive may know later ones.
pub(crate) fn visible(view: &View, found: &ConfigRevision) -> bool {
    let project = view.state.project(&found.id.project);
    found.revision <= view.state.revision()
        && project.is_some_and(|project| found.revision >= project.created_revision)
}

/// One page of a config's versions, newest first. Starts from the newest version that the view knows:
/// the archive may know later ones.
pub(crate) async fn versions(
    view: &View,
    id: &ConfigId,
    page: &PageRequest<Version>,
) -> Result<Page<ConfigRevision, Version>, Error> {
    let live = view.state.config(id).map(|config| (config.version, config.revision));
    let gone = || view.state.retired_config(id).map(|retired| (retired.version, retired.revision));
    let belongs = |revision| view.state.project(&id.project).is_some_and(|p| revision >= p.created_revision);
    let (newest, _) = live
        .or_else(gone)
        .filter(|(_, revision)| belongs(*revision))
        .ok_or_else(|| Error::not_found("config", &id.key))?;
    let mut before = page.after.unwrap_or(newest.next()).min(newest.next());
    let mut shown = Vec::new();
    while shown.len() <= page.size {
        // In small batches, because each version comes with its document, which the list does not show.
        let batch = view.archive.config_history(id, Some(before), LOOK_BACK_BATCH)?;
        let_others_run().await;
        let Some(oldest) = batch.last().map(|version| version.version) else { break };
        before = oldest;
        let visible = batch.into_iter().filter(|version| visible(view, version));
        shown.extend(visible.map(|version| ConfigRevision { content: None, ..version }));
    }
    Ok(Page::take(shown.into_iter(), page.size, view, |version| version.version))
}

/// One page of an environment's configs as they were at `page.at`, or are now; without documents unless
/// asked, so that a page of large ones does not fill the memory.
///
/// Live and deleted keys are walked together in order; only those that changed after `page.at` cost a
/// look into the archive.
pub(crate) async fn list_at(
    view: &View,
    environment: &EnvironmentId,
    prefix: &str,
    page: &PageRequest<ConfigKey>,
    with_content: bool,
) -> Result<Page<ConfigRevision, ConfigKey>, Error> {
    let at = page.at.unwrap_or(view.state.revision());
    let start = start(prefix, page.after.as_ref());
    let from = start.as_ref().map_or(Bound::Unbounded, |bound| bound.as_ref());
    let matching = candidates(view, environment, prefix, from, at);
    let (mut items, mut size, mut bytes, mut reads, mut cut) = (Vec::new(), page.size, 0, 0, None);
    let last = matching.len();
    for (n, (id, version, revision)) in matching.into_iter().enumerate() {
        if items.len() > size {
            break;
        }
        let found = if revision <= at {
            reads += 1;
            view.archive.config_revision(&id, version)?
        } else {
            current_at(view, &id, version, at, &mut reads).await?
        };
        let_others_run().await;
        let shown = found.filter(|found| found.kind != ChangeKind::Delete && visible(view, found));
        if let Some(mut shown) = shown {
            if with_content {
                bytes += shown.content.as_ref().map_or(0, |content| content.as_str().len());
                if bytes > LIST_CONTENT_BYTES_MAX && !items.is_empty() {
                    size = size.min(items.len());
                }
            } else {
                shown.content = None;
            }
            items.push(shown);
        }
        let cut_off = last == PAGE_READS_MAX && n + 1 == last;
        if (reads > PAGE_READS_MAX || cut_off) && items.len() <= size {
            cut = Some(id.key);
            break;
        }
    }
    let mut page = Page::take(items.into_iter(), size, view, |config| config.id.key.clone());
    page.revision = at;
    page.next = page.next.or(cut);
    Ok(page)
}

/// The configs that may be in the list, in order, at most [`PAGE_READS_MAX`]: those that are live, and those
/// that were deleted after `at`. One that was deleted before costs no look.
fn candidates(
    view: &View,
    environment: &EnvironmentId,
    prefix: &str,
    from: Bound<&ConfigKey>,
    at: Revision,
) -> Vec<(ConfigId, Version, Revision)> {
    let live = view
        .state
        .configs_from(environment, from)
        .map(|config| (&config.id, config.version, config.revision));
    let gone = view
        .state
        .retired_configs_from(environment, from)
        .filter(|(_, retired)| retired.revision > at)
        .map(|(id, retired)| (id, retired.version, retired.revision));
    merge(live, gone)
        .take_while(|(id, ..)| id.key.as_str().starts_with(prefix))
        .take(PAGE_READS_MAX)
        .map(|(id, version, revision)| (id.clone(), version, revision))
        .collect()
}

/// Where to start: after the last key seen, or at the first key that the prefix allows. A prefix such as
/// `app.` is no key itself; as the dash sorts before all else, filling it up with dashes gives the first.
fn start(prefix: &str, after: Option<&ConfigKey>) -> Option<Bound<ConfigKey>> {
    if let Some(key) = after {
        return Some(Bound::Excluded(key.clone()));
    }
    let filled = || ConfigKey::parse(&format!("{prefix:-<width$}0", width = CONFIG_KEY_BYTES_MAX - 1));
    ConfigKey::parse(prefix).or_else(|_| filled()).ok().map(Bound::Included)
}

async fn current_at(
    view: &View,
    id: &ConfigId,
    newest: Version,
    at: Revision,
    reads: &mut usize,
) -> Result<Option<ConfigRevision>, Error> {
    let mut before = Some(newest);
    loop {
        let batch = view.archive.config_history(id, before, LOOK_BACK_BATCH)?;
        *reads += batch.len();
        let_others_run().await;
        let Some(oldest) = batch.last().map(|version| version.version) else { return Ok(None) };
        if let Some(found) = batch.into_iter().find(|version| version.revision <= at) {
            return Ok(Some(found));
        }
        before = Some(oldest);
    }
}

type Entry<'a> = (&'a ConfigId, Version, Revision);

/// Merges two ordered walks that share no key.
fn merge<'a>(
    left: impl Iterator<Item = Entry<'a>>,
    right: impl Iterator<Item = Entry<'a>>,
) -> impl Iterator<Item = Entry<'a>> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(l), Some(r)) if l.0 > r.0 => right.next(),
        (None, _) => right.next(),
        _ => left.next(),
    })
}

/// Lets other tasks have this thread: reading a long page must not keep a node from its peers.
pub(crate) async fn let_others_run() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
