//! Reading configs, as they are now and as they were.

use super::{ConfigDocument, Configs, require_environment};
use crate::history::{self, Instant, PageCost};
use crate::ports::{Consistency, Freshness, View};
use crate::{Error, KeyFilter, Page, PageRequest, RequestContext};
use domain::{
    ConfigId, ConfigKey, ConfigRevision, Digest, EnvironmentId, Permission, Revision, Timestamp, Version,
};

/// How often the present is looked at anew because it passed, and went from the history, during the look.
const PRESENT_ATTEMPTS_MAX: usize = 4;

/// Which state is to be shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Moment {
    /// The present one.
    #[default]
    Now,
    /// The one that this revision left.
    Revision(Revision),
    /// Of each config the newest version that was made at this time or before, by the clocks of the leaders
    /// that took the changes. Recorded times never go back.
    Time(Timestamp),
}

impl Moment {
    /// A stale view must hold the revision; a linearizable one holds it, or there is none.
    pub(super) fn freshness(self, asked: Freshness) -> Freshness {
        match self {
            Self::Revision(revision) if asked.consistency == Consistency::Stale => {
                Freshness { min_revision: asked.min_revision.max(Some(revision)), ..asked }
            }
            _ => asked,
        }
    }

    /// The moment as the view can find it; fails when it is yet to come.
    pub(super) fn seen(self, view: &View, now: Timestamp) -> Result<Instant, Error> {
        let newest = view.state.revision();
        // The clock of this node may be behind that of the leader which took the newest change.
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

/// Which configs of an environment, and how much of them.
#[derive(Clone, Debug, Default)]
pub struct ConfigList {
    /// Only these keys.
    pub filter: KeyFilter,
    /// Whether the documents are wanted too.
    pub with_content: bool,
    /// Which state.
    pub moment: Moment,
    /// Only configs that were deleted and do not exist, instead of those that do.
    pub deleted: bool,
}

impl Configs {
    /// The config as it is or was.
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

    /// One version of a config, if it has a document.
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

    /// The configs of an environment by key, as they are or were. A later page shows what the first one did.
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

    /// What the first page of a list of the present looks like on this node, for the price of a look at each
    /// key. The list has changed when it differs.
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
