//! A correct history modified in one place violates the expected rule; permitted unknown outcomes do not.

use crate::run::{Run, run};
use proof::{Event, Freshness, Guard, Operation, Outcome, Rule};

const SEED: u64 = 3;

/// The rules that the modified history violates.
fn spoilt(spoil: impl FnOnce(&mut Run)) -> Vec<Rule> {
    let mut run = run(SEED, 150, None);
    spoil(&mut run);
    let mut rules: Vec<Rule> = run.check().violations.iter().map(|violation| violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// The last event that satisfies the predicate.
fn last(run: &mut Run, is_so: impl Fn(&Event) -> bool) -> &mut Event {
    run.events.iter_mut().rev().find(|event| is_so(event)).expect("there is such an event")
}

fn acknowledged_put(event: &Event) -> bool {
    let put = matches!(event.operation, Operation::Put { .. }) && event.outcome.is_acknowledged();
    // Without a key, so that no other attempt explains it.
    put && event.token.is_none()
}

fn named_deletion(event: &Event) -> bool {
    let named = matches!(event.operation, Operation::Delete { guard: Guard::Version(_), .. });
    named && event.token.is_none() && event.outcome.is_acknowledged()
}

/// The first acknowledged deletion of a key without unknown deletions.
fn lonely_deletion(run: &mut Run) -> &mut Event {
    let is_deletion = |event: &&Event| matches!(event.operation, Operation::Delete { .. });
    let unknown = run.events.iter().filter(is_deletion).filter(|event| event.outcome.is_unknown());
    let keys: Vec<_> = unknown.filter_map(|event| event.operation.key().map(str::to_owned)).collect();
    let is_lonely =
        |event: &Event| event.operation.key().is_some_and(|key| keys.iter().all(|own| own != key));
    let found = run.events.iter_mut().find(|event| named_deletion(event) && is_lonely(event));
    found.expect("there is such an event")
}

fn found(event: &Event) -> bool {
    matches!(event.operation, Operation::Get { fresh: Freshness { stale: false, .. }, .. })
        && matches!(event.outcome, Outcome::Found { .. })
}

fn unknown() -> Outcome {
    Outcome::Unknown { why: "lost".to_owned() }
}

fn refused(status: u16, code: &str, revision: Option<u64>, current: Option<u64>) -> Outcome {
    Outcome::Refused { status, code: code.to_owned(), revision, current, part: None, failures: Vec::new() }
}

/// Moves an event behind all others.
fn at_the_end(event: &mut Event) {
    (event.begin, event.end) = (1_000_000, Some(1_000_001));
}

#[test]
fn an_acknowledgement_may_be_lost() {
    assert_eq!(spoilt(|run| last(run, acknowledged_put).outcome = unknown()), []);
    assert_eq!(spoilt(|run| last(run, acknowledged_put).outcome = Outcome::Pending), []);
    assert_eq!(spoilt(|run| last(run, named_deletion).outcome = unknown()), []);
}

#[test]
fn a_change_that_never_left_is_not_there() {
    let unsent = Outcome::Unsent { why: "refused".to_owned() };
    assert!(spoilt(|run| last(run, acknowledged_put).outcome = unsent).contains(&Rule::Refused));
}

#[test]
fn a_change_belongs_to_somebody() {
    let forget = |is_so: fn(&Event) -> bool| {
        spoilt(|run| {
            let number = last(run, is_so).number;
            run.events.retain(|event| event.number != number);
        })
    };
    let is_schema = |event: &Event| matches!(event.outcome, Outcome::Registered { .. });
    assert!(forget(acknowledged_put).contains(&Rule::Asked));
    assert!(forget(named_deletion).contains(&Rule::Asked));
    assert!(forget(is_schema).contains(&Rule::Asked));
}

#[test]
fn an_unknown_deletion_explains_only_what_it_could_have_done() {
    let elsewhere = spoilt(|run| {
        let event = lonely_deletion(run);
        event.outcome = unknown();
        if let Operation::Delete { guard: Guard::Version(version), .. } = &mut event.operation {
            *version += 1;
        }
    });
    assert!(elsewhere.contains(&Rule::Asked), "{elsewhere:?}");
    let too_late = spoilt(|run| {
        let event = lonely_deletion(run);
        event.outcome = unknown();
        at_the_end(event);
    });
    assert!(too_late.contains(&Rule::Asked), "{too_late:?}");
}

#[test]
fn a_change_is_later_than_what_was_shown_before() {
    assert!(spoilt(|run| at_the_end(last(run, acknowledged_put))).contains(&Rule::RealTime));
    let unknown_too = spoilt(|run| {
        let event = last(run, acknowledged_put);
        event.outcome = unknown();
        at_the_end(event);
    });
    assert!(unknown_too.contains(&Rule::RealTime), "{unknown_too:?}");
}

#[test]
fn a_read_shows_nothing_of_the_future() {
    let says = |spoil: &dyn Fn(&mut Event, u64), words: &str| {
        let mut run = run(SEED, 150, None);
        let end = run.truth.revision;
        spoil(last(&mut run, found), end);
        let report = run.check();
        let mut texts = report.violations.iter().filter(|violation| violation.rule == Rule::RealTime);
        assert!(texts.any(|violation| violation.text.contains(words)), "{words}: {report}");
    };
    says(&|event, _| (event.begin, event.end) = (0, Some(0)), "was asked for later");
    let beyond = |event: &mut Event, end: u64| {
        if let Outcome::Found { revision, .. } = &mut event.outcome {
            *revision = end + 1;
        }
        at_the_end(event);
    };
    says(&beyond, "but the end is revision");
}

#[test]
fn a_writer_saw_what_it_replaced() {
    let rules = spoilt(|run| {
        let saw = |event: &Event| {
            acknowledged_put(event)
                && matches!(&event.operation, Operation::Put { document, .. } if document.prev.is_some())
        };
        if let Operation::Put { document, .. } = &mut last(run, saw).operation {
            document.prev = Some(1);
        }
    });
    assert_eq!(rules, [Rule::Predecessor]);
}

#[test]
fn two_deletions_cannot_be_one() {
    let rules = spoilt(|run| {
        let mut twin = last(run, named_deletion).clone();
        twin.number = run.events.len();
        run.events.push(twin);
    });
    assert!(rules.contains(&Rule::Once), "{rules:?}");
}

#[test]
fn a_deletion_was_a_deletion() {
    let rules = spoilt(|run| {
        if let Outcome::Written { revision, .. } = &mut last(run, named_deletion).outcome {
            *revision += 1;
        }
    });
    assert!(rules.contains(&Rule::Acknowledged), "{rules:?}");
}

#[test]
fn a_schema_version_is_where_it_was_promised() {
    let is_schema = |event: &Event| matches!(event.outcome, Outcome::Registered { .. });
    let rules = spoilt(|run| {
        if let Outcome::Registered { version, .. } = &mut last(run, is_schema).outcome {
            *version += 100;
        }
    });
    assert!(rules.contains(&Rule::Acknowledged), "{rules:?}");
    let told = spoilt(|run| {
        if let Outcome::Registered { digest, .. } = &mut last(run, is_schema).outcome {
            digest.clear();
        }
    });
    assert_eq!(told, [Rule::Acknowledged]);
}

#[test]
fn only_what_can_be_is_refused() {
    for (status, code) in [(401, "unauthenticated"), (400, "invalid_json"), (409, "contended"), (413, "x")] {
        // The last operation can only meet one state.
        let rules = spoilt(|run| {
            let event = last(run, |event| matches!(event.outcome, Outcome::Unknown { .. }));
            event.outcome = refused(status, code, None, None);
            at_the_end(event);
        });
        assert!(rules.contains(&Rule::Refusal), "{status} {code}: {rules:?}");
    }
    let gone = spoilt(|run| last(run, found).outcome = refused(404, "project_not_found", None, None));
    assert_eq!(gone, [Rule::Refusal]);
    let slow = spoilt(|run| last(run, found).outcome = refused(503, "no_leader", None, None));
    assert_eq!(slow, []);
}

#[test]
fn a_refusal_that_says_its_revision_is_held_to_it() {
    let conflict = |event: &Event| {
        let code = "version_conflict";
        matches!(&event.outcome, Outcome::Refused { code: own, current: Some(2..), .. } if own == code)
    };
    let rules = spoilt(|run| {
        let born = run.truth.scene.born;
        if let Outcome::Refused { revision, .. } = &mut last(run, conflict).outcome {
            *revision = Some(born);
        }
    });
    assert_eq!(rules, [Rule::Refusal, Rule::RealTime].into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_refused_schema_change_names_who_is_in_its_way() {
    let breaks =
        |event: &Event| matches!(&event.outcome, Outcome::Refused { failures, .. } if !failures.is_empty());
    let spoil = |change: fn(&mut Vec<(String, u64)>)| {
        spoilt(|run| {
            if let Outcome::Refused { failures, .. } = &mut last(run, breaks).outcome {
                change(failures);
            }
        })
    };
    assert_eq!(spoil(Vec::clear), [Rule::Refusal]);
    assert_eq!(spoil(|failures| failures[0].1 += 1000), [Rule::Refusal]);
    assert_eq!(spoil(|failures| failures.push(("hot.0".to_owned(), 1))), [Rule::Refusal]);
}

#[test]
fn the_account_is_checked_too() {
    assert!(spoilt(|run| run.truth.faults.push("fault".to_owned())).contains(&Rule::Account));
    let twice = spoilt(|run| {
        let first = run.truth.list[0].clone();
        run.truth.list.push(first);
    });
    assert_eq!(twice, [Rule::Account]);
    let stranger = spoilt(|run| {
        let mut first = run.truth.list[0].clone();
        first.key = "stranger".to_owned();
        run.truth.list.push(first);
    });
    assert_eq!(stranger, [Rule::Account]);
    let digest = spoilt(|run| {
        let versions = run.truth.keys.values_mut().next().expect("a key");
        versions[0].claimed = Some("00".to_owned());
    });
    assert_eq!(digest, [Rule::Content]);
    let schema = |spoil: fn(&mut proof::SchemaVersion)| {
        spoilt(|run| {
            let versions = run.truth.schemas.values_mut().next().expect("a schema");
            spoil(versions.last_mut().expect("a version"));
        })
    };
    assert!(schema(|one| one.maximum = None).contains(&Rule::Content));
    assert!(schema(|one| one.digest.clear()).contains(&Rule::Content));
    assert!(schema(|one| one.version += 1).contains(&Rule::Versions));
    assert!(schema(|one| one.revision += 100_000).contains(&Rule::Versions));
}

#[test]
fn a_list_is_whole_pages_of_one_revision() {
    let is_long = |pages: &[proof::Page]| pages.len() > 1 && pages[0].items.len() > 1;
    let long = |event: &Event| matches!(&event.outcome, Outcome::Listed { pages, .. } if is_long(pages));
    let spoil = |change: fn(&mut Vec<proof::Page>, &mut bool)| {
        spoilt(|run| {
            if let Outcome::Listed { pages, complete } = &mut last(run, long).outcome {
                change(pages, complete);
            }
        })
    };
    assert_eq!(spoil(|_, complete| *complete = false), []);
    assert_eq!(spoil(|pages, _| pages[1].revision += 1), [Rule::List]);
    assert_eq!(spoil(|pages, _| pages.iter_mut().for_each(|page| page.items.reverse())), [Rule::List]);
    let merged = spoil(|pages, _| {
        let rest: Vec<_> = pages.drain(1..).flat_map(|page| page.items).collect();
        pages[0].items.extend(rest);
    });
    assert_eq!(merged, [Rule::List]);
    let repeated = spoil(|pages, _| {
        let again = pages[0].clone();
        pages.insert(0, again);
    });
    assert_eq!(repeated, [Rule::List]);
}

#[test]
fn an_odd_answer_is_reported() {
    let odd = Outcome::Odd { status: 200, why: "no items".to_owned() };
    assert_eq!(spoilt(|run| last(run, found).outcome = odd), [Rule::Form]);
}
