//! Tests of outdated schema checks, and of versions.

use super::*;
use crate::{Binding, Receipt, Version};

fn follow() -> BindingChange {
    BindingChange::Set(Some(Binding { schema: schema("p", "s0").name, pinned: None }))
}

fn pin(version: u64) -> BindingChange {
    let pinned = Some(SchemaVersion(version));
    BindingChange::Set(Some(Binding { schema: schema("p", "s0").name, pinned }))
}

/// A project with the schema `s0` at version 1.
fn with_schema() -> (State, SchemaId, ConfigId) {
    let (mut state, id) = (State::default(), schema("p", "s0"));
    accept(&mut state, create_project("p"));
    accept(&mut state, create_schema(&id));
    (state, id, config("p", "default", "a"))
}

#[test]
fn a_put_that_was_checked_against_an_older_schema_is_refused() {
    let (mut state, schema_id, id) = with_schema();
    let now = state.revision();
    accept(&mut state, update_schema(&schema_id, now));
    let outdated = Rejection::CheckOutdated(id.clone());
    assert_eq!(reject(&mut state, put(&id, follow(), Some(1), Precondition::Absent)), outdated);
    assert_eq!(reject(&mut state, put(&id, follow(), Some(3), Precondition::Absent)), outdated);
    assert_eq!(reject(&mut state, put(&id, follow(), None, Precondition::Absent)), outdated);
    accept(&mut state, put(&id, follow(), Some(2), Precondition::Absent));
    assert_eq!(reject(&mut state, put(&id, BindingChange::Keep, Some(1), Precondition::Present)), outdated);
    accept(&mut state, put(&id, pin(1), Some(1), Precondition::Present));
    assert_eq!(reject(&mut state, put(&id, pin(1), Some(2), Precondition::Present)), outdated);
}

#[test]
fn an_update_is_refused_when_a_follower_was_put_after_the_check() {
    let (mut state, schema_id, id) = with_schema();
    let checked = state.revision();
    let put_at = accept(&mut state, put(&id, follow(), Some(1), Precondition::Absent));
    let changed = Rejection::BoundDocumentsChanged(schema_id.clone());
    assert_eq!(reject(&mut state, update_schema(&schema_id, checked)), changed);
    accept(&mut state, update_schema(&schema_id, put_at));
    accept(&mut state, update_schema(&schema_id, put_at));
}

#[test]
fn under_ratchet_a_late_document_does_not_hold_an_update_up() {
    let (mut state, schema_id, id) = with_schema();
    let checked = state.revision();
    let put_at = accept(&mut state, put(&id, follow(), Some(1), Precondition::Absent));
    let in_mode = |wanted, at| {
        let mut update = update_schema(&schema_id, at);
        if let Command::UpdateSchema { mode, .. } = &mut update {
            *mode = wanted;
        }
        update
    };
    accept(&mut state, in_mode(Some(SchemaMode::Ratchet), checked));
    assert_eq!(state.schema(&schema_id).map(|schema| schema.mode), Some(SchemaMode::Ratchet));
    accept(&mut state, in_mode(None, checked));
    let changed = Rejection::BoundDocumentsChanged(schema_id.clone());
    assert_eq!(reject(&mut state, in_mode(Some(SchemaMode::Strict), checked)), changed);
    accept(&mut state, in_mode(Some(SchemaMode::Strict), put_at));
    assert_eq!(reject(&mut state, in_mode(None, checked)), changed);
}

#[test]
fn a_held_schema_holds_its_followers_for_a_moment() {
    let (mut state, schema_id, id) = with_schema();
    accept(&mut state, put(&id, follow(), Some(1), Precondition::Absent));
    accept(&mut state, Command::HoldSchema { id: schema_id.clone(), hold: true });
    let held = Rejection::SchemaHeld(schema_id.clone());
    let again = || put(&id, BindingChange::Keep, Some(1), Precondition::Present);
    assert_eq!(reject(&mut state, again()), held);
    let other = config("p", "default", "b");
    assert_eq!(reject(&mut state, put(&other, follow(), Some(1), Precondition::Absent)), held);
    accept(&mut state, put(&other, pin(1), Some(1), Precondition::Absent));
    accept(&mut state, put(&config("p", "default", "c"), BindingChange::Keep, None, Precondition::Absent));
    // The hold also covers earlier times, because the clocks of nodes differ.
    for (at, free) in [(0, true), (1, false), (1999, false), (2000, true)] {
        let outcome = state.clone().apply(&by(Actor::System, again(), at)).outcome;
        assert_eq!(matches!(outcome, Outcome::Accepted { .. }), free, "at {at}");
    }
    accept(&mut state, delete(&id));
    let now = state.revision();
    accept(&mut state, update_schema(&schema_id, now));
    accept(&mut state, put(&id, follow(), Some(2), Precondition::Absent));
    accept(&mut state, Command::HoldSchema { id: schema_id.clone(), hold: true });
    accept(&mut state, Command::HoldSchema { id: schema_id.clone(), hold: false });
    accept(&mut state, put(&id, follow(), Some(2), Precondition::Present));
    let none = Command::HoldSchema { id: schema("p", "none"), hold: true };
    assert!(matches!(reject(&mut state, none), Rejection::SchemaNotFound(_)));
}

#[test]
fn pinned_and_unbound_documents_do_not_hold_an_update_up() {
    let (mut state, schema_id, id) = with_schema();
    let checked = state.revision();
    accept(&mut state, put(&id, pin(1), Some(1), Precondition::Absent));
    accept(&mut state, put(&config("p", "default", "b"), BindingChange::Keep, None, Precondition::Absent));
    accept(&mut state, update_schema(&schema_id, checked));
    assert!(matches!(
        reject(&mut state, Command::DeleteSchema { id: schema_id, expected: None }),
        Rejection::SchemaInUse { bound_documents: 1, .. }
    ));
}

#[test]
fn a_check_does_not_outlive_the_schema_it_was_made_for() {
    let (mut state, schema_id, id) = with_schema();
    let checked = state.revision();
    accept(&mut state, Command::DeleteSchema { id: schema_id.clone(), expected: None });
    accept(&mut state, create_schema(&schema_id));
    let changed = Rejection::BoundDocumentsChanged(schema_id.clone());
    assert_eq!(reject(&mut state, update_schema(&schema_id, checked)), changed);
    let outdated = Rejection::CheckOutdated(id.clone());
    assert_eq!(reject(&mut state, put(&id, follow(), Some(1), Precondition::Absent)), outdated);
    assert!(matches!(
        reject(&mut state, put(&id, pin(1), Some(1), Precondition::Absent)),
        Rejection::BindingUnknown { .. }
    ));
    accept(&mut state, put(&id, follow(), Some(2), Precondition::Absent));
}

#[test]
fn versions_go_on_when_everything_is_created_again() {
    let (mut state, _, id) = with_schema();
    let mut versions = Vec::new();
    for _ in 0..3 {
        accept(&mut state, put(&id, BindingChange::Keep, None, Precondition::Absent));
        versions.extend(state.config(&id).map(|config| config.version));
        accept(&mut state, delete(&id));
        accept(&mut state, Command::DeleteEnvironment { id: id.environment_id() });
        accept(&mut state, Command::DeleteProject { name: id.project.clone() });
        accept(&mut state, create_project("p"));
    }
    assert_eq!(versions, [Version(1), Version(3), Version(5)]);
}

#[test]
fn a_put_on_a_live_config_never_counts_as_its_creation() {
    let (mut state, schema_id, id) = with_schema();
    accept(&mut state, put(&id, follow(), Some(1), Precondition::Absent));
    let mut forged = put(&id, BindingChange::Set(None), None, Precondition::Present);
    if let Command::PutConfig { kind, .. } = &mut forged {
        *kind = ChangeKind::Create;
    }
    let applied = state.apply(&by_system(forged));
    let kinds: Vec<_> =
        applied.committed.iter().flat_map(crate::Committed::config_revisions).map(|r| r.kind).collect();
    assert_eq!(kinds, [ChangeKind::Update]);
    assert_eq!(state.bound_count(&schema_id), 0);
}

/// The history distinguishes patches from puts, except that the first version is always a creation.
#[test]
fn a_patch_is_kept_as_one() {
    let (mut state, _, id) = with_schema();
    for (expected, kept) in
        [(Precondition::Absent, ChangeKind::Create), (Precondition::Present, ChangeKind::Patch)]
    {
        let mut command = put(&id, BindingChange::Set(None), None, expected);
        if let Command::PutConfig { kind, .. } = &mut command {
            *kind = ChangeKind::Patch;
        }
        let applied = state.apply(&by_system(command));
        let kinds = applied.committed.iter().flat_map(crate::Committed::config_revisions).map(|r| r.kind);
        assert_eq!(kinds.collect::<Vec<_>>(), [kept]);
    }
}

#[test]
fn receipts_show_what_was_left() {
    let (mut state, schema_id, id) = with_schema();
    let receipt = |state: &mut State, command| match state.apply(&by_system(command)).outcome {
        Outcome::Accepted { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    };
    let Receipt::Config(left) = receipt(&mut state, put(&id, follow(), Some(1), Precondition::Absent)) else {
        panic!("a put leaves a config");
    };
    assert_eq!((&left.id, left.version), (&id, Version(1)));
    let now = state.revision();
    let left = receipt(&mut state, update_schema(&schema_id, now));
    assert!(matches!(left, Receipt::Schema { bound_documents: 1, .. }));
    assert_eq!(receipt(&mut state, delete(&id)), Receipt::ConfigDeleted(Version(2)));
    assert_eq!(receipt(&mut state, Command::DeleteProject { name: id.project }), Receipt::Nothing);
}
