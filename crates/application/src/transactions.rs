//! Transactions: several changes of a project as one revision, all or none.

mod bind;

pub use bind::BindConfigs;

use crate::check::{CHECK_ATTEMPTS_MAX, check_document, released, resulting_binding};
use crate::configs::{keeps_same, require_environment};
use crate::history;
use crate::ports::{Consistency, Freshness, SchemaEngine};
use crate::{Changed, Configs, Core, Differing, Error, How, RequestContext, StepFailure};
use domain::limits::TRANSACTION_OPERATIONS_MAX;
use domain::{
    BindingChange, ChangeKind, Command, ConfigId, ConfigRevision, Content, EnvironmentId, Message, Operation,
    Permission, Precondition, Receipt, Rejection, Resource, Revision, Version, WriteReceipt,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Use cases that change several configs atomically.
#[derive(Clone)]
pub struct Transactions {
    core: Core,
    configs: Configs,
    engine: Arc<dyn SchemaEngine>,
}

impl fmt::Debug for Transactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transactions")
    }
}

/// An operation of a transaction. Every operation is decided on the state before the transaction.
#[derive(Clone, Debug)]
pub enum Step {
    /// Changes nothing; the transaction is refused if the precondition is not met.
    Check {
        /// The config.
        id: ConfigId,
        /// The precondition.
        expected: Precondition,
    },
    /// Writes a whole document.
    Put {
        /// The config.
        id: ConfigId,
        /// The document.
        content: Content,
        /// The change of its binding.
        binding: BindingChange,
        /// The precondition.
        expected: Precondition,
        /// The kind of change, for the history.
        kind: ChangeKind,
    },
    /// Deletes a config; its history stays.
    Delete {
        /// The config.
        id: ConfigId,
        /// The precondition.
        expected: Precondition,
    },
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct Transact {
    /// The operations: 1 to [`TRANSACTION_OPERATIONS_MAX`], each on a different config.
    pub steps: Vec<Step>,
    /// The change message.
    pub message: Message,
}

/// A rollback of an environment.
#[derive(Clone, Debug)]
pub struct RestoreEnvironment {
    /// The environment.
    pub id: EnvironmentId,
    /// The revision whose configs to restore.
    pub to_revision: Revision,
    /// The change message.
    pub message: Message,
}

/// The result of a transaction.
#[derive(Clone, Debug)]
pub struct Transacted {
    /// One result for each operation, in order.
    pub results: Vec<StepResult>,
}

/// The result of an operation.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The operation: `check`, `put` or `delete`.
    pub step: &'static str,
    /// The config.
    pub id: ConfigId,
    /// Its version after the transaction; for a delete, the version of the deletion; 0 if it does not exist.
    pub version: Version,
    /// Whether the put changed nothing, so that the version is the same.
    pub unchanged: bool,
}

impl Step {
    /// The config that the operation concerns.
    pub fn id(&self) -> &ConfigId {
        match self {
            Self::Check { id, .. } | Self::Put { id, .. } | Self::Delete { id, .. } => id,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Check { .. } => "check",
            Self::Put { .. } => "put",
            Self::Delete { .. } => "delete",
        }
    }
}

impl Transactions {
    pub(crate) fn new(core: Core, configs: Configs, engine: Arc<dyn SchemaEngine>) -> Self {
        Self { core, configs, engine }
    }

    /// Applies all operations as one revision, or none. Documents are checked as for single writes: first
    /// against the state that this node has applied; errors are only returned after an attempt on a
    /// linearizable view.
    pub async fn transact(
        &self,
        ctx: &RequestContext,
        request: Transact,
    ) -> Result<Changed<Transacted>, Error> {
        shape(&request.steps)?;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            return results(&request.steps, earlier);
        }
        let writes = request.steps.iter().any(|step| !matches!(step, Step::Check { .. }));
        // Checks alone change nothing, so they are not committed.
        let asked = ctx;
        let ctx = RequestContext { dry_run: asked.dry_run || !writes, ..asked.clone() };
        let mut freshness = Freshness::STALE;
        for _ in 0..CHECK_ATTEMPTS_MAX {
            match self.attempt(&ctx, &request, freshness).await {
                Err(Error::Rejected(Rejection::Operation { rejection, .. }))
                    if matches!(*rejection, Rejection::CheckOutdated(_)) => {}
                Err(Error::Rejected(Rejection::Operation { rejection, .. }))
                    if matches!(*rejection, Rejection::SchemaHeld(_)) && !ctx.dry_run =>
                {
                    if let Rejection::SchemaHeld(schema) = *rejection {
                        released(&self.core, &schema).await?;
                    }
                }
                Err(Error::Step { .. } | Error::StepsInvalid(_))
                    if freshness.consistency == Consistency::Stale => {}
                done => {
                    let mut changed = done?;
                    if !writes && !asked.dry_run {
                        changed.how = How::Made;
                    }
                    return results(&request.steps, changed);
                }
            }
            freshness = Freshness::LINEARIZABLE;
        }
        Err(Error::Contended)
    }

    /// Rolls an environment back to an earlier revision, in one transaction: deletes configs created since,
    /// and restores deleted and changed ones. Each document must satisfy its current schema. Fails if this
    /// exceeds the limits of one transaction.
    pub async fn restore(
        &self,
        ctx: &RequestContext,
        request: RestoreEnvironment,
    ) -> Result<Changed<Transacted>, Error> {
        let RestoreEnvironment { id, to_revision, message } = request;
        if let Some(earlier) = self.core.replayed(ctx).await? {
            let (permission, resource) = (Permission::DocumentRead, Resource::Configs(&id, ""));
            self.core.authorized_view(ctx, Freshness::LINEARIZABLE, permission, resource).await?;
            return self.restored_before(&id, earlier).await;
        }
        for _ in 0..CHECK_ATTEMPTS_MAX {
            let differing = self.configs.differing(ctx, &id, to_revision, TRANSACTION_OPERATIONS_MAX).await?;
            let steps: Vec<Step> = differing.item.into_iter().map(put_back).collect();
            if steps.is_empty() {
                let item = Transacted { results: Vec::new() };
                return Ok(Changed { item, revision: differing.revision, how: nothing(ctx) });
            }
            match self.transact(ctx, Transact { steps, message: message.clone() }).await {
                Err(Error::Rejected(Rejection::Operation { rejection, .. }))
                    if matches!(
                        *rejection,
                        Rejection::VersionConflict { .. } | Rejection::ConfigNotFound(_)
                    ) => {}
                done => return done,
            }
        }
        Err(Error::Contended)
    }

    /// The result of a rollback that an earlier request made.
    async fn restored_before(
        &self,
        id: &EnvironmentId,
        earlier: Changed<Receipt>,
    ) -> Result<Changed<Transacted>, Error> {
        let revision = earlier.revision;
        let freshness = Freshness { min_revision: Some(revision), ..Freshness::STALE };
        let view = self.core.state.view(freshness).await?;
        let made = history::made_by(&view, id, revision).await?;
        let result = |made: ConfigRevision| StepResult {
            step: if made.kind == ChangeKind::Delete { "delete" } else { "put" },
            id: made.id,
            version: made.version,
            unchanged: false,
        };
        let results = made.into_iter().map(result).collect();
        earlier.map(|_| Ok(Transacted { results }))
    }

    async fn attempt(
        &self,
        ctx: &RequestContext,
        request: &Transact,
        freshness: Freshness,
    ) -> Result<Changed<Receipt>, Error> {
        let view = self.core.state.view(freshness).await?;
        let now = self.core.env.clock.now();
        let (mut operations, mut failures) = (Vec::with_capacity(request.steps.len()), Vec::new());
        for (number, step) in request.steps.iter().enumerate() {
            let failed = |error| Error::Step { step: number, error: Box::new(error) };
            let permission = match step {
                Step::Check { .. } => Permission::DocumentRead,
                Step::Put { .. } => Permission::DocumentWrite,
                Step::Delete { .. } => Permission::DocumentDelete,
            };
            ctx.require(&view, permission, Resource::Config(step.id()), now).map_err(failed)?;
            require_environment(&view, &step.id().environment_id()).map_err(failed)?;
            operations.push(match step.clone() {
                Step::Check { id, expected } => Operation::Check { id, expected },
                Step::Delete { id, expected } => Operation::Delete { id, expected },
                Step::Put { id, content, binding, expected, kind } => {
                    let bound = resulting_binding(&view, &id, &binding);
                    let checked = check_document(&*self.engine, &view, &id, bound.as_ref(), &content)
                        .await
                        .map_err(|error| self.core.without_schema(ctx, &view, &id.project, error));
                    match checked {
                        Ok(checked) => {
                            let keep_same = keeps_same(ctx, &view, (&id, kind), now);
                            Operation::Put { id, content, binding, checked, expected, kind, keep_same }
                        }
                        Err(Error::ValidationFailed { violations, .. }) => {
                            failures.push(StepFailure { step: number, violations });
                            continue;
                        }
                        Err(error) => return Err(failed(error)),
                    }
                }
            });
        }
        if !failures.is_empty() {
            return Err(Error::StepsInvalid(failures));
        }
        self.core.commit(ctx, Command::Transact { operations, message: request.message.clone() }).await
    }
}

/// The result if nothing has to be changed.
fn nothing(ctx: &RequestContext) -> How {
    if ctx.dry_run { How::DryRun(Vec::new()) } else { How::Made }
}

/// The operation that restores a config.
fn put_back(differing: Differing) -> Step {
    let (expected, binding) = (differing.expected(), differing.binding());
    let id = differing.id;
    match differing.wanted.and_then(|wanted| Some((wanted.version, wanted.content?))) {
        Some((from, content)) => {
            let back = expected == Precondition::Absent;
            let kind = if back { ChangeKind::Undelete { from } } else { ChangeKind::Rollback { from } };
            Step::Put { id, content, binding, expected, kind }
        }
        None => Step::Delete { id, expected },
    }
}

/// Checks the operations without any state.
fn shape(steps: &[Step]) -> Result<(), Error> {
    if steps.is_empty() || steps.len() > TRANSACTION_OPERATIONS_MAX {
        let message = format!("has {} items, 1 to {TRANSACTION_OPERATIONS_MAX} are allowed", steps.len());
        return Err(Error::Invalid { field: "operations", message });
    }
    let mut seen = BTreeSet::new();
    for (number, step) in steps.iter().enumerate() {
        if !seen.insert(step.id()) {
            let rejection = Box::new(Rejection::ConfigRepeated(step.id().clone()));
            let operation = u32::try_from(number).unwrap_or(u32::MAX);
            return Err(Error::Rejected(Rejection::Operation { operation, rejection }));
        }
    }
    Ok(())
}

/// Builds one result for each operation; the receipt has the versions of the writes.
fn results(steps: &[Step], changed: Changed<Receipt>) -> Result<Changed<Transacted>, Error> {
    changed.map(|receipt| {
        let made = |version| WriteReceipt { version, unchanged: false };
        let writes = match receipt {
            Receipt::Versions(versions) => versions.into_iter().map(made).collect(),
            Receipt::Writes(writes) => writes,
            Receipt::Config(config) => vec![made(config.version)],
            Receipt::ConfigUnchanged(config) => {
                vec![WriteReceipt { version: config.version, unchanged: true }]
            }
            Receipt::ConfigDeleted(version) => vec![made(version)],
            Receipt::Nothing => Vec::new(),
            _ => return Err(Error::unexpected_receipt()),
        };
        let mut writes = writes.into_iter();
        let result = |step: &Step| {
            let write = match step {
                Step::Check { expected: Precondition::Version(version), .. } => Some(made(*version)),
                Step::Check { .. } => Some(made(Version(0))),
                Step::Put { .. } | Step::Delete { .. } => writes.next(),
            };
            let WriteReceipt { version, unchanged } = write.ok_or_else(Error::unexpected_receipt)?;
            Ok(StepResult { step: step.name(), id: step.id().clone(), version, unchanged })
        };
        let results = steps.iter().map(result).collect::<Result<_, Error>>()?;
        Ok(Transacted { results })
    })
}
