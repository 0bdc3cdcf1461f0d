//! The history: configs and lists at an earlier moment.

use crate::ports::View;
use crate::{ConfigList, Error, Page, PageRequest};
use domain::{
    ChangeKind, ConfigId, ConfigKey, ConfigRevision, Digest, EnvironmentId, Revision, Timestamp, Version,
};
use std::ops::Bound;
use std::task::Poll;

/// Largest size of the documents on one page of a list, in bytes. A page ends early rather than exceed it,
/// but has at least one item.
pub const LIST_CONTENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most versions that are read for one page. Beyond it a page ends early, possibly empty, with a position to
/// continue.
const PAGE_READS_MAX: usize = 10_000;
/// The limits of one page of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageCost {
    /// Size of the documents, in bytes; the first document is always included.
    pub(crate) content_bytes_max: usize,
    /// Number of versions read, and of keys examined.
    pub(crate) reads_max: usize,
}

impl PageCost {
    /// The limits of a page requested by a client.
    pub(crate) const LIST: Self =
        Self { content_bytes_max: LIST_CONTENT_BYTES_MAX, reads_max: PAGE_READS_MAX };
}

/// Number of versions that are read at a time.
const LOOK_BACK_BATCH: usize = 32;

/// Number of versions examined after the one that was current at a time, because a later version of an older
/// release may have an earlier time.
const SKEWED_VERSIONS_MAX: u64 = 16;

/// A resolved moment of a read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    /// The last revision to show; at most that of the view.
    pub(crate) revision: Revision,
    /// The latest time to show, if any.
    pub(crate) time: Option<Timestamp>,
}

impl Instant {
    fn covers(self, found: &ConfigRevision) -> bool {
        found.revision <= self.revision && self.time.is_none_or(|time| found.at <= time)
    }
}

/// Whether a version is visible in the view. It must not be newer than the view, must not be pruned, and must
/// not belong to an earlier project or environment of the same name. The archive may contain such versions.
pub(crate) fn visible(view: &View, found: &ConfigRevision) -> bool {
    found.revision <= view.state.revision()
        && found.version >= view.state.oldest_kept(&found.id)
        && belongs(view, &found.id.environment_id(), found.revision)
}

/// Whether a revision of an environment belongs to the current environment, not to an earlier one of the same
/// name.
pub(crate) fn belongs(view: &View, environment: &EnvironmentId, revision: Revision) -> bool {
    view.state.environment(environment).is_some_and(|present| revision >= present.revision)
}

/// The newest version of a config in the view; also of a deleted config.
pub(crate) fn newest(view: &View, id: &ConfigId) -> Result<Version, Error> {
    latest(view, id).map(|(version, _)| version).ok_or_else(|| Error::no_config(id))
}

/// The newest version with its revision, unless it belongs to an earlier project or environment of the same
/// name.
fn latest(view: &View, id: &ConfigId) -> Option<(Version, Revision)> {
    let live = view.state.config(id).map(|config| (config.version, config.revision));
    let gone = || view.state.retired_config(id).map(|retired| (retired.version, retired.revision));
    live.or_else(gone).filter(|(_, revision)| belongs(view, &id.environment_id(), *revision))
}

/// The config at an instant; `None` if it did not exist.
pub(crate) async fn as_of(
    view: &View,
    id: &ConfigId,
    instant: Instant,
) -> Result<Option<ConfigRevision>, Error> {
    let Some(newest) = latest(view, id) else { return Ok(None) };
    let found = version_at(view, id, newest, instant, &mut 0).await?;
    Ok(found.filter(|found| found.kind != ChangeKind::Delete && visible(view, found)))
}

/// A page of a config's versions, the newest first. Starts from the newest version in the view, because the
/// archive may contain later ones.
pub(crate) async fn versions(
    view: &View,
    id: &ConfigId,
    page: &PageRequest<Version>,
) -> Result<Page<ConfigRevision, Version>, Error> {
    let newest = newest(view, id)?;
    let mut before = page.after.unwrap_or(newest.next()).min(newest.next());
    let mut shown = Vec::new();
    while shown.len() <= page.size {
        // In small batches, because each version is read with its document, which the list does not return.
        let batch = view.archive.config_history(id, Some(before), LOOK_BACK_BATCH)?;
        let_others_run().await;
        let Some(oldest) = batch.last().map(|version| version.version) else { break };
        before = oldest;
        if oldest < view.state.oldest_kept(id) {
            before = Version(0);
        }
        let visible = batch.into_iter().filter(|version| visible(view, version));
        shown.extend(visible.map(|version| ConfigRevision { content: None, ..version }));
    }
    Ok(Page::take(shown.into_iter(), page.size, view, |version| version.version))
}

/// A page of an environment's configs at an instant. Documents are only kept if requested, so that large ones
/// do not fill the memory.
///
/// Live and deleted keys are merged in order. Only configs that changed after the instant need more than one
/// read of the archive.
pub(crate) async fn list_at(
    view: &View,
    environment: &EnvironmentId,
    list: &ConfigList,
    page: &PageRequest<ConfigKey>,
    instant: Instant,
    cost: PageCost,
) -> Result<Page<ConfigRevision, ConfigKey>, Error> {
    let matching = candidates(view, environment, list, page.after.as_ref(), instant, cost.reads_max);
    let (mut items, mut size, mut bytes, mut reads, mut cut) = (Vec::new(), page.size, 0, 0, None);
    let count = matching.len();
    for (n, (id, version, revision)) in matching.into_iter().enumerate() {
        if items.len() > size {
            break;
        }
        let found = version_at(view, &id, (version, revision), instant, &mut reads).await?;
        let wanted = |found: &ConfigRevision| (found.kind == ChangeKind::Delete) == list.deleted;
        let shown = found.filter(|found| wanted(found) && visible(view, found));
        if let Some(mut shown) = shown {
            if list.with_content {
                bytes += shown.content.as_ref().map_or(0, |content| content.as_str().len());
                if bytes > cost.content_bytes_max && !items.is_empty() {
                    size = size.min(items.len());
                }
            } else {
                shown.content = None;
            }
            items.push(shown);
        }
        let cut_off = count == cost.reads_max && n + 1 == count;
        if (reads > cost.reads_max || cut_off) && items.len() <= size {
            cut = Some(id.key);
            break;
        }
    }
    let mut page = Page::take(items.into_iter(), size, view, |config| config.id.key.clone());
    page.revision = instant.revision;
    page.next = page.next.or(cut);
    Ok(page)
}

/// The configs that may be in the list, in order, at most `max`: live ones, and those deleted after the
/// instant's revision. A config deleted before it is skipped without a read; for an instant by time this is
/// unknown. For a list of deleted configs the roles are swapped.
fn candidates(
    view: &View,
    environment: &EnvironmentId,
    list: &ConfigList,
    after: Option<&ConfigKey>,
    instant: Instant,
    max: usize,
) -> Vec<(ConfigId, Version, Revision)> {
    let later = |changed: Revision| instant.time.is_some() || changed > instant.revision;
    let (live, gone) = (|changed| !list.deleted || later(changed), |changed| list.deleted || later(changed));
    // A live config was not deleted at the newest revision.
    let live_wanted = !list.deleted || later(view.state.revision());
    let mut found = Vec::new();
    for range in list.filter.ranges() {
        let Some(from) = range.start(after) else { continue };
        let walked = walk(view, environment, from.as_ref(), (live_wanted, live), gone);
        let walked = walked.take_while(|(id, ..)| range.covers(&id.key)).take(max - found.len());
        found.extend(walked.map(|(id, version, revision)| (id.clone(), version, revision)));
    }
    found
}

/// A digest of the keys and versions on the first page of a current list. Reads no documents.
pub(crate) fn fingerprint(
    view: &View,
    environment: &EnvironmentId,
    list: &ConfigList,
    size: usize,
) -> Digest {
    let instant = Instant { revision: view.state.revision(), time: None };
    let found = candidates(view, environment, list, None, instant, size.saturating_add(1));
    let mut text = Vec::new();
    for (id, version, _) in found {
        text.extend_from_slice(id.key.as_str().as_bytes());
        text.push(0);
        text.extend_from_slice(&version.0.to_be_bytes());
    }
    Digest::of(&[&text])
}

/// All configs of an environment, live or deleted, each with its newest version, in order.
pub(crate) fn all<'a>(view: &'a View, environment: &'a EnvironmentId) -> impl Iterator<Item = Entry<'a>> {
    walk(view, environment, Bound::Unbounded, (true, |_| true), |_| true)
}

/// Live configs, if requested, and deleted ones, filtered by the revision of their newest version.
fn walk<'a>(
    view: &'a View,
    environment: &'a EnvironmentId,
    from: Bound<&ConfigKey>,
    (any_live, live): (bool, impl Fn(Revision) -> bool + 'a),
    gone: impl Fn(Revision) -> bool + 'a,
) -> impl Iterator<Item = Entry<'a>> {
    let configs = any_live.then(|| view.state.configs_from(environment, from));
    let live = configs
        .into_iter()
        .flatten()
        .filter(move |config| live(config.revision))
        .map(|config| (&config.id, config.version, config.revision));
    let gone = view
        .state
        .retired_configs_from(environment, from)
        .filter(move |(_, retired)| gone(retired.revision) && belongs(view, environment, retired.revision))
        .map(|(id, retired)| (id, retired.version, retired.revision));
    merge(live, gone)
}

/// The version that was current at an instant, by binary search, because a config may have many versions.
///
/// Revisions increase with versions, and so do recorded times. A missing version counts as older than the
/// instant; if it would be the result, it was pruned, even if the view is older and does not show that.
async fn version_at(
    view: &View,
    id: &ConfigId,
    (newest, revision): (Version, Revision),
    instant: Instant,
    reads: &mut usize,
) -> Result<Option<ConfigRevision>, Error> {
    let mut read = async |version: u64| {
        *reads += 1;
        let found = view.archive.config_revision(id, Version(version))?;
        let_others_run().await;
        Ok::<_, Error>(found)
    };
    let gone = |version: u64| Error::HistoryPruned { config: id.clone(), oldest: Version(version + 1) };
    if revision <= instant.revision {
        let found = read(newest.0).await?.ok_or_else(|| gone(newest.0))?;
        if instant.covers(&found) {
            return Ok(Some(found));
        }
    }
    // `low` is at or before the instant (0 is before the first version), `high` is after it.
    let oldest = view.state.oldest_kept(id).max(Version(1));
    let (mut low, mut high, mut current) = (oldest.0 - 1, newest.0, None);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let found = read(middle).await?;
        if found.as_ref().is_none_or(|found| instant.covers(found)) {
            (low, current) = (middle, found);
        } else {
            high = middle;
        }
    }
    if instant.time.is_some() {
        for version in high + 1..newest.0.min(high + SKEWED_VERSIONS_MAX) {
            if let Some(found) = read(version).await?.filter(|found| instant.covers(found)) {
                current = Some(found);
            }
        }
    }
    if current.is_none() && low > 0 {
        return Err(gone(low));
    }
    Ok(current)
}

/// The versions that one revision created in an environment, in order of keys.
pub(crate) async fn made_by(
    view: &View,
    environment: &EnvironmentId,
    revision: Revision,
) -> Result<Vec<ConfigRevision>, Error> {
    let later: Vec<_> = all(view, environment).filter(|(_, _, changed)| *changed >= revision).collect();
    let mut made = Vec::new();
    for (id, newest, changed) in later {
        let instant = Instant { revision, time: None };
        let found = version_at(view, id, (newest, changed), instant, &mut 0).await?;
        made.extend(found.filter(|found| found.revision == revision));
    }
    Ok(made)
}

/// A config with its newest version and the revision of that.
type Entry<'a> = (&'a ConfigId, Version, Revision);

/// Merges two ordered iterators that share no key.
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

/// Yields to other tasks, so that reading a long page does not delay messages to other members.
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
