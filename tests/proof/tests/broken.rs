//! Each bug of the model is detected as a violation of the expected rule.

use crate::model::Bug;
use crate::run::run_keeping;
use proof::Rule;

/// Asserts that runs with the bug violate `rule`; they may violate other rules too.
fn found(bug: Bug, rule: Rule) {
    found_keeping(bug, rule, None);
}

/// As [`found`], with a retention.
fn found_keeping(bug: Bug, rule: Rule, retention: Option<u64>) {
    let mut seen = Vec::new();
    for seed in 0..12 {
        let report = run_keeping(seed, 150, Some(bug), retention).check();
        if report.violations.iter().any(|violation| violation.rule == rule) {
            return;
        }
        seen.push(report.to_string());
    }
    panic!("{bug:?} was not found as {rule:?}: {seen:#?}");
}

macro_rules! bugs {
    ($($name:ident: $bug:ident => $($rule:ident),+;)*) => {
        $(#[test] fn $name() { $(found(Bug::$bug, Rule::$rule);)+ })*
    };
}

bugs! {
    a_forgotten_change: LostAck => Acknowledged;
    a_change_made_twice: DoubleApply => Once;
    a_stale_read: StaleRead => RealTime;
    an_old_version: OldContent => Read;
    an_ignored_precondition: GuardIgnored => Precondition;
    a_refused_change_that_happened: RefusedApplied => Refused;
    a_version_used_twice: VersionReused => Versions;
    a_version_left_out: VersionSkipped => Versions;
    a_list_without_a_key: ListMissing => List;
    a_list_that_moves: ListMoves => List;
    a_list_with_an_old_version: ListOld => List;
    a_document_that_was_not_checked: DocumentUnchecked => Schema;
    a_document_checked_against_the_past: DocumentCheckedLate => Schema;
    a_schema_that_was_not_checked: SchemaUnchecked => Schema;
    a_read_that_does_not_wait: MinRevisionIgnored => MinRevision, Session;
    a_conflict_with_a_wrong_version: ConflictWrong => Refusal;
    a_conflict_without_reason: ConflictInvented => Refusal;
    a_config_said_to_be_gone: GoneInvented => Refusal;
    a_good_document_refused: BadInvented => Refusal;
    a_good_schema_refused: BreaksInvented => Refusal;
    a_change_not_told: UnchangedInvented => Read;
    a_rollback_to_another_version: RollbackElsewhere => Content;
    a_torn_document: ContentTorn => Content, Acknowledged;
    a_deletion_by_nobody: DeletesAlone => Asked;
    a_promise_of_another_revision: AckElsewhere => Acknowledged;
    a_list_that_forgets: ListForgets => Account;
    an_answer_without_revision: FormBroken => Form;
    a_revision_used_twice: RevisionReused => Versions, RealTime;
    half_a_transaction: TransactionHalf => Whole, Acknowledged;
    a_transaction_at_two_revisions: TransactionSplit => Whole;
    a_check_that_is_not_made: CheckIgnored => Whole;
    a_part_refused_for_another: PartInvented => Refusal;
    a_key_that_is_forgotten: KeyForgotten => Replay, Once;
    another_answer_than_before: ReplayElsewhere => Replay, Acknowledged;
    a_key_for_two_requests: KeyShared => Form;
    a_key_that_nobody_used: KeyTaken => Replay;
    an_answer_again_to_the_first_request: ReplayInvented => Replay;
    a_past_that_was_not_so: PastElsewhere => Read;
}

#[test]
fn a_version_that_goes_too_early() {
    found_keeping(Bug::PrunedTooMuch, Rule::Kept, Some(3));
}

#[test]
fn a_version_that_is_gone_and_shown() {
    found_keeping(Bug::PrunedShown, Rule::Kept, Some(3));
}

#[test]
fn a_version_said_to_be_gone() {
    found_keeping(Bug::PrunedInvented, Rule::Refusal, Some(3));
}
