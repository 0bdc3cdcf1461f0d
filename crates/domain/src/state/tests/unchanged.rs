//! Tests of puts that change nothing, puts without precondition, and restored configs.

use super::*;
use crate::{Digest, Event, Idempotency, Operation, Receipt, Version, WriteReceipt};

fn id(key: &str) -> ConfigId {
    config("p", "default", key)
}

/// A put of the document `1` that creates no version if the config already has it.
fn quiet(key: &str, expected: Precondition) -> Command {
    let mut command = put(&id(key), BindingChange::Keep, None, expected);
    if let Command::PutConfig { keep_same, .. } = &mut command {
        *keep_same = true;
    }
    command
}

fn with_project() -> State {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    state
}

fn version(state: &State, key: &str) -> u64 {
    state.config(&id(key)).map_or(0, |config| config.version.0)
}

#[test]
fn the_same_document_makes_no_version() {
    let mut state = with_project();
    let made = accept(&mut state, quiet("a", Precondition::Absent));
    let before = rows(&state);
    let applied = state.apply(&by_system(quiet("a", Precondition::Version(Version(1)))));
    assert!(applied.committed.is_none(), "nothing happened");
    let Outcome::Accepted { revision, receipt: Receipt::ConfigUnchanged(config) } = applied.outcome else {
        panic!("{:?}", applied.outcome);
    };
    assert_eq!((revision, config.version), (made, Version(1)));
    assert_eq!(rows(&state), before);

    // Commands of older releases create a version.
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Present));
    assert_eq!(version(&state, "a"), 2);
}

#[test]
fn a_failed_precondition_is_refused_whatever_the_document() {
    let mut state = with_project();
    accept(&mut state, quiet("a", Precondition::Absent));
    for expected in [Precondition::Absent, Precondition::Version(Version(7))] {
        assert!(matches!(reject(&mut state, quiet("a", expected)), Rejection::VersionConflict { .. }));
    }
}

#[test]
fn another_binding_is_a_change() {
    let mut state = with_project();
    accept(&mut state, quiet("a", Precondition::Absent));
    accept(&mut state, create_schema(&schema("p", "s0")));
    let mut bound = quiet("a", Precondition::Present);
    let name = SchemaName::parse("s0").expect("a name");
    if let Command::PutConfig { binding, checked, .. } = &mut bound {
        *binding = BindingChange::Set(Some(crate::Binding { schema: name.clone(), pinned: None }));
        *checked = Some(SchemaRef { name, version: SchemaVersion(1) });
    }
    accept(&mut state, bound.clone());
    assert_eq!(version(&state, "a"), 2);
    accept(&mut state, bound);
    assert_eq!(version(&state, "a"), 2);
}

#[test]
fn a_transaction_tells_what_was_the_same() {
    let mut state = with_project();
    accept(&mut state, quiet("a", Precondition::Absent));
    let operation = |key: &str| Operation::Put {
        id: id(key),
        content: content("1"),
        binding: BindingChange::Keep,
        checked: None,
        expected: Precondition::Any,
        kind: ChangeKind::Update,
        keep_same: true,
    };
    let both =
        Command::Transact { operations: vec![operation("a"), operation("b")], message: Message::default() };
    let applied = state.apply(&by_system(both.clone()));
    let write = |unchanged| WriteReceipt { version: Version(1), unchanged };
    let receipt = Receipt::Writes(vec![write(true), write(false)]);
    assert_eq!(applied.outcome, Outcome::Accepted { revision: state.revision(), receipt });
    let revision = state.revision();
    let receipt = Receipt::Writes(vec![write(true), write(true)]);
    assert_eq!(state.apply(&by_system(both)).outcome, Outcome::Accepted { revision, receipt });
}

#[test]
fn the_answer_to_a_put_that_changed_nothing_is_kept() {
    let mut state = with_project();
    accept(&mut state, quiet("a", Precondition::Absent));
    let idempotency = Idempotency::new(&Actor::System, "key", Digest::of(&[b"request"]));
    let keyed = Stamped { idempotency: Some(idempotency), ..by_system(quiet("a", Precondition::Any)) };
    let applied = state.apply(&keyed);
    let events = applied.committed.expect("an answer to keep").events;
    assert!(matches!(events[..], [Event::ConfigKept { .. }, Event::AnswerKept { .. }]), "{events:?}");
    let changed = put(&id("a"), BindingChange::Keep, None, Precondition::Present);
    accept(&mut state, changed);
    let Outcome::Replayed { receipt: Receipt::ConfigUnchanged(config), .. } = state.apply(&keyed).outcome
    else {
        panic!("it was done before");
    };
    assert_eq!(config.version, Version(1));
}

#[test]
fn any_state_is_fine_when_the_client_says_so() {
    let mut state = with_project();
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Any));
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Any));
    assert_eq!(version(&state, "a"), 2);
    accept(&mut state, delete(&id("a")));
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Any));
    assert_eq!(version(&state, "a"), 4);
}

#[test]
fn a_config_that_comes_back_says_from_where() {
    let mut state = with_project();
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Absent));
    accept(&mut state, delete(&id("a")));
    let mut command = put(&id("a"), BindingChange::Keep, None, Precondition::Absent);
    if let Command::PutConfig { kind, .. } = &mut command {
        *kind = ChangeKind::Undelete { from: Version(1) };
    }
    let applied = state.apply(&by_system(command));
    let made = applied.committed.expect("accepted").config_revisions().next().expect("a version");
    assert_eq!((made.version, made.kind), (Version(3), ChangeKind::Undelete { from: Version(1) }));
}
