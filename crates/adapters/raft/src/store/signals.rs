//! Notifies the watchers of an environment, and no others, so that a write costs nothing for watchers of
//! other environments. The applier only records the affected environments; a separate task notifies the
//! watchers, because there may be ten thousand.

use application::ports::ChangeSignal;
use async_trait::async_trait;
use domain::{Committed, EnvironmentId, EnvironmentName, Event, ProjectName, Revision};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Number of environments above which those without watchers are removed.
const LEFT_OVER_MAX: usize = 1024;

/// The watched environments, each with the revision of its last change. Cleared when the node stops.
#[derive(Debug, Default)]
pub(super) struct Signals {
    followed: Mutex<Followed>,
    /// Notified when watchers are to be notified.
    due: Notify,
}

#[derive(Debug, Default)]
struct Followed {
    environments: BTreeMap<EnvironmentId, watch::Sender<Revision>>,
    /// The environments whose watchers are to be notified.
    due: BTreeSet<EnvironmentId>,
    closed: bool,
}

/// The environments affected by changes of configs or of read permissions.
#[derive(Debug, Default)]
pub(super) struct Touched {
    environments: BTreeSet<EnvironmentId>,
    projects: BTreeSet<ProjectName>,
    all: bool,
}

impl Touched {
    /// All environments.
    pub(super) fn all() -> Self {
        Self { all: true, ..Self::default() }
    }

    pub(super) fn by(&mut self, committed: &Committed) {
        for event in &committed.events {
            match event {
                Event::ConfigPut { id, .. } | Event::ConfigDeleted { id, .. } => {
                    self.environments.insert(id.environment_id());
                }
                Event::EnvironmentDeleted { id } => {
                    self.environments.insert(id.clone());
                }
                Event::ProjectDeleted { name } => {
                    self.projects.insert(name.clone());
                }
                Event::ApiKeyRevoked { key }
                | Event::ApiKeyRotated { key, .. }
                | Event::ApiKeyNarrowed { key, .. } => match &key.project {
                    Some(project) => {
                        self.projects.insert(project.clone());
                    }
                    None => self.all = true,
                },
                Event::EpochRaised { .. } => self.all = true,
                _ => {}
            }
        }
    }
}

impl Signals {
    /// A signal for a watcher of the environment. `revision` returns the revision of the published state.
    pub(super) fn follow(&self, environment: &EnvironmentId, revision: impl FnOnce() -> Revision) -> Signal {
        let mut followed = self.followed();
        if followed.closed {
            return Signal(watch::channel(revision()).1);
        }
        if followed.environments.len() > LEFT_OVER_MAX {
            followed.environments.retain(|_, sender| sender.receiver_count() > 0);
        }
        let new = || watch::Sender::new(revision());
        Signal(followed.environments.entry(environment.clone()).or_insert_with(new).subscribe())
    }

    /// Publishes a state at `revision`, and records the affected environments. Signals are updated first, so
    /// no reader sees the state while its signal is older; and notified watchers find the state.
    pub(super) fn publish(&self, touched: &Touched, revision: Revision, publish: impl FnOnce()) {
        let mut followed = self.followed();
        let concerned = followed.concerned(touched);
        for environment in &concerned {
            if let Some(sender) = followed.environments.get(environment) {
                sender.send_if_modified(|newest| {
                    *newest = revision;
                    false
                });
            }
        }
        publish();
        if !concerned.is_empty() {
            followed.due.extend(concerned);
            drop(followed);
            self.due.notify_one();
        }
    }

    /// Waits until there are watchers to notify.
    pub(super) async fn due(&self) {
        self.due.notified().await;
    }

    /// Notifies all pending watchers.
    pub(super) fn wake(&self) {
        let mut senders = Vec::new();
        {
            let mut followed = self.followed();
            for environment in std::mem::take(&mut followed.due) {
                let Some(sender) = followed.environments.get(&environment) else { continue };
                if sender.receiver_count() > 0 {
                    senders.push(sender.clone());
                } else {
                    followed.environments.remove(&environment);
                }
            }
        }
        for sender in senders {
            sender.send_modify(|_| {});
        }
    }

    /// Notifies all watchers that no more changes will come.
    pub(super) fn close(&self) {
        *self.followed() = Followed { closed: true, ..Followed::default() };
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Followed {
    /// The watched environments among the affected ones.
    fn concerned(&self, touched: &Touched) -> Vec<EnvironmentId> {
        if touched.all {
            return self.environments.keys().cloned().collect();
        }
        let first = || EnvironmentName::parse("0").expect("a digit is a name");
        let of_projects = touched.projects.iter().flat_map(|project| {
            let start = EnvironmentId { project: project.clone(), name: first() };
            self.environments.range(start..).take_while(move |(id, _)| id.project == *project)
        });
        let named = touched.environments.iter().filter(|id| self.environments.contains_key(*id));
        of_projects.map(|(id, _)| id).chain(named).cloned().collect()
    }
}

/// The receiver of one watcher.
#[derive(Debug)]
pub(crate) struct Signal(watch::Receiver<Revision>);

#[async_trait]
impl ChangeSignal for Signal {
    fn newest(&self) -> Revision {
        *self.0.borrow()
    }

    async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
