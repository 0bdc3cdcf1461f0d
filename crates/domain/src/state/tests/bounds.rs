//! Tests of quotas, retention and pruning.

use super::*;
use crate::limits::{HISTORY_ROW_BYTES, PRUNED_VERSIONS_MAX};
use crate::{Operation, Pruned, Quotas, Retention, Version};

fn id(key: &str) -> ConfigId {
    config("p", "default", key)
}

fn put_text(key: &str, text: &str, expected: Precondition) -> Command {
    let Command::PutConfig { id, binding, checked, kind, message, .. } =
        put(&id(key), BindingChange::Keep, None, expected)
    else {
        unreachable!("a put is a put");
    };
    Command::PutConfig {
        id,
        content: content(text),
        binding,
        checked,
        expected,
        kind,
        message,
        keep_same: false,
    }
}

fn bound(quotas: Quotas) -> Command {
    Command::ChangeProject { name: project("p"), display_name: None, quotas: Some(quotas), retention: None }
}

fn exceeded(limit: &str, max: u64, used: u64) -> Rejection {
    Rejection::QuotaExceeded { project: project("p"), limit: limit.to_owned(), max, used }
}

fn with_project() -> State {
    let mut state = State::default();
    accept(&mut state, create_project("p"));
    state
}

#[test]
fn a_project_holds_no_more_than_it_may_and_can_always_shrink() {
    let mut state = with_project();
    accept(&mut state, bound(Quotas { documents: Some(2), bytes: Some(10), ..Quotas::default() }));
    accept(&mut state, put_text("a", "12345", Precondition::Absent));
    let late = put_text("b", "123456", Precondition::Absent);
    assert_eq!(reject(&mut state, late), exceeded("bytes", 10, 5));
    accept(&mut state, put_text("b", "12345", Precondition::Absent));
    assert_eq!(reject(&mut state, put_text("c", "1", Precondition::Absent)), exceeded("documents", 2, 2));
    let larger = put_text("a", "123456", Precondition::Present);
    assert_eq!(reject(&mut state, larger), exceeded("bytes", 10, 10));
    // Above a lowered quota, changes that do not increase the usage are still accepted.
    accept(&mut state, bound(Quotas { documents: Some(1), bytes: Some(4), ..Quotas::default() }));
    accept(&mut state, put_text("a", "54321", Precondition::Present));
    accept(&mut state, put_text("a", "1", Precondition::Present));
    assert_eq!(reject(&mut state, put_text("a", "12", Precondition::Present)), exceeded("bytes", 4, 6));
    accept(&mut state, delete(&id("b")));
    accept(&mut state, put_text("a", "1234", Precondition::Present));
    let usage = state.usage(&project("p"));
    assert_eq!((usage.documents, usage.bytes), (1, 4));
}

#[test]
fn a_transaction_is_counted_as_a_whole() {
    let mut state = with_project();
    accept(&mut state, bound(Quotas { documents: Some(1), ..Quotas::default() }));
    accept(&mut state, put_text("a", "1", Precondition::Absent));
    let put = |key: &str| {
        let (binding, kind) = (BindingChange::Keep, ChangeKind::Update);
        let expected = Precondition::Absent;
        Operation::Put {
            id: id(key),
            content: content("1"),
            binding,
            checked: None,
            expected,
            kind,
            keep_same: false,
        }
    };
    let swap = vec![put("b"), Operation::Delete { id: id("a"), expected: Precondition::Present }];
    accept(&mut state, Command::Transact { operations: swap, message: Message::default() });
    let more = vec![put("c"), put("d"), Operation::Delete { id: id("b"), expected: Precondition::Present }];
    let more = Command::Transact { operations: more, message: Message::default() };
    assert_eq!(reject(&mut state, more), exceeded("documents", 1, 1));
}

#[test]
fn only_the_cluster_prunes_and_the_newest_version_stays() {
    let mut state = with_project();
    accept(&mut state, put_text("a", "1", Precondition::Absent));
    for _ in 0..4 {
        accept(&mut state, put_text("a", "2", Precondition::Present));
    }
    let prune = |oldest| Command::PruneHistory {
        pruned: vec![Pruned { id: id("a"), oldest: Version(oldest), from: Version(0), bytes: None }],
    };
    let revision = accept(&mut state, prune(3));
    assert_eq!(state.oldest_kept(&id("a")), Version(3));
    // An outdated plan changes nothing.
    assert_eq!(reject(&mut state, prune(2)), Rejection::NothingToPrune);
    accept(&mut state, prune(99));
    assert_eq!(state.oldest_kept(&id("a")), Version(5));
    assert!(state.revision() > revision);
    accept(&mut state, delete(&id("a")));
    assert_eq!(state.oldest_kept(&id("a")), Version(5));
    accept(&mut state, prune(99));
    accept(&mut state, put_text("a", "3", Precondition::Absent));
    assert_eq!(
        (state.oldest_kept(&id("a")), state.config(&id("a")).map(|c| c.version)),
        (Version(6), Some(Version(7)))
    );

    let key = crate::KeyRef { project: None, id: crate::ApiKeyId::parse("k").expect("an id") };
    let outcome = state.apply(&by(Actor::ApiKey(key), prune(7), 0)).outcome;
    assert!(matches!(outcome, Outcome::Rejected { rejection: Rejection::Denied(_), .. }));
}

#[test]
fn one_command_prunes_so_much() {
    let mut state = with_project();
    accept(&mut state, put_text("a", "1", Precondition::Absent));
    for _ in 0..=PRUNED_VERSIONS_MAX {
        accept(&mut state, put_text("a", "2", Precondition::Present));
    }
    let pruned = vec![Pruned { id: id("a"), oldest: Version(u64::MAX), from: Version(0), bytes: None }];
    let applied = state.apply(&by_system(Command::PruneHistory { pruned }));
    let committed = applied.committed.expect("accepted");
    let counts: Vec<u64> = committed.pruned().map(|(_, from, oldest)| oldest.0 - from.0).collect();
    assert_eq!(counts, [PRUNED_VERSIONS_MAX]);
}

#[test]
fn bounds_have_bounds() {
    let mut state = with_project();
    let refused = |state: &mut State, quotas: Option<Quotas>, retention: Option<Retention>| {
        let command = Command::ChangeProject { name: project("p"), display_name: None, quotas, retention };
        matches!(reject(state, command), Rejection::LimitReached { .. })
    };
    assert!(refused(&mut state, Some(Quotas { bytes: Some(u64::MAX), ..Quotas::default() }), None));
    assert!(refused(&mut state, None, Some(Retention { versions: Some(0), age_ms: None })));
    assert!(refused(&mut state, None, Some(Retention { versions: None, age_ms: Some(0) })));
}

fn past(state: &State) -> (u64, u64) {
    let past = state.usage(&project("p")).history;
    (past.versions, past.bytes - past.versions * HISTORY_ROW_BYTES)
}

fn prune(from: u64, oldest: u64, bytes: Option<u64>) -> Command {
    let (from, oldest) = (Version(from), Version(oldest));
    Command::PruneHistory { pruned: vec![Pruned { id: id("a"), from, oldest, bytes }] }
}

#[test]
fn what_is_kept_of_the_past_is_counted() {
    let mut state = with_project();
    accept(&mut state, put_text("a", "1", Precondition::Absent));
    assert_eq!(past(&state), (0, 0), "the present document is not of the past");
    accept(&mut state, put_text("a", "22", Precondition::Present));
    accept(&mut state, put_text("a", "333", Precondition::Present));
    assert_eq!(past(&state), (2, 3));
    accept(&mut state, delete(&id("a")));
    assert_eq!(past(&state), (4, 6), "the deletion is a version too");
    accept(&mut state, put_text("a", "4444", Precondition::Absent));
    accept(&mut state, put_text("a", "5", Precondition::Present));
    assert_eq!(past(&state), (5, 10));
    // With a matching size exactly those bytes are subtracted; otherwise all versions count as equally large.
    accept(&mut state, prune(1, 2, Some(1)));
    assert_eq!(past(&state), (4, 9));
    accept(&mut state, prune(1, 3, Some(1)));
    assert_eq!(past(&state), (3, 7));
    accept(&mut state, prune(0, 99, None));
    assert_eq!(past(&state), (0, 0));
    accept(&mut state, delete(&id("a")));
    accept(&mut state, prune(0, 99, None));
    assert_eq!(past(&state), (1, 0), "of a deleted config the deletion stays");
    let rebuilt = state.rows().fold(State::default(), |mut state, row| {
        state.insert(row);
        state
    });
    assert_eq!(rebuilt.usage(&project("p")), state.usage(&project("p")));
}

#[test]
fn a_project_keeps_no_more_history_than_it_may() {
    let mut state = with_project();
    let quota = |history_bytes, history_versions| {
        bound(Quotas { history_bytes, history_versions, ..Quotas::default() })
    };
    accept(&mut state, quota(Some(HISTORY_ROW_BYTES + 5), None));
    accept(&mut state, put_text("a", "12345", Precondition::Absent));
    accept(&mut state, put_text("a", "1", Precondition::Present));
    let full = exceeded("history_bytes", HISTORY_ROW_BYTES + 5, HISTORY_ROW_BYTES + 5);
    assert_eq!(reject(&mut state, put_text("a", "2", Precondition::Present)), full);
    // Even a write that adds no history is rejected above the history quota, or deletes would bypass it.
    accept(&mut state, put_text("b", "1", Precondition::Absent));
    accept(&mut state, delete(&id("b")));
    let over = exceeded("history_bytes", HISTORY_ROW_BYTES + 5, 3 * HISTORY_ROW_BYTES + 6);
    assert_eq!(reject(&mut state, put_text("c", "1", Precondition::Absent)), over);
    accept(&mut state, delete(&id("a")));
    // Pruning frees the usage.
    accept(&mut state, prune(0, 99, None));
    accept(&mut state, quota(None, Some(3)));
    accept(&mut state, put_text("c", "1", Precondition::Absent));
    accept(&mut state, quota(None, Some(2)));
    assert_eq!(
        reject(&mut state, put_text("d", "1", Precondition::Absent)),
        exceeded("history_versions", 2, 3)
    );
}

#[test]
fn the_history_that_a_project_may_have_follows_its_bytes() {
    let quotas = |bytes| Quotas { bytes, ..Quotas::default() };
    assert_eq!(quotas(Some(2_000_000)).history_bytes(), 16 * 1024 * 1024);
    assert_eq!(quotas(Some(1 << 30)).history_bytes(), 8 << 30);
    assert_eq!(quotas(None).history_bytes(), 16 << 30);
}

#[test]
fn versions_of_schemas_are_counted() {
    let mut state = with_project();
    let quotas = Quotas { schema_versions: Some(2), ..Quotas::default() };
    accept(&mut state, bound(quotas));
    accept(&mut state, create_schema(&schema("p", "s")));
    let revision = state.revision();
    accept(&mut state, update_schema(&schema("p", "s"), revision));
    let usage = state.usage(&project("p"));
    assert_eq!(usage.schema_versions, 2);
    assert!(usage.schema_bytes > 0);
    let revision = state.revision();
    assert_eq!(
        reject(&mut state, update_schema(&schema("p", "s"), revision)),
        exceeded("schema_versions", 2, 2)
    );
    accept(&mut state, Command::DeleteSchema { id: schema("p", "s"), expected: None });
    assert_eq!(state.usage(&project("p")), crate::Usage::default());
    accept(&mut state, bound(Quotas { schema_bytes: Some(1), ..Quotas::default() }));
    assert_eq!(reject(&mut state, create_schema(&schema("p", "s"))), exceeded("schema_bytes", 1, 0));
}
