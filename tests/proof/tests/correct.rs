//! A correct model has no violations, for any interleaving of its clients.

use crate::run::{run, run_keeping};
use proof::{Operation, Outcome};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn a_correct_server_is_found_correct() {
    for seed in 0..30 {
        let report = run(seed, 150, None).check();
        assert!(report.violations.is_empty(), "seed {seed}: {report}");
        assert!(report.operations > 900, "seed {seed}: {}", report.operations);
    }
}

#[test]
fn a_correct_server_that_forgets_is_found_correct() {
    for seed in 0..30 {
        let run = run_keeping(seed, 150, None, Some(seed % 5 + 1));
        let report = run.check();
        assert!(report.violations.is_empty(), "seed {seed}: {report}");
        assert!(run.truth.pruned.len() > 5, "seed {seed}: {:?}", run.truth.pruned);
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let (one, two) = (run(5, 100, None), run(5, 100, None));
    let lines = |events: &[proof::Event]| events.iter().map(proof::Event::line).collect::<Vec<_>>();
    assert_eq!(lines(&one.events), lines(&two.events));
    assert_eq!(one.truth.line(), two.truth.line());
    assert_ne!(lines(&one.events), lines(&run(6, 100, None).events));
}

/// Asserts that each kind of outcome occurs; a check is meaningless without it.
#[test]
fn every_kind_of_answer_occurs() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for seed in 0..36 {
        let run = run_keeping(seed, 150, None, (seed % 3 == 0).then_some(4));
        kinds.extend(run.truth.keys.values().flatten().map(|one| one.kind.clone()));
        for event in &run.events {
            let what = match &event.operation {
                Operation::Put { .. } => "put",
                Operation::Delete { .. } => "delete",
                Operation::Rollback { .. } => "rollback",
                Operation::Schema { .. } => "schema",
                Operation::Transact { .. } => "transact",
                Operation::Past { .. } => "past",
                Operation::Get { .. } => "get",
                Operation::Old { .. } => "old",
                Operation::List { .. } => "list",
            };
            let how = match &event.outcome {
                Outcome::Pending => "pending".to_owned(),
                _ if event.replayed => "again".to_owned(),
                Outcome::Transacted { .. } if !event.operation.is_change() => "checked".to_owned(),
                Outcome::Written { .. } | Outcome::Registered { .. } | Outcome::Transacted { .. } => {
                    "done".to_owned()
                }
                Outcome::Found { .. } => "found".to_owned(),
                Outcome::Unchanged { .. } => "unchanged".to_owned(),
                Outcome::Listed { complete, pages } => format!("{complete} {}", pages.len().min(2)),
                Outcome::Refused { code, .. } => code.clone(),
                Outcome::Unknown { .. } => "unknown".to_owned(),
                Outcome::Unsent { .. } => "unsent".to_owned(),
                Outcome::Odd { .. } => "odd".to_owned(),
            };
            *seen.entry(format!("{what} {how}")).or_default() += 1;
        }
    }
    let wanted = [
        "put done",
        "put unknown",
        "put unsent",
        "put version_conflict",
        "put validation_failed",
        "put unknown_schema",
        "put no_leader",
        "delete done",
        "delete unknown",
        "delete config_not_found",
        "delete version_conflict",
        "rollback done",
        "rollback unknown",
        "rollback version_conflict",
        "rollback config_not_found",
        "rollback version_not_found",
        "rollback invalid_body",
        "rollback validation_failed",
        "put again",
        "put idempotency_key_reused",
        "delete again",
        "rollback again",
        "schema again",
        "transact done",
        "transact again",
        "transact checked",
        "transact unknown",
        "transact version_conflict",
        "transact validation_failed",
        "transact config_not_found",
        "transact idempotency_key_reused",
        "past found",
        "past config_not_found",
        "past history_pruned",
        "schema done",
        "schema unknown",
        "schema schema_version_conflict",
        "schema schema_breaks_documents",
        "get found",
        "get unchanged",
        "get config_not_found",
        "get behind",
        "old found",
        "old version_not_found",
        "list true 1",
        "list true 2",
        "list false 1",
        "list false 2",
    ];
    for wanted in wanted {
        assert!(seen.get(wanted).is_some_and(|count| *count >= 5), "{wanted} is too rare: {seen:#?}");
    }
    assert!(seen.keys().any(|what| what.ends_with(" pending")), "{seen:#?}");
    assert!(seen.keys().all(|what| !what.ends_with(" odd")), "{seen:#?}");
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}
