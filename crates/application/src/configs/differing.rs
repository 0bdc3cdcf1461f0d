//! The configs of an environment that differ from an earlier revision.

use super::{Configs, Moment, require_environment};
use crate::document::DocumentFault;
use crate::history::{self, as_of, let_others_run};
use crate::ports::{Freshness, View};
use crate::{Error, RequestContext, Seen};
use domain::{
    Binding, BindingChange, Config, ConfigId, ConfigRevision, EnvironmentId, Permission, Precondition,
    Resource, Revision,
};

/// Largest size of the documents of one rollback, in bytes: that of one transaction.
const DIFFERING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A config that differs from the earlier revision.
#[derive(Clone, Debug)]
pub struct Differing {
    /// The config.
    pub id: ConfigId,
    /// Its current state; `None` if it does not exist.
    pub current: Option<Config>,
    /// Its version at the earlier revision, with its document; `None` if it did not exist. Never both `None`.
    pub wanted: Option<ConfigRevision>,
}

impl Differing {
    /// The precondition of the rollback: that the config is still as it was read.
    pub fn expected(&self) -> Precondition {
        self.current.as_ref().map_or(Precondition::Absent, |config| Precondition::Version(config.version))
    }

    /// The change of the binding. A live config keeps its binding; a config that is created again follows the
    /// newest version of its earlier schema.
    pub fn binding(&self) -> BindingChange {
        if self.current.is_some() {
            return BindingChange::Keep;
        }
        let schema = self.wanted.as_ref().and_then(|wanted| wanted.schema.as_ref());
        BindingChange::Set(schema.map(|schema| Binding { schema: schema.name.clone(), pinned: None }))
    }
}

impl Configs {
    /// The configs of an environment whose existence or document differs from `revision`, in order of keys.
    ///
    /// - Fails if there are more than `max`, or if the revision does not exist yet.
    /// - Does not compare bindings: a rollback uses the current schemas.
    pub async fn differing(
        &self,
        ctx: &RequestContext,
        environment: &EnvironmentId,
        revision: Revision,
        max: usize,
    ) -> Result<Seen<Vec<Differing>>, Error> {
        let resource = Resource::Configs(environment, "");
        let freshness = Freshness::LINEARIZABLE;
        let view = self.core.authorized_view(ctx, freshness, Permission::DocumentRead, resource).await?;
        require_environment(&view, environment)?;
        let instant = Moment::Revision(revision).seen(&view, self.core.env.clock.now())?;
        let (mut differing, mut bytes) = (Vec::new(), 0);
        for id in changed_after(&view, environment, revision) {
            let_others_run().await;
            let current = view.state.config(&id).cloned();
            let wanted = as_of(&view, &id, instant).await?;
            let same = match (&current, &wanted) {
                (None, None) => true,
                (Some(current), Some(wanted)) => current.digest == wanted.digest,
                _ => false,
            };
            if same {
                continue;
            }
            let content = wanted.as_ref().and_then(|wanted| wanted.content.as_ref());
            bytes += content.map_or(0, |content| content.as_str().len());
            differing.push(Differing { id, current, wanted });
            if differing.len() > max {
                return Err(Error::TooManyChanges { at_least: differing.len(), max });
            }
            if bytes > DIFFERING_BYTES_MAX {
                let (field, bytes_max) = ("rollback", DIFFERING_BYTES_MAX);
                return Err(DocumentFault::TooLarge { field, bytes, bytes_max }.into());
            }
        }
        Ok(Seen::new(differing, &view))
    }
}

/// The configs of an environment that changed after `revision`, deleted ones included, in order of keys.
fn changed_after(view: &View, environment: &EnvironmentId, revision: Revision) -> Vec<ConfigId> {
    history::all(view, environment)
        .filter(|(_, _, changed)| *changed > revision)
        .map(|(id, ..)| id.clone())
        .collect()
}
