//! Executes the planned changes of an import: environments and schemas singly, documents in transactions.

use super::import::{Import, Planned};
use super::plan::Action;
use super::series::{Meaning, Slot};
use super::{ConfigRecord, SchemaRecord};
use crate::check::CHECK_ATTEMPTS_MAX;
use crate::ports::Freshness;
use crate::{CreateSchema, Error, Step, Transact, UpdateSchema};
use domain::limits::TRANSACTION_OPERATIONS_MAX;
use domain::{BindingChange, ChangeKind, Precondition, Rejection, SchemaId};

/// Largest size of the documents in one transaction of an import, in bytes. A larger document is written
/// alone.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A document to write.
#[derive(Debug)]
struct Write {
    line: u64,
    record: ConfigRecord,
    expected: Precondition,
}

impl Import {
    /// Executes the changes in order, until one fails.
    pub(super) async fn carry_out(&mut self, planned: Vec<Planned>) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for Planned { line, action } in planned {
            if self.report.is_spoiled() {
                return;
            }
            match action {
                Action::Config { record, expected } => {
                    let size = record.content.as_str().len();
                    let full = batch.len() == TRANSACTION_OPERATIONS_MAX || bytes + size > BATCH_BYTES_MAX;
                    if full && !batch.is_empty() {
                        self.write(std::mem::take(&mut batch)).await;
                        bytes = 0;
                    }
                    bytes += size;
                    batch.push(Write { line, record, expected });
                }
                other => {
                    self.write(std::mem::take(&mut batch)).await;
                    bytes = 0;
                    if !self.report.is_spoiled()
                        && let Err(error) = self.establish(other).await
                    {
                        self.report.fail(line, error);
                    }
                }
            }
        }
        self.write(batch).await;
    }

    async fn establish(&mut self, action: Action) -> Result<(), Error> {
        match action {
            Action::Environment(id) => {
                let made = self.tools.projects.create_environment(&self.ctx, id).await?;
                self.report.revision = made.revision;
                self.report.environments.created += 1;
            }
            Action::Schema { id, record, new } => self.register(id, record, new).await?,
            Action::Config { .. } => {}
        }
        Ok(())
    }

    async fn register(&mut self, id: SchemaId, record: SchemaRecord, new: bool) -> Result<(), Error> {
        let SchemaRecord { name, version, mode, schema, newest: _ } = record;
        let (revision, made) = if new {
            let made = self.tools.schemas.create(&self.ctx, CreateSchema { id, schema, mode }).await?;
            (made.revision, made.item.shown.version)
        } else {
            let request = UpdateSchema { id, schema, mode: Some(mode), expected: None };
            let made = self.tools.schemas.update(&self.ctx, request).await?;
            (made.revision, made.item.detail.shown.version)
        };
        self.report.revision = revision;
        let counts = &mut self.report.schemas;
        *(if new { &mut counts.created } else { &mut counts.updated }) += 1;
        self.known.set(&name, version, Slot::There(made));
        Ok(())
    }

    /// Writes the documents as one revision. After a concurrent change, plans them again.
    async fn write(&mut self, mut batch: Vec<Write>) {
        for _ in 0..CHECK_ATTEMPTS_MAX {
            if batch.is_empty() || self.report.is_spoiled() {
                return;
            }
            match self.try_write(&batch).await {
                Ok(()) => return,
                Err((_, Error::Rejected(Rejection::VersionConflict { .. }))) => {}
                Err((line, error)) => return self.report.fail(line, error),
            }
            batch = self.again(batch).await;
        }
        self.report.stopped.get_or_insert(Error::Contended);
    }

    async fn try_write(&mut self, batch: &[Write]) -> Result<(), (u64, Error)> {
        let first = batch.first().map_or(0, |write| write.line);
        let line_of = |step: usize| batch.get(step).map_or(first, |write| write.line);
        let steps = batch.iter().map(|write| self.step(write).map_err(|error| (write.line, error)));
        let request = Transact { steps: steps.collect::<Result<_, _>>()?, message: self.message.clone() };
        let made =
            self.tools.transactions.transact(&self.ctx, request).await.map_err(|error| match error {
                Error::Step { step, error } => (line_of(step), *error),
                Error::Rejected(Rejection::Operation { operation, rejection }) => {
                    (line_of(usize::try_from(operation).unwrap_or(usize::MAX)), Error::Rejected(*rejection))
                }
                Error::StepsInvalid(mut failures) if !failures.is_empty() => {
                    let failure = failures.swap_remove(0);
                    let violations = failure.violations;
                    (
                        line_of(failure.step),
                        Error::ValidationFailed { schema: "its schema".to_owned(), violations },
                    )
                }
                other => (first, other),
            })?;
        self.report.revision = made.revision;
        let created = batch.iter().filter(|write| write.expected == Precondition::Absent).count() as u64;
        self.report.configs.created += created;
        self.report.configs.updated += batch.len() as u64 - created;
        Ok(())
    }

    fn step(&self, write: &Write) -> Result<Step, Error> {
        let id = self.config_id(&write.record);
        let binding =
            match write.record.binding.as_ref().map(|binding| (binding, self.known.meaning(binding))) {
                None => None,
                Some((_, Meaning::There(binding))) => Some(binding),
                Some((binding, Meaning::Planned(_) | Meaning::Unknown)) => {
                    let (id, version) = (id.schema_id(&binding.schema), binding.pinned);
                    return Err(Error::Rejected(Rejection::BindingUnknown { id, version }));
                }
            };
        Ok(Step::Put {
            id,
            content: write.record.content.clone(),
            binding: BindingChange::Set(binding),
            expected: write.expected,
            kind: ChangeKind::Import,
        })
    }

    /// Plans the documents again on the current state.
    async fn again(&mut self, batch: Vec<Write>) -> Vec<Write> {
        let view = match self.tools.core.state.view(Freshness::LINEARIZABLE).await {
            Ok(view) => view,
            Err(error) => {
                self.report.stopped.get_or_insert(error.into());
                return Vec::new();
            }
        };
        let mut still = Vec::with_capacity(batch.len());
        for write in batch {
            match self.plan_config(&view, &write.record).await {
                Ok(Some(Action::Config { record, expected })) => {
                    still.push(Write { line: write.line, record, expected });
                }
                Ok(_) => self.report.configs.unchanged += 1,
                Err(error) => self.report.fail(write.line, error),
            }
        }
        still
    }
}
