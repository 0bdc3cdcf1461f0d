//! Decisions on configs: preconditions, and whether the document was checked against the current schema.

use super::Decision;
use crate::access::{Permission, Resource};
use crate::limits::TRANSACTION_OPERATIONS_MAX;
use crate::{
    Binding, BindingChange, ChangeKind, Command, Config, ConfigId, Content, Event, Message, Operation,
    Precondition, Rejection, SchemaRef, State, Version,
};
use std::collections::BTreeSet;

/// A write of a document, alone or in a transaction.
struct Put<'a> {
    id: &'a ConfigId,
    content: &'a Content,
    binding: &'a BindingChange,
    checked: Option<&'a SchemaRef>,
    expected: Precondition,
    kind: ChangeKind,
    message: &'a Message,
    keep_same: bool,
}

impl Decision<'_> {
    pub(super) fn put_config(&self, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Command::PutConfig { id, content, binding, checked, expected, kind, message, keep_same } =
            command
        else {
            return Ok(Vec::new());
        };
        let (checked, expected, kind, keep_same) = (checked.as_ref(), *expected, *kind, *keep_same);
        let put = Put { id, content, binding, checked, expected, kind, message, keep_same };
        let events = vec![self.put(&put)?];
        self.within_quotas(&events)?;
        Ok(events)
    }

    /// Decides every operation on the state before the transaction, so no two may concern the same config.
    pub(super) fn transact(
        &self,
        operations: &[Operation],
        message: &Message,
    ) -> Result<Vec<Event>, Rejection> {
        if operations.len() > TRANSACTION_OPERATIONS_MAX {
            let (limit, max) = ("operations_per_transaction".to_owned(), TRANSACTION_OPERATIONS_MAX as u64);
            return Err(Rejection::LimitReached { limit, max });
        }
        let (mut events, mut seen) = (Vec::with_capacity(operations.len()), BTreeSet::new());
        for (number, operation) in operations.iter().enumerate() {
            let decided = if seen.insert(operation.id()) {
                self.operation(operation, message)
            } else {
                Err(Rejection::ConfigRepeated(operation.id().clone()))
            };
            let refused = |rejection| Rejection::Operation {
                operation: u32::try_from(number).unwrap_or(u32::MAX),
                rejection: Box::new(rejection),
            };
            events.extend(decided.map_err(refused)?);
        }
        self.within_quotas(&events)?;
        Ok(events)
    }

    fn operation(&self, operation: &Operation, message: &Message) -> Result<Option<Event>, Rejection> {
        match operation {
            Operation::Check { id, expected } => {
                self.require(Permission::DocumentRead, Resource::Config(id))?;
                self.existing_environment(&id.environment_id())?;
                self.met(id, *expected).map(|_| None)
            }
            Operation::Put { id, content, binding, checked, expected, kind, keep_same } => {
                let (checked, expected, kind, keep_same) = (checked.as_ref(), *expected, *kind, *keep_same);
                let put = Put { id, content, binding, checked, expected, kind, message, keep_same };
                self.put(&put).map(Some)
            }
            Operation::Delete { id, expected } => self.deletion(id, *expected, message).map(Some),
        }
    }

    fn put(&self, put: &Put<'_>) -> Result<Event, Rejection> {
        let id = put.id;
        self.require(Permission::DocumentWrite, Resource::Config(id))?;
        self.existing_environment(&id.environment_id())?;
        let current = self.met(id, put.expected)?;
        let binding = match put.binding {
            BindingChange::Keep => current.and_then(|config| config.binding.clone()),
            BindingChange::Set(binding) => binding.clone(),
        };
        let schema = self.state.effective_schema(id, binding.as_ref())?;
        if schema.as_ref() != put.checked {
            return Err(Rejection::CheckOutdated(id.clone()));
        }
        let followed = binding.as_ref().filter(|binding| binding.pinned.is_none());
        let series = followed.and_then(|binding| self.state.schema(&id.schema_id(&binding.schema)));
        if let Some(schema) = series.filter(|schema| schema.is_held(self.stamped.at)) {
            return Err(Rejection::SchemaHeld(schema.id.clone()));
        }
        let digest = put.content.digest();
        let same = |config: &&Config| config.digest == digest && config.binding == binding;
        if let Some(config) = current.filter(same).filter(|_| put.keep_same) {
            return Ok(Event::ConfigKept { id: id.clone(), version: config.version });
        }
        Ok(Event::ConfigPut {
            id: id.clone(),
            version: self.next_version(id, current),
            kind: match (current, put.kind) {
                (_, ChangeKind::Import) => ChangeKind::Import,
                (None, kind @ ChangeKind::Undelete { .. })
                | (Some(_), kind @ (ChangeKind::Rollback { .. } | ChangeKind::Patch)) => kind,
                (None, _) => ChangeKind::Create,
                (Some(_), _) => ChangeKind::Update,
            },
            binding,
            schema,
            content: put.content.clone(),
            digest,
            created_at: current
                .map_or_else(|| self.state.time_of(self.stamped.at), |config| config.created_at),
            message: put.message.clone(),
        })
    }

    pub(super) fn delete_config(
        &self,
        id: &ConfigId,
        expected: Precondition,
        message: &Message,
    ) -> Result<Vec<Event>, Rejection> {
        Ok(vec![self.deletion(id, expected, message)?])
    }

    fn deletion(&self, id: &ConfigId, expected: Precondition, message: &Message) -> Result<Event, Rejection> {
        self.require(Permission::DocumentDelete, Resource::Config(id))?;
        self.existing_environment(&id.environment_id())?;
        let Some(current) = self.state.config(id) else {
            return Err(Rejection::ConfigNotFound(id.clone()));
        };
        self.met(id, expected)?;
        Ok(Event::ConfigDeleted {
            id: id.clone(),
            version: current.version.next(),
            created_at: current.created_at,
            message: message.clone(),
        })
    }

    fn next_version(&self, id: &ConfigId, current: Option<&Config>) -> Version {
        let last = current
            .map(|config| config.version)
            .or_else(|| self.state.retired_config(id).map(|retired| retired.version));
        last.unwrap_or_default().next()
    }

    /// The current config if the precondition is met.
    fn met(&self, id: &ConfigId, expected: Precondition) -> Result<Option<&Config>, Rejection> {
        let current = self.state.config(id);
        let holds = match expected {
            Precondition::Absent => current.is_none(),
            Precondition::Present => current.is_some(),
            Precondition::Version(version) => current.is_some_and(|config| config.version == version),
            Precondition::Any => true,
        };
        if holds {
            return Ok(current);
        }
        Err(Rejection::VersionConflict {
            id: id.clone(),
            expected: match expected {
                Precondition::Version(version) => Some(version),
                Precondition::Absent | Precondition::Present | Precondition::Any => None,
            },
            current: current.map(|config| config.version).unwrap_or_default(),
            updated_by: current.map(|config| config.updated_by.clone()),
            updated_at: current.map(|config| config.updated_at),
        })
    }
}

impl State {
    /// The schema version that a config with this binding must satisfy now; `None` without a binding.
    pub fn effective_schema(
        &self,
        id: &ConfigId,
        binding: Option<&Binding>,
    ) -> Result<Option<SchemaRef>, Rejection> {
        let Some(binding) = binding else { return Ok(None) };
        let schema_id = id.schema_id(&binding.schema);
        let unknown = || Rejection::BindingUnknown { id: schema_id.clone(), version: binding.pinned };
        let schema = self.schema(&schema_id).ok_or_else(unknown)?;
        let version = binding.pinned.unwrap_or(schema.latest);
        if version < schema.first || version > schema.latest {
            return Err(unknown());
        }
        Ok(Some(SchemaRef { name: binding.schema.clone(), version }))
    }
}
