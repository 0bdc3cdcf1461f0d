//! Transactions, retries and pruning: a modified history is detected.

use crate::run::{Run, run, run_keeping};
use proof::{Event, Operation, Outcome, Part, Pruned, Rule};

const KEPT: u64 = 3;

/// The rules that the modified history violates.
fn spoilt(mut run: Run, spoil: impl FnOnce(&mut Run)) -> Vec<Rule> {
    spoil(&mut run);
    let mut rules: Vec<Rule> = run.check().violations.iter().map(|violation| violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn with_retention() -> Run {
    run_keeping(2, 150, None, Some(KEPT))
}

/// The first event that satisfies the predicate.
fn first(run: &mut Run, is_so: impl Fn(&Event) -> bool) -> &mut Event {
    run.events.iter_mut().find(|event| is_so(event)).expect("there is such an event")
}

/// Whether the event is an acknowledged transaction with parts of both kinds.
fn done(event: &Event) -> bool {
    let Operation::Transact { parts, .. } = &event.operation else { return false };
    let checks = parts.iter().filter(|part| matches!(part, Part::Check { .. })).count();
    event.outcome.is_acknowledged() && event.token.is_none() && checks > 0 && parts.len() - checks > 1
}

#[test]
fn a_transaction_of_which_a_part_is_missing() {
    let rules = spoilt(run(3, 150, None), |run| {
        let event = first(run, done).clone();
        let Operation::Transact { parts, serial } = &event.operation else { return };
        let key = parts.iter().find(|part| matches!(part, Part::Put { .. })).map(Part::key).expect("a put");
        let versions = run.truth.keys.get_mut(key).expect("its versions");
        versions.retain(|one| one.message != serial.to_string());
    });
    assert!(rules.contains(&Rule::Whole), "{rules:?}");
}

#[test]
fn a_transaction_whose_check_did_not_hold() {
    let spoil = |run: &mut Run| {
        let Operation::Transact { parts, .. } = &mut first(run, done).operation else { return };
        for part in parts {
            if let Part::Check { at, .. } = part {
                *at += 1;
            }
        }
    };
    assert_eq!(spoilt(run(3, 150, None), spoil), [Rule::Acknowledged, Rule::Whole]);
}

#[test]
fn a_transaction_that_only_checks_what_is_not_so() {
    let rules = spoilt(run(3, 150, None), |run| {
        let checked = |event: &Event| {
            matches!(event.outcome, Outcome::Transacted { .. }) && !event.operation.is_change()
        };
        let event = first(run, checked);
        let Operation::Transact { parts, .. } = &mut event.operation else { return };
        let Some(Part::Check { at, .. }) = parts.first_mut() else { return };
        *at += 1;
    });
    assert!(rules.contains(&Rule::Whole), "{rules:?}");
}

#[test]
fn an_unknown_transaction_is_explained_by_the_account() {
    let unknown = |run: &mut Run| first(run, done).outcome = Outcome::Unknown { why: "lost".to_owned() };
    assert_eq!(spoilt(run(3, 150, None), unknown), []);
    let unsent = |run: &mut Run| first(run, done).outcome = Outcome::Unsent { why: "refused".to_owned() };
    assert!(spoilt(run(3, 150, None), unsent).contains(&Rule::Refused));
}

#[test]
fn a_repeated_request_is_answered_as_before() {
    let replayed = |event: &Event| event.replayed && matches!(event.operation, Operation::Put { .. });
    let silent = spoilt(run(3, 150, None), |run| first(run, replayed).replayed = false);
    assert_eq!(silent, [Rule::Replay, Rule::RealTime]);
    let refused = spoilt(run(3, 150, None), |run| {
        let (status, code) = (422, "idempotency_key_reused".to_owned());
        let (revision, current, part, failures) = (None, None, None, Vec::new());
        first(run, replayed).outcome = Outcome::Refused { status, code, revision, current, part, failures };
    });
    assert_eq!(refused, [Rule::Replay]);
    let invented = spoilt(run(3, 150, None), |run| {
        let fresh =
            |event: &Event| event.token.is_some() && event.outcome.is_acknowledged() && !event.replayed;
        first(run, fresh).replayed = true;
    });
    assert!(invented.contains(&Rule::Replay), "{invented:?}");
}

#[test]
fn a_key_does_one_thing() {
    let rules = spoilt(run(3, 150, None), |run| {
        let keyed = |event: &Event| event.token.is_some() && event.outcome.is_acknowledged();
        let token = first(run, keyed).token;
        let other = |event: &Event| keyed(event) && event.token != token;
        first(run, other).token = token;
    });
    assert!(rules.contains(&Rule::Replay), "{rules:?}");
}

#[test]
fn the_newest_versions_are_kept() {
    assert_eq!(spoilt(with_retention(), |_| {}), []);
    let more = |run: &mut Run| {
        let pruned = run.truth.pruned.values_mut().find_map(|pruned| pruned.last_mut()).expect("a pruning");
        pruned.oldest += 1;
    };
    assert!(spoilt(with_retention(), more).contains(&Rule::Kept));
    let fewer = |run: &mut Run| {
        let kept = run.truth.kept.values_mut().find(|kept| kept.len() as u64 == KEPT).expect("enough");
        kept.remove(0);
    };
    assert_eq!(spoilt(with_retention(), fewer), [Rule::Kept]);
    let gap = |run: &mut Run| {
        let kept = run.truth.kept.values_mut().find(|kept| kept.len() as u64 == KEPT).expect("enough");
        kept.remove(1);
    };
    assert_eq!(spoilt(with_retention(), gap), [Rule::Kept]);
}

#[test]
fn nothing_goes_where_everything_is_to_be_kept() {
    let rules = spoilt(run(3, 150, None), |run| {
        let (revision, key) = (run.truth.revision, "hot.0".to_owned());
        run.truth.pruned.insert(key, vec![Pruned { revision, oldest: 2 }]);
    });
    assert_eq!(rules, [Rule::Kept]);
}

#[test]
fn what_is_gone_is_said_to_be_gone_and_nothing_else() {
    let gone = |code: &'static str| {
        move |run: &mut Run| {
            let found = |event: &Event| {
                matches!(event.operation, Operation::Past { .. })
                    && matches!(event.outcome, Outcome::Found { .. })
            };
            let (revision, current, part, failures) = (None, None, None, Vec::new());
            let code = code.to_owned();
            first(run, found).outcome =
                Outcome::Refused { status: 410, code, revision, current, part, failures };
        }
    };
    assert_eq!(spoilt(run(3, 150, None), gone("history_pruned")), [Rule::Refusal]);
    assert_eq!(spoilt(run(3, 150, None), gone("config_not_found")), [Rule::Refusal]);
}

#[test]
fn what_could_be_read_is_what_was_sealed() {
    let recorded = |change: &dyn Fn(&str) -> String| {
        let mut run = run(3, 60, None);
        let records = run.records.iter().map(|record| change(record)).collect::<Vec<_>>();
        proof::complete(&mut run.truth, &records, &run.events);
        run.truth.faults.clone()
    };
    assert_eq!(recorded(&str::to_owned), [""; 0]);
    let other = recorded(&|record| record.replace("\"version\":2", "\"version\":3"));
    assert!(other.iter().any(|fault| fault.contains("is not sealed")), "{other:?}");
    let schema = recorded(&|record| record.replace("@1\"", "@2\""));
    assert!(schema.iter().any(|fault| fault.contains("is sealed as")), "{schema:?}");
    let broken = recorded(&|_| "{}".to_owned());
    assert!(broken.iter().any(|fault| fault.contains("without revision")), "{broken:?}");
}
