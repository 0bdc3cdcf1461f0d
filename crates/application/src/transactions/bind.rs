//! Binding many configs to a schema at once, without sending their documents.

use super::{Step, Transact, Transacted, Transactions, nothing};
use crate::check::CHECK_ATTEMPTS_MAX;
use crate::configs::require_environment;
use crate::document::DocumentFault;
use crate::history::let_others_run;
use crate::ports::{Freshness, View};
use crate::{Changed, Error, KeyFilter, RequestContext};
use domain::limits::TRANSACTION_OPERATIONS_MAX;
use domain::{
    Binding, BindingChange, ChangeKind, Config, EnvironmentId, Message, Permission, Precondition, Rejection,
};

/// Largest size of the documents that are bound at a time, in bytes: that of one transaction.
const BOUND_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A change of the binding of many configs.
#[derive(Clone, Debug)]
pub struct BindConfigs {
    /// The environment.
    pub environment: EnvironmentId,
    /// The config keys.
    pub filter: KeyFilter,
    /// The new binding; `None` removes it.
    pub binding: Option<Binding>,
    /// The change message.
    pub message: Message,
}

impl Transactions {
    /// Binds all live configs of the filter in one transaction, and checks each document against the schema.
    /// Configs that already have this binding are unchanged. Fails if the others exceed the limits of one
    /// transaction.
    pub async fn bind(
        &self,
        ctx: &RequestContext,
        request: BindConfigs,
    ) -> Result<Changed<Transacted>, Error> {
        if let Some(earlier) = self.core.replayed(ctx).await? {
            let view = self.core.state.view(Freshness::LINEARIZABLE).await?;
            let (wanted, now) = ((Permission::DocumentRead, &request.environment), self.core.env.clock.now());
            request.filter.require(ctx, &view, wanted, now)?;
            return self.restored_before(&request.environment, earlier).await;
        }
        for _ in 0..CHECK_ATTEMPTS_MAX {
            let view = self.core.state.view(Freshness::LINEARIZABLE).await?;
            let steps = self.binding_steps(ctx, &view, &request).await?;
            if steps.is_empty() {
                let (item, revision) = (Transacted { results: Vec::new() }, view.state.revision());
                return Ok(Changed { item, revision, how: nothing(ctx) });
            }
            match self.transact(ctx, Transact { steps, message: request.message.clone() }).await {
                Err(Error::Rejected(Rejection::Operation { rejection, .. }))
                    if matches!(*rejection, Rejection::VersionConflict { .. }) => {}
                done => return done,
            }
        }
        Err(Error::Contended)
    }

    async fn binding_steps(
        &self,
        ctx: &RequestContext,
        view: &View,
        request: &BindConfigs,
    ) -> Result<Vec<Step>, Error> {
        let BindConfigs { environment, filter, binding, .. } = request;
        let now = self.core.env.clock.now();
        // The documents are read, and an error quotes them.
        filter.require(ctx, view, (Permission::DocumentRead, environment), now)?;
        filter.require(ctx, view, (Permission::DocumentWrite, environment), now)?;
        require_environment(view, environment)?;
        let (mut steps, mut bytes) = (Vec::new(), 0);
        for config in differing(view, request) {
            let_others_run().await;
            if steps.len() == TRANSACTION_OPERATIONS_MAX {
                let (at_least, max) = (steps.len() + 1, TRANSACTION_OPERATIONS_MAX);
                return Err(Error::TooManyChanges { at_least, max });
            }
            let found = view.archive.config_revision(&config.id, config.version)?;
            // A missing document was pruned meanwhile, because another version is current.
            let content = found.and_then(|found| found.content).ok_or(Error::Contended)?;
            bytes += content.as_str().len();
            if bytes > BOUND_BYTES_MAX {
                let (field, bytes_max) = ("prefix", BOUND_BYTES_MAX);
                return Err(DocumentFault::TooLarge { field, bytes, bytes_max }.into());
            }
            steps.push(Step::Put {
                id: config.id.clone(),
                content,
                binding: BindingChange::Set(binding.clone()),
                expected: Precondition::Version(config.version),
                kind: ChangeKind::Update,
            });
        }
        Ok(steps)
    }
}

/// The live configs of the filter with another binding, in order of keys.
fn differing(view: &View, request: &BindConfigs) -> Vec<Config> {
    let mut found = Vec::new();
    for range in request.filter.ranges() {
        let Some(from) = range.start(None) else { continue };
        let configs = view.state.configs_from(&request.environment, from.as_ref());
        let others = configs
            .take_while(|config| range.covers(&config.id.key))
            .filter(|config| config.binding != request.binding);
        found.extend(others.take(TRANSACTION_OPERATIONS_MAX + 1 - found.len()).cloned());
    }
    found
}
