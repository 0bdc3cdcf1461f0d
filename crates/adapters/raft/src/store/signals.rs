//! Waking those who follow an environment, and only them: a write in one environment costs the followers
//! of the others nothing, not even a look.

use application::ports::ChangeSignal;
use async_trait::async_trait;
use domain::{Committed, EnvironmentId, EnvironmentName, Event, ProjectName, Revision};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Environments whose followers may all be gone before the list is looked through.
const LEFT_OVER_MAX: usize = 1024;

/// The followed environments, each with the revision of its newest change. Emptied when the node stops.
#[derive(Debug, Default)]
pub(super) struct Signals(Mutex<Followed>);

#[derive(Debug, Default)]
struct Followed {
    environments: BTreeMap<EnvironmentId, watch::Sender<Revision>>,
    closed: bool,
}

/// Whose followers must look, because something that they see changed, or what they may see.
#[derive(Debug, Default)]
pub(super) struct Touched {
    environments: BTreeSet<EnvironmentId>,
    projects: BTreeSet<ProjectName>,
    all: bool,
}

impl Touched {
    /// Everyone.
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
                Event::ApiKeyRevoked { key } => match &key.project {
                    Some(project) => {
                        self.projects.insert(project.clone());
                    }
                    None => self.all = true,
                },
                _ => {}
            }
        }
    }
}

impl Signals {
    /// A signal for a follower of the environment. `revision` gives the revision of the published state.
    pub(super) fn follow(&self, environment: &EnvironmentId, revision: impl FnOnce() -> Revision) -> Signal {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.closed {
            return Signal(watch::channel(revision()).1);
        }
        if followed.environments.len() > LEFT_OVER_MAX {
            followed.environments.retain(|_, sender| sender.receiver_count() > 0);
        }
        let new = || watch::Sender::new(revision());
        Signal(followed.environments.entry(environment.clone()).or_insert_with(new).subscribe())
    }

    /// Publishes a state at `revision`, and tells the followers. They find the state when they are told, and
    /// nobody sees it while a signal still says less.
    pub(super) fn publish(&self, touched: &Touched, revision: Revision, publish: impl FnOnce()) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = followed.touched(touched);
        for sender in &told {
            sender.send_if_modified(|newest| {
                *newest = revision;
                false
            });
        }
        publish();
        for sender in told {
            sender.send_modify(|_| {});
        }
        for environment in &touched.environments {
            let left = followed.environments.get(environment).is_some_and(|s| s.receiver_count() == 0);
            if left {
                followed.environments.remove(environment);
            }
        }
    }

    /// Tells all followers that nothing more comes.
    pub(super) fn close(&self) {
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *followed = Followed { closed: true, ..Followed::default() };
    }
}

impl Followed {
    fn touched(&self, touched: &Touched) -> Vec<&watch::Sender<Revision>> {
        if touched.all {
            return self.environments.values().collect();
        }
        let first = || EnvironmentName::parse("0").expect("a digit is a name");
        let of_projects = touched.projects.iter().flat_map(|project| {
            let start = EnvironmentId { project: project.clone(), name: first() };
            self.environments.range(start..).take_while(move |(id, _)| id.project == *project)
        });
        let named = touched.environments.iter().filter_map(|id| self.environments.get(id));
        of_projects.map(|(_, sender)| sender).chain(named).collect()
    }
}

/// One follower's end.
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
