//! Modified accounts of the cluster are detected, with a message that states how.

use crate::run::{Run, run};
use proof::{Truth, Version};

/// Asserts that a violation of the modified account contains these words.
fn says(spoil: impl FnOnce(&mut Truth), words: &str) {
    let mut run: Run = run(4, 100, None);
    spoil(&mut run.truth);
    let report = run.check();
    assert!(report.violations.iter().any(|violation| violation.text.contains(words)), "{words}: {report}");
}

/// A version that satisfies the predicate.
fn version(truth: &mut Truth, is_so: impl Fn(&Version) -> bool) -> &mut Version {
    truth.keys.values_mut().flatten().find(|one| is_so(one)).expect("there is such a version")
}

#[test]
fn revisions_grow_with_versions() {
    let swap = |truth: &mut Truth| {
        let versions = truth.keys.values_mut().find(|versions| versions.len() > 1).expect("versions");
        let first = versions[0].revision;
        versions[0].revision = versions[1].revision;
        versions[1].revision = first;
    };
    says(swap, "its predecessor of");
}

#[test]
fn a_config_is_created_once() {
    says(|truth| version(truth, |one| one.kind == "update").kind = "create".to_owned(), "existed before");
    says(|truth| version(truth, |one| one.kind == "create").kind = "update".to_owned(), "existed before");
    says(|truth| version(truth, |one| one.kind == "update").kind = "other".to_owned(), "existed before");
}

#[test]
fn a_revision_is_one_change_of_this_history() {
    let reuse = |truth: &mut Truth| {
        let other = truth.schemas["limits-0"][1].revision;
        version(truth, |one| one.kind == "update").revision = other;
    };
    says(reuse, "made both");
    says(|truth| truth.scene.born = 1_000_000, "outside of");
    says(|truth| truth.revision -= 1, "outside of");
}

#[test]
fn the_first_floor_is_the_scene() {
    says(|truth| truth.scene.floor = 1_000_000, "after revision 1000000 was shown");
}

#[test]
fn a_document_names_the_schema_version_that_it_is_held_to() {
    says(|truth| version(truth, |one| one.schema.is_some()).schema = None, "but was checked against");
    let later = |truth: &mut Truth| {
        if let Some(schema) = &mut version(truth, |one| one.schema.is_some()).schema {
            schema.version += 1000;
        }
    };
    says(later, "which was not there");
}

#[test]
fn a_rollback_names_its_source() {
    says(|truth| version(truth, |one| one.kind == "rollback").from = Some(1000), "from Some(1000)");
    says(|truth| version(truth, |one| one.kind == "update").from = Some(1), "of another document");
}

#[test]
fn a_message_belongs_to_its_key() {
    let stranger = |truth: &mut Truth| {
        version(truth, |one| one.kind == "update").message = "a stranger".to_owned();
    };
    says(stranger, "by nobody");
    let moved = |truth: &mut Truth| {
        let versions = truth.keys.remove("hot.0").expect("a key");
        let others = truth.keys.insert("hot.1".to_owned(), versions).expect("another");
        truth.keys.insert("hot.0".to_owned(), others);
    };
    says(moved, "by nobody");
}
