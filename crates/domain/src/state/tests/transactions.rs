//! Tests of transactions and idempotency keys.

use super::*;
use crate::limits::{ANSWER_KEPT_MS, ANSWERS_PER_PROJECT_MAX, TRANSACTION_OPERATIONS_MAX};
use crate::{Digest, Idempotency, Operation, Receipt, Version};

fn id(key: &str) -> ConfigId {
    config("p", "default", key)
}

fn put_operation(key: &str, expected: Precondition) -> Operation {
    let (binding, kind) = (BindingChange::Keep, ChangeKind::Update);
    Operation::Put {
        id: id(key),
        content: content("1"),
        binding,
        checked: None,
        expected,
        kind,
        keep_same: false,
    }
}

fn transact(operations: Vec<Operation>) -> Command {
    Command::Transact { operations, message: Message::default() }
}

fn keyed(command: Command, key: &str, request: &str, at: i64) -> Stamped<Command> {
    let idempotency = Idempotency::new(&Actor::System, key, Digest::of(&[request.as_bytes()]));
    Stamped { idempotency: Some(idempotency), ..by(Actor::System, command, at) }
}

fn with_project() -> State {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    state
}

#[test]
fn a_transaction_is_one_revision_and_all_or_nothing() {
    let mut state = with_project();
    let first = transact(vec![
        put_operation("a", Precondition::Absent),
        Operation::Check { id: id("c"), expected: Precondition::Absent },
        put_operation("b", Precondition::Absent),
    ]);
    let applied = state.apply(&by_system(first));
    let revision = state.revision();
    let receipt = Receipt::Versions(vec![Version(1), Version(1)]);
    assert_eq!(applied.outcome, Outcome::Accepted { revision, receipt });
    assert_eq!(state.config(&id("a")).map(|config| config.revision), Some(revision));
    assert_eq!(state.config(&id("b")).map(|config| config.revision), Some(revision));

    let before = rows(&state);
    let late = vec![
        put_operation("a", Precondition::Version(Version(1))),
        Operation::Delete { id: id("b"), expected: Precondition::Version(Version(1)) },
        Operation::Check { id: id("c"), expected: Precondition::Present },
    ];
    let refused = reject(&mut state, transact(late));
    assert!(matches!(
        refused,
        Rejection::Operation { operation: 2, rejection } if matches!(*rejection, Rejection::VersionConflict { .. })
    ));
    assert_eq!(rows(&state), before);
}

#[test]
fn a_config_is_in_one_operation_only_and_there_are_so_many() {
    let mut state = with_project();
    let twice = vec![put_operation("a", Precondition::Absent), put_operation("a", Precondition::Absent)];
    let repeated = Box::new(Rejection::ConfigRepeated(id("a")));
    let refused = Rejection::Operation { operation: 1, rejection: repeated };
    assert_eq!(reject(&mut state, transact(twice)), refused);

    let many = |count| (0..count).map(|n| put_operation(&format!("k{n}"), Precondition::Absent)).collect();
    let (limit, max) = ("operations_per_transaction".to_owned(), TRANSACTION_OPERATIONS_MAX as u64);
    let full = Rejection::LimitReached { limit, max };
    assert_eq!(reject(&mut state, transact(many(TRANSACTION_OPERATIONS_MAX + 1))), full);
    accept(&mut state, transact(many(TRANSACTION_OPERATIONS_MAX)));
}

#[test]
fn a_repeated_request_changes_nothing_and_has_the_first_answer() {
    let mut state = with_project();
    let request = || transact(vec![put_operation("a", Precondition::Absent)]);
    let Outcome::Accepted { revision, receipt } = state.apply(&keyed(request(), "k", "r", 0)).outcome else {
        panic!("the first is accepted");
    };
    accept(&mut state, delete(&id("a")));
    let before = rows(&state);
    let again = state.apply(&keyed(request(), "k", "r", ANSWER_KEPT_MS - 1)).outcome;
    assert_eq!(again, Outcome::Replayed { revision, receipt });
    let other = state.apply(&keyed(request(), "k", "other", 1)).outcome;
    let rejection = Rejection::IdempotencyKeyReused;
    assert_eq!(other, Outcome::Rejected { revision: state.revision(), rejection });
    assert_eq!(rows(&state), before);
    // A day later it counts as a new request. The receipt has the recorded time, which never decreases.
    let late = state.apply(&keyed(request(), "k", "other", 1000 + ANSWER_KEPT_MS)).outcome;
    assert!(matches!(late, Outcome::Accepted { .. }));
}

/// A revoked API key gets no receipts of its earlier requests.
#[test]
fn a_repeated_request_of_a_revoked_key_is_denied() {
    let mut state = with_project();
    let key = crate::KeyRef { project: Some(project("p")), id: crate::ApiKeyId::parse("k").expect("an id") };
    let new = crate::NewApiKey {
        id: key.id.clone(),
        name: crate::KeyLabel::parse("key").expect("a label"),
        hash: Digest([1; 32]),
        prefix: String::new(),
        permissions: crate::Permission::ALL.iter().copied().collect(),
        environments: None,
        key_prefixes: None,
        expires_at: Some(Timestamp(100)),
    };
    accept(&mut state, Command::CreateApiKey { project: key.project.clone(), key: new });
    let request = |at| Stamped {
        actor: Actor::ApiKey(key.clone()),
        ..keyed(put(&id("a"), BindingChange::Keep, None, Precondition::Absent), "k", "r", at)
    };
    assert!(matches!(state.apply(&request(1)).outcome, Outcome::Accepted { .. }));
    assert!(matches!(state.apply(&request(99)).outcome, Outcome::Replayed { .. }));
    let denied = |outcome| matches!(outcome, Outcome::Rejected { rejection: Rejection::Denied(_), .. });
    assert!(denied(state.apply(&request(100)).outcome));
    accept(&mut state, Command::RevokeApiKey { key: key.clone() });
    assert!(denied(state.apply(&request(2)).outcome));
}

#[test]
fn a_refused_request_may_be_sent_again() {
    let mut state = with_project();
    let request = || put(&id("a"), BindingChange::Keep, None, Precondition::Present);
    assert!(matches!(state.apply(&keyed(request(), "k", "r", 0)).outcome, Outcome::Rejected { .. }));
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Absent));
    assert!(matches!(state.apply(&keyed(request(), "k", "r", 0)).outcome, Outcome::Accepted { .. }));
}

#[test]
fn kept_answers_are_bounded_and_the_oldest_give_way() {
    let mut state = with_project();
    accept(&mut state, put(&id("a"), BindingChange::Keep, None, Precondition::Absent));
    let write = |n: usize| {
        let command = put(&id("a"), BindingChange::Keep, None, Precondition::Present);
        keyed(command, &format!("k{n}"), "r", 0)
    };
    // The receipt of another project is older than all of these.
    accept(&mut state, create_project("q"));
    let other = || {
        keyed(
            put(&config("q", "default", "a"), BindingChange::Keep, None, Precondition::Absent),
            "other",
            "r",
            0,
        )
    };
    assert!(matches!(state.apply(&other()).outcome, Outcome::Accepted { .. }));
    for n in 0..ANSWERS_PER_PROJECT_MAX + 3 {
        assert!(matches!(state.apply(&write(n)).outcome, Outcome::Accepted { .. }));
    }
    let kept = state.rows().filter(|row| matches!(row, Row::Answer(..))).count();
    assert_eq!(kept, ANSWERS_PER_PROJECT_MAX + 1);
    assert!(matches!(state.apply(&other()).outcome, Outcome::Replayed { .. }), "nobody takes another's");
    assert!(matches!(state.apply(&write(2)).outcome, Outcome::Accepted { .. }));
    assert!(matches!(state.apply(&write(6)).outcome, Outcome::Replayed { .. }));
}
