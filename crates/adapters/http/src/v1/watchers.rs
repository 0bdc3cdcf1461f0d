//! What watchers share: how many there may be, when they must end, and the text of the newest events.

use super::dto::watch::changed;
use crate::outside::{HttpObserver, Outside};
use crate::problem::{Code, Problem};
use application::ports::{Change, Place};
use bytes::Bytes;
use domain::ProjectName;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Most events whose text is kept for other watchers.
const TEXTS_MAX: usize = 64;
/// Most bytes of such text; a single one may be larger.
const TEXTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The watchers of this node.
pub(crate) struct Watchers {
    places: Arc<Semaphore>,
    places_max: usize,
    pub(super) heartbeat: Duration,
    stopping: watch::Receiver<bool>,
    observer: Arc<dyn HttpObserver>,
    texts: Mutex<Texts>,
    /// How many watchers each project has here.
    projects: Arc<Mutex<BTreeMap<ProjectName, u64>>>,
}

/// The text of the newest events. Everybody who watches a key is sent the same.
#[derive(Default)]
struct Texts {
    newest: VecDeque<(Place, bool, Bytes)>,
    bytes: usize,
}

/// The right to watch; given back when it is dropped.
pub(super) struct Watching {
    _place: OwnedSemaphorePermit,
    project: ProjectName,
    projects: Arc<Mutex<BTreeMap<ProjectName, u64>>>,
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
            projects: Arc::default(),
        }
    }

    /// Takes the place of one more watcher of a project that may have `quota` of them here, or says that there
    /// is none.
    pub(super) fn enter(&self, project: &ProjectName, quota: u64) -> Result<Watching, Problem> {
        let max = self.places_max;
        let place = self.places.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("this node has {max} watchers, as many as it may; try another node");
            Problem::new(Code::TooManyWatchers, detail).with("limit", max)
        })?;
        let projects = self.projects.clone();
        {
            let mut counts = projects.lock().unwrap_or_else(PoisonError::into_inner);
            let used = counts.get(project).copied().unwrap_or_default();
            if used >= quota {
                let detail = format!("project {project} may have {quota} watchers at a node and has {used}");
                let problem = Problem::new(Code::QuotaExceeded, detail).with("limit", "watchers");
                return Err(problem.with("max", quota).with("used", used));
            }
            counts.insert(project.clone(), used + 1);
        }
        self.observer.watch_opened();
        let (observer, stopping) = (self.observer.clone(), self.stopping.clone());
        Ok(Watching { _place: place, project: project.clone(), projects, observer, stopping })
    }

    /// The text of a change. It has its id, after which a watch can be resumed, when it is the last of its
    /// revision: a resumed watch goes on with whole revisions.
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
            // Whoever would say so is gone.
            std::future::pending::<()>().await;
        }
    }

    /// Tells the observer what was sent.
    pub(super) fn sent(&self, event: &'static str) {
        self.observer.watch_sent(event);
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut counts = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.project) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.project)),
        }
        self.observer.watch_closed();
    }
}

/// One event as it is sent; JSON has no line breaks, so the data is one line.
pub(super) fn event_text(event: &str, id: Option<u64>, data: &[u8]) -> Bytes {
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    let parts = [b"event: ", event.as_bytes(), b"\ndata: ", data, b"\n", id.as_bytes(), b"\n"];
    Bytes::from(parts.concat())
}
