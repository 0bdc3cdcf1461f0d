//! Watches: the current state of an environment, then every change of it, in order and exactly once.
//!
//! A watch holds its position and a few changes; everything else is read when the next part is requested. So
//! a slow watcher costs little, and affects no other.

use crate::configs::{ConfigList, Moment, require_environment};
use crate::history::{self, Instant, PageCost};
use crate::ports::{Change, ChangeSignal, Changes, ChangesWanted, Consistency, Freshness, Place, View};
use crate::{Core, Error, KeyFilter, PageRequest, RequestContext};
use domain::{
    ConfigId, ConfigKey, ConfigRevision, EnvironmentId, Permission, ProjectName, Resource, Revision, Version,
};
use std::collections::VecDeque;

/// Most configs in one part of a reset.
const RESET_ITEMS_MAX: usize = 64;
/// The limits of one part of a reset.
const RESET_COST: PageCost = PageCost { content_bytes_max: 256 * 1024, reads_max: 256 };

/// Use cases of watchers.
#[derive(Clone, Debug)]
pub struct Watches {
    core: Core,
}

/// A watch to open.
#[derive(Clone, Debug)]
pub struct OpenWatch {
    /// The environment.
    pub environment: EnvironmentId,
    /// The config keys.
    pub filter: KeyFilter,
    /// The last revision that the watcher has received; `None` to begin with the current state.
    pub after: Option<Revision>,
    /// The consistency of the initial state. A resumed watch needs no leader.
    pub consistency: Consistency,
}

/// The next part of a watch.
#[derive(Clone, Debug)]
pub enum WatchPart {
    /// The state at this revision follows, and replaces everything that was sent before.
    ResetBegins(Revision),
    /// Some of the configs of that state, in order of keys.
    ResetItems(Vec<ConfigRevision>),
    /// The reset is complete.
    ResetEnds(Revision),
    /// A change.
    Changed(Change),
    /// All changes up to this revision were sent.
    Bookmark(Revision),
}

/// An open watch.
#[derive(Debug)]
pub struct Watch {
    core: Core,
    ctx: RequestContext,
    environment: EnvironmentId,
    filter: KeyFilter,
    signal: Box<dyn ChangeSignal>,
    stage: Stage,
    /// Changes that were read and not yet returned.
    pending: VecDeque<Change>,
    /// The revision of the first view, and its staleness.
    opened_at: (Revision, Option<u64>),
}

#[derive(Debug)]
enum Stage {
    /// A reset is due.
    ResetDue,
    /// The state at a revision is being returned, up to a key.
    Resetting(Revision, Option<ConfigKey>),
    /// The whole state was returned.
    ResetDone(Revision),
    /// Changes are read from a position on.
    Following(Place),
}

impl Watches {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Opens a watch. Fails with [`Error::Behind`] if this node does not reach `after` in time.
    pub async fn open(&self, ctx: &RequestContext, request: OpenWatch) -> Result<Watch, Error> {
        let OpenWatch { environment, filter, after, consistency } = request;
        let resumed = Freshness { consistency: Consistency::Stale, min_revision: after };
        let mut freshness =
            if after.is_some() { resumed } else { Freshness { consistency, min_revision: None } };
        let view = loop {
            let view = self.core.state.view(freshness).await?;
            match self.core.watchable(ctx, &view, &environment, &filter) {
                Ok(()) => break view,
                // The error may come from a state that this node has not reached yet, so retry on a
                // linearizable view.
                Err(_)
                    if freshness.consistency == Consistency::Stale && consistency != Consistency::Stale =>
                {
                    freshness.consistency = Consistency::Linearizable;
                }
                Err(error) => return Err(error),
            }
        };
        // Changes of an earlier project or environment of the same name do not count.
        let kept = after.filter(|after| history::belongs(&view, &environment, after.next()));
        Ok(Watch {
            core: self.core.clone(),
            ctx: ctx.clone(),
            signal: self.core.state.follow(&environment),
            environment,
            filter,
            stage: kept.map_or(Stage::ResetDue, |after| Stage::Following(Place::end_of(after))),
            pending: VecDeque::new(),
            opened_at: (view.state.revision(), view.stale_for_ms),
        })
    }

    /// A signal for waiting for a change in an environment. [`Self::version`] and
    /// [`crate::Configs::fingerprint`] show whether the change concerns the caller.
    pub fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        self.core.state.follow(environment)
    }

    /// The project's quota of watchers on each node; `None` if it is not set.
    pub async fn watchers_max(&self, project: &ProjectName) -> Result<Option<u64>, Error> {
        let view = self.core.state.view(Freshness::STALE).await?;
        let project = view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        Ok(project.quotas.watchers)
    }

    /// The version of a config that this node has applied; `None` if it does not exist. Reads no document.
    pub async fn version(&self, ctx: &RequestContext, id: &ConfigId) -> Result<Option<Version>, Error> {
        let resource = Resource::Config(id);
        let view =
            self.core.authorized_view(ctx, Freshness::STALE, Permission::DocumentRead, resource).await?;
        require_environment(&view, &id.environment_id())?;
        Ok(view.state.config(id).map(|config| config.version))
    }
}

impl Core {
    fn watchable(
        &self,
        ctx: &RequestContext,
        view: &View,
        environment: &EnvironmentId,
        filter: &KeyFilter,
    ) -> Result<(), Error> {
        filter.require(ctx, view, (Permission::DocumentRead, environment), self.env.clock.now())?;
        require_environment(view, environment)
    }
}

impl Watch {
    /// The revision at which the watch was opened. For a stale read also the time since this node last heard
    /// from a leader, in milliseconds.
    pub fn opened_at(&self) -> (Revision, Option<u64>) {
        self.opened_at
    }

    /// Waits for the next part.
    ///
    /// - Returns `None` if the node is stopping.
    /// - Fails if the caller may no longer watch, or the environment was deleted.
    /// - Cancel-safe: dropping the future loses no part.
    pub async fn next(&mut self) -> Result<Option<WatchPart>, Error> {
        loop {
            if let Some(part) = self.ready().await? {
                return Ok(Some(part));
            }
            if !self.signal.changed().await {
                return Ok(None);
            }
        }
    }

    /// The part to send after a time without changes: the next part if there is one, otherwise a bookmark.
    pub async fn idle(&mut self) -> Result<WatchPart, Error> {
        let part = self.ready().await?;
        Ok(part.unwrap_or(WatchPart::Bookmark(match &self.stage {
            Stage::Following(place) => place.revision,
            Stage::Resetting(at, _) | Stage::ResetDone(at) => *at,
            Stage::ResetDue => Revision(0),
        })))
    }

    /// The next part, if there is one. Checks the permission of the caller each time.
    async fn ready(&mut self) -> Result<Option<WatchPart>, Error> {
        loop {
            let view = self.core.state.view(Freshness::STALE).await?;
            self.core.watchable(&self.ctx, &view, &self.environment, &self.filter)?;
            if let Some(change) = self.pending.pop_front() {
                return Ok(Some(WatchPart::Changed(change)));
            }
            match &self.stage {
                Stage::ResetDue => {
                    // At least the revision that was promised when the watch was opened.
                    let at = view.state.revision();
                    self.stage = Stage::Resetting(at, None);
                    return Ok(Some(WatchPart::ResetBegins(at)));
                }
                Stage::Resetting(at, after) => {
                    let request = PageRequest { size: RESET_ITEMS_MAX, after: after.clone(), at: Some(*at) };
                    let environment = &self.environment;
                    let list = ConfigList {
                        filter: self.filter.clone(),
                        with_content: true,
                        moment: Moment::Revision(*at),
                        deleted: false,
                    };
                    let instant = Instant { revision: *at, time: None };
                    let page =
                        history::list_at(&view, environment, &list, &request, instant, RESET_COST).await?;
                    self.stage = match page.next {
                        Some(key) => Stage::Resetting(*at, Some(key)),
                        None => Stage::ResetDone(*at),
                    };
                    return Ok(Some(WatchPart::ResetItems(page.items)));
                }
                Stage::ResetDone(at) => {
                    let at = *at;
                    self.stage = Stage::Following(Place::end_of(at));
                    return Ok(Some(WatchPart::ResetEnds(at)));
                }
                Stage::Following(after) => {
                    let after = *after;
                    let through = view.state.revision();
                    if after >= Place::end_of(through) {
                        return Ok(None);
                    }
                    // Read after the view was taken, so the signal knows all changes in the view.
                    if after.is_end() && self.signal.newest() <= after.revision {
                        self.stage = Stage::Following(Place::end_of(through));
                        return Ok(None);
                    }
                    self.read(&view, after, through)?;
                    history::let_others_run().await;
                }
            }
        }
    }

    fn read(&mut self, view: &View, after: Place, through: Revision) -> Result<(), Error> {
        let wanted = ChangesWanted { environment: &self.environment, filter: &self.filter, after, through };
        match view.archive.config_changes(&wanted)? {
            Changes::Kept { changes, up_to } => {
                self.pending = changes.into();
                self.stage = Stage::Following(up_to);
            }
            Changes::Gone => self.stage = Stage::ResetDue,
        }
        Ok(())
    }
}
