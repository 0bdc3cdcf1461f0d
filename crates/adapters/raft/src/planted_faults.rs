//! The faults that the simulation injects into this crate, to show that it finds them.

use crate::store::tables::Marker;
use domain::{BindingChange, Command, Operation, Precondition, Stamped, State};
pub(crate) use planted::{Fault, is};

/// Checks the expected version against this node's state only, and removes it from the command.
pub(crate) fn compared_here(state: &State, mut command: Stamped<Command>) -> Stamped<Command> {
    if let Command::PutConfig { id, expected, .. } = &mut command.command
        && let Precondition::Version(version) = *expected
        && state.config(id).is_some_and(|config| config.version == version)
    {
        *expected = Precondition::Present;
    }
    command
}

/// A transaction loses a part at every revision that is a multiple of this.
const HALVED_EVERY: u64 = 7;

/// Alters a committed command.
pub(crate) fn altered(state: &State, mut command: Stamped<Command>) -> Stamped<Command> {
    if is(Fault::StalePin) {
        return repinned(state, command);
    }
    let known = command.idempotency.is_some_and(|own| state.answer(&own.key, command.at).is_some());
    if is(Fault::IdempotencyForgotten) || known && is(Fault::IdempotencyAtTheDoor) {
        command.idempotency = None;
    }
    match &mut command.command {
        Command::Transact { operations, .. } if is(Fault::TransactionHalf) => {
            let last = operations.iter().rposition(|one| matches!(one, Operation::Put { .. }));
            if let Some(last) = last.filter(|_| state.revision().0.is_multiple_of(HALVED_EVERY)) {
                operations.remove(last);
            }
        }
        Command::Transact { operations, .. } if is(Fault::TransactionUnchecked) => {
            operations.retain(|one| !matches!(one, Operation::Check { .. }));
        }
        Command::PruneHistory { pruned } if is(Fault::PruneTooMuch) => {
            for one in pruned {
                one.oldest = one.oldest.next();
            }
        }
        Command::PruneHistory { pruned } if is(Fault::PruneNever) => pruned.clear(),
        _ => {}
    }
    command
}

/// Treats the document as checked against the schema version in force.
fn repinned(state: &State, mut command: Stamped<Command>) -> Stamped<Command> {
    if let Command::PutConfig { id, binding, checked, .. } = &mut command.command {
        let binding = match binding {
            BindingChange::Keep => state.config(id).and_then(|config| config.binding.clone()),
            BindingChange::Set(binding) => binding.clone(),
        };
        if let Ok(schema) = state.effective_schema(id, binding.as_ref()) {
            *checked = schema;
        }
    }
    command
}

/// Skips the next entry, or applies the last one twice.
pub(crate) fn misremembered(mut marker: Marker) -> Marker {
    if let Some(applied) = &mut marker.applied {
        applied.index = applied.index.saturating_add(u64::from(is(Fault::SkipEntry)));
        applied.index = applied.index.saturating_sub(u64::from(is(Fault::ApplyTwice)));
    }
    marker
}
