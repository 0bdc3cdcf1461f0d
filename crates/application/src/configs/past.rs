//! Reading configs, current and at an earlier moment.

use super::{ConfigDocument, Configs, require_environment};
use crate::history::{self, Instant, PageCost};
use crate::ports::{Consistency, Freshness, View};
use crate::{Error, KeyFilter, Page, PageRequest, RequestContext};
use domain::{
    ConfigId, ConfigKey, ConfigRevision, Digest, EnvironmentId, Permission, Revision, Timestamp, Version,
};

/// Retries when the listed revision is pruned while the page is being read.
const PRESENT_ATTEMPTS_MAX: usize = 4;

/// The moment of a read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Moment {
    /// The current state.
    #[default]
    Now,
    /// The state at this revision.
    Revision(Revision),
    /// The newest version of each config that was created at or before this time, by the recorded times of
    /// changes, which never decrease.
    Time(Timestamp),
}

impl Moment {
    /// A stale view must have reached the revision. A linearizable view has reached every existing revision.
    pub(super) fn freshness(self, asked: Freshness) -> Freshness {
        match self {
            Self::Revision(revision) if asked.consistency == Consistency::Stale => {
                Freshness { min_revision: asked.min_revision.max(Some(revision)), ..asked }
            }
            _ => asked,
        }
    }

    /// Resolves the moment in a view; fails if it is in the future.
    pub(super) fn seen(self, view: &View, now: Timestamp) -> Result<Instant, Error> {
        let newest = view.state.revision();
        // The clock of this node may be behind that of the leader that accepted the newest change.
        let now = now.max(view.state.header().time);
        match self {
            Self::Now => Ok(Instant { revision: newest, time: None }),
            Self::Revision(wanted) if wanted > newest => Err(Error::FutureRevision { wanted, newest }),
            Self::Revision(revision) => Ok(Instant { revision, time: None }),
            Self::Time(time) if time > now => Err(Error::FutureTime { now }),
            Self::Time(time) => Ok(Instant { revision: newest, time: Some(time) }),
        }
    }

    fn of(self, id: &ConfigId) -> String {
        match self {
            Self::Now => id.key.to_string(),
            Self::Revision(revision) => format!("{} at revision {revision}", id.key),
            Self::Time(_) => format!("{} at that time", id.key),
        }
    }
}

/// Selects configs of an environment.
#[derive(Clone, Debug, Default)]
pub struct ConfigList {
    /// The config keys.
    pub filter: KeyFilter,
    /// Whether to return the documents.
    pub with_content: bool,
    /// The moment of the read.
    pub moment: Moment,
    /// Whether to return deleted configs instead of live ones.
    pub deleted: bool,
}

impl Configs {
    /// A config at a moment.
    pub async fn get(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        moment: Moment,
        freshness: Freshness,
    ) -> Result<ConfigDocument, Error> {
        let view = self.readable(ctx, id, moment.freshness(freshness)).await?;
        let instant = moment.seen(&view, self.core.env.clock.now())?;
        if moment == Moment::Now {
            let config = view.state.config(id).ok_or_else(|| Error::no_config(id))?;
            return Self::shown(&view, id, config.version);
        }
        let found = history::as_of(&view, id, instant).await?;
        let shown = found.ok_or_else(|| Error::not_found("config", moment.of(id)))?;
        Ok(ConfigDocument { shown, revision: instant.revision, stale_for_ms: view.stale_for_ms })
    }

    /// A version of a config that has a document.
    pub async fn get_version(
        &self,
        ctx: &RequestContext,
        id: &ConfigId,
        version: Version,
        freshness: Freshness,
    ) -> Result<ConfigDocument, Error> {
        let found = self.version(ctx, id, version, freshness).await?;
        if found.shown.content.is_none() {
            return Err(Error::not_found("config", format!("{} at version {version}, a deletion,", id.key)));
        }
        Ok(found)
    }

    /// The configs of an environment at a moment, in order of keys. Later pages show the same moment as the
    /// first one.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        environment: &EnvironmentId,
        list: &ConfigList,
        page: PageRequest<ConfigKey>,
        freshness: Freshness,
    ) -> Result<Page<ConfigRevision, ConfigKey>, Error> {
        let freshness = list.moment.freshness(freshness);
        let freshness = Freshness { min_revision: freshness.min_revision.max(page.at), ..freshness };
        let right = (Permission::DocumentRead, environment);
        let mut attempts = PRESENT_ATTEMPTS_MAX;
        loop {
            let view = self.core.state.view(freshness).await?;
            list.filter.require(ctx, &view, right, self.core.env.clock.now())?;
            require_environment(&view, environment)?;
            let mut instant = list.moment.seen(&view, self.core.env.clock.now())?;
            instant.revision = instant.revision.min(page.at.unwrap_or(instant.revision));
            let listed = history::list_at(&view, environment, list, &page, instant, PageCost::LIST).await;
            attempts -= 1;
            let passed = matches!(listed, Err(Error::HistoryPruned { .. }));
            if !passed || attempts == 0 || page.at.is_some() || list.moment != Moment::Now {
                return listed;
            }
        }
    }

    /// A digest of the keys and versions on the first page of a current list, on this node. The list has
    /// changed if the digest differs. Reads no documents.
    pub async fn fingerprint(
        &self,
        ctx: &RequestContext,
        environment: &EnvironmentId,
        list: &ConfigList,
        size: usize,
    ) -> Result<Digest, Error> {
        let view = self.core.state.view(Freshness::STALE).await?;
        let right = (Permission::DocumentRead, environment);
        list.filter.require(ctx, &view, right, self.core.env.clock.now())?;
        require_environment(&view, environment)?;
        Ok(history::fingerprint(&view, environment, list, size))
    }
}
