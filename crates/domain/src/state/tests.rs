//! Invariants of any sequence of commands, and edge cases.

mod access;
mod bounds;
mod checks;
mod members;
mod memory;
mod properties;
mod recreated;
mod references;
mod steps;
mod time;
mod transactions;
mod unchanged;

use super::{Row, RowKey, State};
use crate::{
    Actor, BindingChange, ChangeKind, Command, ConfigId, ConfigKey, Content, Dialect, DisplayName,
    EnvironmentId, EnvironmentName, Message, Outcome, Precondition, ProjectName, Rejection, RequestId,
    Revision, SchemaId, SchemaMode, SchemaName, SchemaRef, SchemaVersion, Stamped, Timestamp,
};
use std::collections::BTreeMap;

fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).expect("a name")
}

fn environment(project_name: &str, name: &str) -> EnvironmentId {
    EnvironmentId { project: project(project_name), name: EnvironmentName::parse(name).expect("a name") }
}

fn config(project_name: &str, environment_name: &str, key: &str) -> ConfigId {
    let EnvironmentId { project, name } = environment(project_name, environment_name);
    ConfigId { project, environment: name, key: ConfigKey::parse(key).expect("a key") }
}

fn schema(project_name: &str, name: &str) -> SchemaId {
    SchemaId { project: project(project_name), name: SchemaName::parse(name).expect("a name") }
}

fn content(text: &str) -> Content {
    Content::from_compact(text).expect("small")
}

fn by(actor: Actor, command: Command, at: i64) -> Stamped<Command> {
    Stamped {
        command,
        actor,
        request_id: RequestId::parse("req").expect("an id"),
        at: Timestamp(at),
        idempotency: None,
        person: None,
        provenance: crate::Provenance::default(),
    }
}

fn by_system(command: Command) -> Stamped<Command> {
    by(Actor::System, command, 1000)
}

fn rows(state: &State) -> BTreeMap<RowKey, Row> {
    state.rows().map(|row| (row.key(), row)).collect()
}

#[track_caller]
fn accept(state: &mut State, command: Command) -> Revision {
    match state.apply(&by_system(command)).outcome {
        Outcome::Accepted { revision, .. } => revision,
        other => panic!("expected to be accepted: {other:?}"),
    }
}

#[track_caller]
fn reject(state: &mut State, command: Command) -> Rejection {
    match state.apply(&by_system(command)).outcome {
        Outcome::Rejected { rejection, .. } => rejection,
        other => panic!("expected to be rejected: {other:?}"),
    }
}

fn create_project(name: &str) -> Command {
    Command::CreateProject { name: project(name), display_name: DisplayName::default() }
}

fn create_schema(id: &SchemaId) -> Command {
    let (dialect, mode) = (Dialect::Draft202012, SchemaMode::Strict);
    Command::CreateSchema { id: id.clone(), schema: content("{}"), dialect, mode, uses: Vec::new() }
}

fn update_schema(id: &SchemaId, checked: Revision) -> Command {
    let dialect = Dialect::Draft202012;
    Command::UpdateSchema {
        id: id.clone(),
        schema: content("{}"),
        dialect,
        mode: None,
        expected: None,
        checked,
        uses: Vec::new(),
    }
}

fn put(id: &ConfigId, binding: BindingChange, checked: Option<u64>, expected: Precondition) -> Command {
    let name = SchemaName::parse("s0").expect("a name");
    Command::PutConfig {
        id: id.clone(),
        content: content("1"),
        binding,
        checked: checked.map(|version| SchemaRef { name, version: SchemaVersion(version) }),
        expected,
        kind: ChangeKind::Update,
        message: Message::default(),
        keep_same: false,
    }
}

fn delete(id: &ConfigId) -> Command {
    let (expected, message) = (Precondition::Present, Message::default());
    Command::DeleteConfig { id: id.clone(), expected, message }
}
