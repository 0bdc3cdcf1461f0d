//! Deciding a command. Only reads the state; every refusal is a value. One file for each family of commands.

mod api_key;
mod bounds;
mod config;
mod member;
mod project;
mod schema;

use super::State;
use crate::access::{Permission, Resource, authorize};
use crate::limits::{EPOCHS_MAX, EPOCHS_RAISED_MAX};
use crate::{Actor, AuditAnchor, AuditPlace, Command, Epoch, Event, Rejection, Stamped, UserId};
use std::collections::BTreeSet;

/// Returns the events of a command, or the rejection. Checks the permission again, because an API key may
/// have been revoked since the request was admitted.
pub fn decide(state: &State, stamped: &Stamped<Command>) -> Result<Vec<Event>, Rejection> {
    let decision = Decision { state, stamped };
    match &stamped.command {
        Command::Bootstrap { cluster_id, admin_key } => decision.bootstrap(cluster_id, admin_key),
        Command::CreateProject { name, display_name } => decision.create_project(name, display_name),
        Command::UpdateProject { name, display_name } => decision.update_project(name, display_name),
        Command::ChangeProject { .. } => decision.change_project(&stamped.command),
        Command::PruneHistory { pruned } => decision.prune_history(pruned),
        Command::DeleteProject { name } => decision.delete_project(name),
        Command::CreateEnvironment { id } => decision.create_environment(id),
        Command::DeleteEnvironment { id } => decision.delete_environment(id),
        Command::CreateSchema { .. } => decision.create_schema(&stamped.command),
        Command::UpdateSchema { .. } => decision.update_schema(&stamped.command),
        Command::HoldSchema { id, hold } => decision.hold_schema(id, *hold),
        Command::DeleteSchema { id, expected } => decision.delete_schema(id, *expected),
        Command::PutConfig { .. } => decision.put_config(&stamped.command),
        Command::DeleteConfig { id, expected, message } => decision.delete_config(id, *expected, message),
        Command::Transact { operations, message } => decision.transact(operations, message),
        Command::CreateApiKey { project, key } => decision.create_api_key(project.as_ref(), key),
        Command::RevokeApiKey { key } => decision.revoke_api_key(key),
        Command::RotateApiKey { .. } => decision.rotate_api_key(&stamped.command),
        Command::RaiseEpochs { users } => decision.raise_epochs(users),
        Command::AnchorAudit { cut, end } => decision.anchor_audit(*cut, *end),
        Command::AdmitMember { member } => decision.admit_member(member),
        Command::RetireMember { id } => decision.retire_member(*id),
        Command::UpdateMember { member } => decision.update_member(member),
    }
}

/// The inputs of one decision.
struct Decision<'a> {
    state: &'a State,
    stamped: &'a Stamped<Command>,
}

impl Decision<'_> {
    fn require(&self, permission: Permission, resource: Resource<'_>) -> Result<(), Rejection> {
        authorize(self.state, self.stamped.principal(), permission, resource, self.stamped.at)
            .map_err(Rejection::Denied)
    }

    /// Raises each user once, in order, so that duplicates in the command have no effect.
    fn raise_epochs(&self, users: &[UserId]) -> Result<Vec<Event>, Rejection> {
        self.require_system()?;
        let users: BTreeSet<&UserId> = users.iter().collect();
        let new = users.iter().filter(|user| self.state.epoch(user) == Epoch(0)).count();
        within("epochs", self.state.epochs.len() + new, EPOCHS_MAX + 1)?;
        if users.len() > EPOCHS_RAISED_MAX {
            let (limit, max) = ("epochs_raised".to_owned(), EPOCHS_RAISED_MAX as u64);
            return Err(Rejection::LimitReached { limit, max });
        }
        let raised = users
            .into_iter()
            .map(|user| Event::EpochRaised { user: user.clone(), epoch: self.state.epoch(user).next() });
        Ok(raised.collect())
    }

    /// An anchor that is behind the current one is outdated and ignored.
    fn anchor_audit(&self, cut: AuditPlace, end: AuditPlace) -> Result<Vec<Event>, Rejection> {
        self.require_system()?;
        let late = |last: &AuditAnchor| cut.number < last.cut.number || end.number < last.end.number;
        let replaced = self.state.header.audit_anchor.as_ref().is_some_and(late);
        let anchor = AuditAnchor { cut, end, at: self.stamped.at };
        Ok(if replaced { Vec::new() } else { vec![Event::AuditAnchored { anchor }] })
    }

    fn require_system(&self) -> Result<(), Rejection> {
        match self.stamped.actor {
            Actor::System => Ok(()),
            Actor::ApiKey(_) | Actor::User(_) => Err(Rejection::Denied(crate::access::Denied::OutOfScope)),
        }
    }
}

/// Rejects if a table has reached its limit of `max` rows.
fn within(limit: &str, rows: usize, max: usize) -> Result<(), Rejection> {
    if rows < max {
        Ok(())
    } else {
        Err(Rejection::LimitReached { limit: limit.to_owned(), max: max as u64 })
    }
}
