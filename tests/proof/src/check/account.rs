//! Checks of the cluster's account alone: versions without gaps, ordered revisions, no contradictions.

use super::commits::Commits;
use super::report::{Findings, Rule};
use super::world::World;
use crate::truth::Version;
use std::collections::BTreeMap;

pub(super) fn check(world: &World<'_>, commits: &Commits<'_>, findings: &mut Findings) {
    let truth = world.truth;
    for fault in &truth.faults {
        findings.add(Rule::Account, fault.clone());
    }
    for (key, versions) in &truth.keys {
        let named = |at: usize| format!("{key} version {}", versions[at].version);
        for (at, one) in versions.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| &versions[at]);
            check_step(&named(at), at as u64 + 1, before, one, findings);
        }
    }
    for (name, versions) in &truth.schemas {
        for (at, one) in versions.iter().enumerate() {
            let is_next = one.version == at as u64 + 1;
            let grows = at.checked_sub(1).is_none_or(|at| versions[at].revision < one.revision);
            if !is_next || !grows {
                let (version, revision) = (one.version, one.revision);
                let text =
                    format!("schema {name}: version {version} at revision {revision} is number {}", at + 1);
                findings.add(Rule::Versions, text);
            }
        }
    }
    check_unique(world, commits, findings);
    check_list(world, findings);
}

fn check_step(named: &str, number: u64, before: Option<&Version>, one: &Version, findings: &mut Findings) {
    if one.version != number {
        findings.add(Rule::Versions, format!("{named} is number {number} of its key"));
    }
    if let Some(before) = before.filter(|before| before.revision >= one.revision) {
        let (later, earlier) = (one.revision, before.revision);
        findings.add(Rule::Versions, format!("{named} is of revision {later}, its predecessor of {earlier}"));
    }
    let existed = before.is_some_and(Version::is_live);
    let fits = match one.kind.as_str() {
        "create" => !existed,
        "update" | "rollback" | "delete" => existed,
        _ => false,
    };
    if !fits {
        let text = format!("{named} is a {}, and the key existed before: {existed}", one.kind);
        findings.add(Rule::Versions, text);
    }
    let digest = one.content.as_ref().map(|content| &content.digest);
    if one.claimed.as_ref() != digest {
        let text = format!("{named}: the document's digest is {digest:?}, not {:?}", one.claimed);
        findings.add(Rule::Content, text);
    }
}

/// Each revision is one change, possibly of several configs; none is later than the account's revision.
fn check_unique(world: &World<'_>, commits: &Commits<'_>, findings: &mut Findings) {
    let truth = world.truth;
    let mut seen: BTreeMap<u64, (String, Option<usize>)> = BTreeMap::new();
    let keys = truth.keys.iter().flat_map(|(key, versions)| {
        versions.iter().map(move |one| {
            let event = commits.of(key, one.version).map(|event| event.number);
            (one.revision, format!("{key} version {}", one.version), event)
        })
    });
    let schemas = truth.schemas.iter().flat_map(|(name, versions)| {
        versions.iter().map(move |one| (one.revision, format!("schema {name} version {}", one.version), None))
    });
    for (revision, what, event) in keys.chain(schemas) {
        if revision <= truth.scene.born || revision > truth.revision {
            let (born, last) = (truth.scene.born, truth.revision);
            let text = format!("{what} is of revision {revision}, outside of {born} to {last}");
            findings.add(Rule::Versions, text);
        }
        match seen.get(&revision) {
            Some((other, by)) if event.is_none() || event != *by => {
                findings.add(Rule::Versions, format!("revision {revision} made both {other} and {what}"));
            }
            Some(_) => {}
            None => {
                seen.insert(revision, (what, event));
            }
        }
    }
}

/// The final list agrees with the histories.
fn check_list(world: &World<'_>, findings: &mut Findings) {
    let truth = world.truth;
    let mut listed: BTreeMap<&str, _> = BTreeMap::new();
    for shown in &truth.list {
        if listed.insert(shown.key.as_str(), shown).is_some() {
            findings.add(Rule::Account, format!("the list at the end shows {} twice", shown.key));
        }
    }
    for key in truth.keys.keys() {
        let live = world.live(key, truth.revision);
        let wrong = match (live, listed.remove(key.as_str())) {
            (None, None) => None,
            (Some(live), None) => Some(format!("version {} is missing", live.version)),
            (None, Some(shown)) => Some(format!("version {} is shown, but it is gone", shown.version)),
            (Some(live), Some(shown)) => live.differs(shown),
        };
        if let Some(wrong) = wrong {
            let revision = truth.revision;
            findings.add(Rule::Account, format!("{key}: the list at the end, revision {revision}: {wrong}"));
        }
    }
    for key in listed.keys() {
        findings.add(Rule::Account, format!("the list at the end shows {key}, which has no history"));
    }
}
