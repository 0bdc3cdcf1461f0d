//! Tests of references between schemas: fixed meaning, no cycles, no deletion of a referenced schema.

use super::*;
use crate::{Schema, SchemaUse};

fn uses(name: &str, version: u64, newest: bool) -> SchemaUse {
    SchemaUse { name: schema("p", name).name, version: SchemaVersion(version), newest }
}

fn create(name: &str, used: &[SchemaUse]) -> Command {
    let mut command = create_schema(&schema("p", name));
    if let Command::CreateSchema { uses, .. } = &mut command {
        *uses = used.to_vec();
    }
    command
}

fn update(state: &State, name: &str, used: &[SchemaUse]) -> Command {
    let mut command = update_schema(&schema("p", name), state.revision());
    if let Command::UpdateSchema { uses, .. } = &mut command {
        *uses = used.to_vec();
    }
    command
}

/// The schema `a` at versions 1 and 2; `b` refers to `a`, and `c` to `b`.
fn chain() -> State {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    accept(&mut state, create("a", &[]));
    accept(&mut state, update_schema(&schema("p", "a"), Revision(100)));
    accept(&mut state, create("b", &[uses("a", 2, true)]));
    accept(&mut state, create("c", &[uses("b", 1, false)]));
    state
}

fn outdated(name: &str) -> Rejection {
    Rejection::ReferencesOutdated(schema("p", name))
}

#[test]
fn a_reference_must_mean_what_was_checked() {
    let mut state = chain();
    for (wrong, why) in [
        (uses("a", 1, true), "not the newest any more"),
        (uses("a", 3, false), "no such version"),
        (uses("none", 1, false), "no such schema"),
    ] {
        assert_eq!(reject(&mut state, create("d", std::slice::from_ref(&wrong))), outdated("d"), "{why}");
        let command = update(&state, "c", &[uses("a", 2, true), wrong]);
        assert_eq!(reject(&mut state, command), outdated("c"), "{why}");
    }
    accept(&mut state, create("d", &[uses("a", 1, false), uses("a", 2, true)]));
}

#[test]
fn references_never_lead_back() {
    let mut state = chain();
    for (name, back) in [("a", "c"), ("a", "b"), ("a", "a"), ("b", "c")] {
        let latest = state.schema(&schema("p", back)).map(|schema| schema.latest.0);
        let command = update(&state, name, &[uses(back, latest.expect("it is there"), true)]);
        assert_eq!(reject(&mut state, command), outdated(name), "{name} -> {back}");
    }
    // References of earlier versions still count.
    let command = update(&state, "b", &[]);
    accept(&mut state, command);
    let command = update(&state, "a", &[uses("b", 2, true)]);
    assert_eq!(reject(&mut state, command), outdated("a"));
    assert_eq!(reject(&mut state, create("e", &[uses("e", 1, true)])), outdated("e"));
}

#[test]
fn what_is_used_stays() {
    let mut state = chain();
    let gone = |name: &str| Command::DeleteSchema { id: schema("p", name), expected: None };
    let used = |name: &str, by: &str| Rejection::SchemaUsed {
        id: schema("p", name),
        by: vec![schema("p", by).name],
    };
    assert_eq!(reject(&mut state, gone("a")), used("a", "b"));
    assert_eq!(used("a", "b").to_string(), "schema a is used by b");
    let command = update(&state, "b", &[]);
    accept(&mut state, command);
    assert_eq!(reject(&mut state, gone("a")), used("a", "b"), "version 1 of b is kept");
    assert_eq!(reject(&mut state, gone("b")), used("b", "c"));
    for name in ["c", "b", "a"] {
        accept(&mut state, gone(name));
    }
    accept(&mut state, create("b", &[]));
    assert!(state.schema(&schema("p", "b")).is_some_and(|Schema { uses, .. }| uses.is_empty()));
}

#[test]
fn what_a_version_uses_is_kept_with_it() {
    let mut state = chain();
    let used = [uses("a", 1, false), uses("a", 2, true)];
    let applied = state.apply(&by_system(create("d", &used)));
    let kept: Vec<_> = applied.committed.iter().flat_map(crate::Committed::schema_revisions).collect();
    assert_eq!(kept[0].uses, used);
    let project = Command::DeleteProject { name: project("p") };
    accept(&mut state, project);
}
