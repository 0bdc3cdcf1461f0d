//! State shared by watchers: slots, stop signal, and the encoded newest events.

use super::dto::watch::changed;
use super::shares::{Share, Shares};
use crate::outside::{HttpObserver, Outside};
use crate::problem::{Code, Problem};
use application::ports::{Change, Place};
use bytes::Bytes;
use domain::{Actor, ProjectName};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Minimum limit of watchers per principal at a node, if the project's limit permits it.
const WATCHERS_OF_ONE_MIN: usize = 8;
/// Maximum number of cached encoded events.
const TEXTS_MAX: usize = 64;
/// Maximum bytes of cached encoded events; one event may be larger.
const TEXTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The watchers of this node.
pub(crate) struct Watchers {
    places: Arc<Semaphore>,
    places_max: usize,
    pub(super) heartbeat: Duration,
    stopping: watch::Receiver<bool>,
    observer: Arc<dyn HttpObserver>,
    texts: Mutex<Texts>,
    /// The watchers per project.
    projects: Shares<ProjectName>,
    /// The watchers per principal in a project.
    actors: Shares<(ProjectName, Actor)>,
}

/// Encoded newest events; all watchers of a key receive the same text.
#[derive(Default)]
struct Texts {
    newest: VecDeque<(Place, bool, Bytes)>,
    bytes: usize,
}

/// A watcher slot, released on drop.
pub(super) struct Watching {
    _place: OwnedSemaphorePermit,
    _project: Share<ProjectName>,
    _actor: Share<(ProjectName, Actor)>,
    observer: Arc<dyn HttpObserver>,
    stopping: watch::Receiver<bool>,
}

impl Watchers {
    pub(crate) fn new(outside: &Outside) -> Self {
        let rules = &outside.watch;
        Self {
            places: Arc::new(Semaphore::new(rules.watchers_max)),
            places_max: rules.watchers_max,
            heartbeat: rules.heartbeat,
            stopping: rules.stopping.clone(),
            observer: outside.observer.clone(),
            texts: Mutex::default(),
            projects: Shares::default(),
            actors: Shares::default(),
        }
    }

    /// Takes a watcher slot of a project, or refuses.
    ///
    /// - `quota` is the project's quota of watchers at this node, at most three quarters of the node's slots.
    /// - Without a quota a project has half of the node's slots.
    /// - A principal has a quarter of the node's slots, at least [`WATCHERS_OF_ONE_MIN`] if the project has
    ///   them.
    pub(super) fn enter(
        &self,
        actor: &Actor,
        project: &ProjectName,
        quota: Option<u64>,
    ) -> Result<Watching, Problem> {
        let max = self.places_max;
        let most =
            quota.map_or(max / 2, |quota| usize::try_from(quota).unwrap_or(usize::MAX).min(max - max / 4));
        let most = if quota == Some(0) { 0 } else { most.max(1) };
        let used = |what: String, most: usize| {
            Problem::new(Code::QuotaExceeded, what)
                .with("limit", "watchers")
                .with("max", most)
                .with("used", most)
        };
        let of_project = self.projects.take(project, most).ok_or_else(|| {
            used(format!("project {project} may have {most} watchers at a node and has {most}"), most)
        })?;
        // One principal may use all slots of a project that has few.
        let own = most.min((max / 4).max(1)).max(most.min(WATCHERS_OF_ONE_MIN));
        let of_actor = self.actors.take(&(project.clone(), actor.clone()), own).ok_or_else(|| {
            used(format!("you may have {own} watchers of the project at a node and have {own}"), own)
        })?;
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("this node has {max} watchers, as many as it may; try another node");
            Problem::new(Code::TooManyWatchers, detail).with("limit", max)
        })?;
        self.observer.watch_opened();
        let (observer, stopping) = (self.observer.clone(), self.stopping.clone());
        Ok(Watching { _place: place, _project: of_project, _actor: of_actor, observer, stopping })
    }

    /// The encoded event of a change. Only the last event of a revision has an id: a watch is resumed between
    /// revisions.
    pub(super) fn text(&self, change: &Change) -> Result<Bytes, Problem> {
        let kept = |place: &Place, last: &bool| *place == change.place && *last == change.last_of_revision;
        {
            let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
            let found = texts.newest.iter().rev().find(|(place, last, _)| kept(place, last));
            if let Some((.., text)) = found {
                return Ok(text.clone());
            }
        }
        let (event, data) = changed(&change.shown)?;
        let id = change.last_of_revision.then_some(change.place.revision.0);
        let text = event_text(event, id, &data);
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.keep(change, &text);
        Ok(text)
    }
}

impl Texts {
    fn keep(&mut self, change: &Change, text: &Bytes) {
        self.bytes += text.len();
        self.newest.push_back((change.place, change.last_of_revision, text.clone()));
        while self.newest.len() > TEXTS_MAX || (self.bytes > TEXTS_BYTES_MAX && self.newest.len() > 1) {
            let Some((.., oldest)) = self.newest.pop_front() else { return };
            self.bytes -= oldest.len();
        }
    }
}

impl Watching {
    /// Waits until the node stops.
    pub(super) async fn stopped(&mut self) {
        if self.stopping.wait_for(|stopping| *stopping).await.is_err() {
            // The sender is gone: the stop is never signalled.
            std::future::pending::<()>().await;
        }
    }

    /// Reports a sent event to the observer.
    pub(super) fn sent(&self, event: &'static str) {
        self.observer.watch_sent(event);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.observer.watch_closed();
    }
}

/// Encodes an event. The data is one line, because encoded JSON has no line breaks.
pub(super) fn event_text(event: &str, id: Option<u64>, data: &[u8]) -> Bytes {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    let parts = [b"event: ", event.as_bytes(), b"\ndata: ", data, b"\n", id.as_bytes(), b"\n"];
    Bytes::from(parts.concat())
}
