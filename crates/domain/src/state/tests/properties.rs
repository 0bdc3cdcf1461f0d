//! Properties of every sequence of commands, valid or not.

use super::rows;
use super::steps::{SECRETS, Step, all_schemas, hash, steps};
use crate::state::{State, evolve};
use crate::{Applied, AuditEntry, Digest, Event, KeyRef, Outcome, RowKey, Timestamp, Version};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Applies the steps to an empty state and passes each result to `check`, with the states before and after.
fn run(
    steps: &[Step],
    mut check: impl FnMut(&State, &Applied, &State) -> Result<(), TestCaseError>,
) -> Result<State, TestCaseError> {
    let mut state = State::default();
    for (number, step) in steps.iter().enumerate() {
        let before = state.clone();
        let stamped = step.stamped(&state, number);
        let applied = state.apply(&stamped);
        check(&before, &applied, &state)?;
    }
    Ok(state)
}

/// Fails unless the states are equal in all rows and all derived tables.
fn assert_same(left: &State, right: &State) -> Result<(), TestCaseError> {
    prop_assert_eq!(rows(left), rows(right));
    for secret in 0..SECRETS {
        prop_assert_eq!(left.api_key_by_hash(&hash(secret)), right.api_key_by_hash(&hash(secret)));
    }
    for name in ["p0", "p1"].map(super::project) {
        prop_assert_eq!(left.usage(&name), right.usage(&name));
        let configs = |state: &State| -> Vec<u32> {
            let of = |e: &crate::Environment| {
                state.configs_from(&e.id, Bound::Unbounded).map(|c| c.bytes).collect()
            };
            state.environments(&name).flat_map(|e| -> Vec<u32> { of(e) }).collect()
        };
        let (bytes, usage) = (configs(left), left.usage(&name));
        prop_assert_eq!(usage.documents, bytes.len() as u64);
        prop_assert_eq!(usage.bytes, bytes.into_iter().map(u64::from).sum::<u64>());
    }
    for id in all_schemas() {
        prop_assert_eq!(left.bound_count(&id), right.bound_count(&id));
        let bound = |state: &State| state.bound_configs(&id).cloned().collect::<Vec<_>>();
        prop_assert_eq!(bound(left), bound(right));
    }
    Ok(())
}

proptest! {
    #[test]
    fn replaying_events_gives_the_same_state(steps in steps()) {
        let mut replica = State::default();
        let state = run(&steps, |_, applied, _| {
            if let Some(committed) = &applied.committed {
                let audit = evolve(&mut replica, committed);
                prop_assert_eq!(Some(audit), applied.audit.clone());
            }
            Ok(())
        })?;
        assert_same(&state, &replica)?;
    }

    #[test]
    fn a_rejection_changes_nothing(steps in steps()) {
        run(&steps, |before, applied, after| match &applied.outcome {
            Outcome::Rejected { revision, .. } => {
                prop_assert!(applied.committed.is_none() && applied.audit.is_none());
                prop_assert_eq!(*revision, after.revision());
                assert_same(before, after)
            }
            Outcome::Replayed { .. } => {
                prop_assert!(applied.committed.is_none() && applied.audit.is_none());
                assert_same(before, after)
            }
            // A put that changed nothing.
            Outcome::Accepted { revision, .. } if applied.committed.is_none() => {
                prop_assert!(applied.audit.is_none());
                prop_assert_eq!(*revision, after.revision());
                assert_same(before, after)
            }
            Outcome::Accepted { revision, .. } => {
                prop_assert_eq!(*revision, before.revision().next());
                prop_assert_eq!(*revision, after.revision());
                Ok(())
            }
        })?;
    }

    #[test]
    fn rows_in_any_order_give_the_same_state(steps in steps(), order in any::<u64>()) {
        let state = run(&steps, |_, _, _| Ok(()))?;
        let mut shuffled: Vec<_> = state.rows().collect();
        shuffled.sort_by_key(|row| Digest::of(&[&order.to_be_bytes(), &row.key().to_bytes()]));
        let mut restored = State::default();
        for row in shuffled {
            restored.insert(row);
        }
        assert_same(&state, &restored)?;
    }

    /// The rows stored after a command are exactly the touched ones; a missing one would be lost.
    #[test]
    fn touched_rows_cover_every_change(steps in steps()) {
        let mut stored = BTreeMap::new();
        let state = run(&steps, |_, applied, after| {
            for key in applied.committed.iter().flat_map(crate::Committed::touched_rows) {
                match after.row(&key) {
                    Some(row) => stored.insert(key, row),
                    None => stored.remove(&key),
                };
            }
            let mut fresh = rows(after);
            if after.revision().0 == 0 {
                fresh.remove(&RowKey::Header);
            }
            prop_assert_eq!(&stored, &fresh);
            Ok(())
        })?;
        let bytes: BTreeSet<_> = state.rows().map(|row| row.key().to_bytes()).collect();
        prop_assert_eq!(bytes.len(), state.rows().count());
    }

    #[test]
    fn versions_never_repeat(steps in steps()) {
        let (mut configs, mut schemas) = (BTreeMap::new(), BTreeMap::new());
        run(&steps, |_, applied, _| {
            let Some(committed) = &applied.committed else { return Ok(()) };
            for found in committed.config_revisions() {
                let last = configs.insert(found.id.clone(), found.version).unwrap_or_default();
                prop_assert_eq!(found.version, last.next(), "{}", found.id);
            }
            for found in committed.schema_revisions() {
                let last = schemas.insert(found.id.clone(), found.version).unwrap_or_default();
                prop_assert_eq!(found.version, last.next(), "{:?}", found.id);
            }
            Ok(())
        })?;
    }

    #[test]
    fn two_replicas_agree(steps in steps()) {
        let mut other = State::default();
        let mut number = 0;
        let state = run(&steps, |before, applied, _| {
            let stamped = steps[number].stamped(before, number);
            number += 1;
            prop_assert_eq!(&other.apply(&stamped).outcome, &applied.outcome);
            Ok(())
        })?;
        assert_same(&state, &other)?;
        prop_assert_eq!(state.header().audit_head, other.header().audit_head);
    }

    #[test]
    fn the_audit_chain_verifies_until_it_is_touched(steps in steps(), flip in any::<prop::sample::Index>()) {
        let mut entries: Vec<AuditEntry> = Vec::new();
        let state = run(&steps, |_, applied, _| {
            entries.extend(applied.audit.clone());
            Ok(())
        })?;
        prop_assert!(verifies(&entries));
        let head = entries.last().map(|entry| entry.head).unwrap_or_default();
        prop_assert_eq!(head, state.header().audit_head);
        if entries.is_empty() {
            return Ok(());
        }
        let victim = flip.index(entries.len());
        let mut record = entries[victim].record.clone().into_bytes();
        let position = flip.index(record.len());
        record[position] ^= 1;
        let mut altered = entries.clone();
        altered[victim].record = String::from_utf8(record).expect("ASCII stays ASCII");
        prop_assert!(!verifies(&altered), "an altered record");
        let mut altered = entries.clone();
        altered[victim].head.0[position % 32] ^= 1;
        prop_assert!(!verifies(&altered), "an altered head");
        if victim + 1 < entries.len() {
            let mut altered = entries.clone();
            altered.remove(victim);
            prop_assert!(!verifies(&altered), "a missing entry");
            let mut altered = entries;
            altered.swap(victim, victim + 1);
            prop_assert!(!verifies(&altered), "entries in another order");
        }
    }

    /// A secret is valid from its creation until it is revoked, rotated out, or its project is deleted.
    #[test]
    fn keys_live_as_long_as_they_should(steps in steps()) {
        let mut alive: BTreeMap<Digest, (KeyRef, Option<Timestamp>)> = BTreeMap::new();
        run(&steps, |_, applied, after| {
            let Some(committed) = &applied.committed else { return Ok(()) };
            for event in &committed.events {
                match event {
                    Event::ApiKeyCreated { key } => {
                        alive.insert(key.hash, (key.key.clone(), None));
                    }
                    Event::ApiKeyRevoked { key } => alive.retain(|_, (known, _)| known != key),
                    Event::ApiKeyRotated { key, hash, previous_until, .. } => {
                        // Of the earlier secrets, at most the latest stays valid for an overlap.
                        let goes_on = |ends: &Option<Timestamp>| ends.is_none() && previous_until.is_some();
                        alive.retain(|_, (known, ends)| known != key || goes_on(ends));
                        let before = alive.values_mut().filter(|(known, _)| known == key);
                        before.for_each(|(_, ends)| *ends = *previous_until);
                        alive.insert(*hash, (key.clone(), None));
                    }
                    Event::ProjectDeleted { name } => {
                        alive.retain(|_, (known, _)| known.project.as_ref() != Some(name));
                    }
                    _ => {}
                }
            }
            for secret in 0..SECRETS {
                let found = after.api_key_by_secret(&hash(secret), committed.at).map(|key| &key.key);
                let known = alive.get(&hash(secret));
                let expected = known.filter(|(_, ends)| ends.is_none_or(|ends| committed.at < ends));
                prop_assert_eq!(found, expected.map(|(key, _)| key));
            }
            Ok(())
        })?;
    }

    /// A config that follows a schema was checked against the version that is current when its put or update
    /// is accepted.
    #[test]
    fn accepted_checks_are_fresh(steps in steps()) {
        let mut number = 0;
        run(&steps, |before, applied, after| {
            let stamped = steps[number].stamped(before, number);
            number += 1;
            for event in applied.committed.iter().flat_map(|committed| &committed.events) {
                if let Event::ConfigPut { id, binding: Some(binding), schema, .. } = event {
                    let series = before.schema(&id.schema_id(&binding.schema)).expect("it is bound to it");
                    let version = binding.pinned.unwrap_or(series.latest);
                    prop_assert!((series.first..=series.latest).contains(&version));
                    prop_assert_eq!(schema.as_ref().map(|schema| schema.version), Some(version));
                    let crate::Command::PutConfig { checked, .. } = &stamped.command else { continue };
                    prop_assert_eq!(checked, schema);
                }
                if let crate::Command::UpdateSchema { id, checked, .. } = &stamped.command {
                    let strict = after.schema(id).is_some_and(|s| s.mode == crate::SchemaMode::Strict);
                    let late = after.followers_after(id, None).any(|c| c.revision > *checked);
                    prop_assert!(!strict || !late, "a document put after the check follows the schema");
                }
            }
            Ok(())
        })?;
    }

    /// The followers of a schema are its bound configs without the pinned ones, from any start.
    #[test]
    fn followers_are_found_from_anywhere(steps in steps()) {
        let state = run(&steps, |_, _, _| Ok(()))?;
        for id in all_schemas() {
            let follows = |c: &&crate::Config| c.binding.as_ref().is_some_and(|b| b.pinned.is_none());
            let all: Vec<_> = state.bound_configs(&id).filter(follows).collect();
            prop_assert_eq!(&state.followers_after(&id, None).collect::<Vec<_>>(), &all);
            for (n, config) in all.iter().enumerate() {
                let rest: Vec<_> = state.followers_after(&id, Some(&config.id)).collect();
                prop_assert_eq!(&rest[..], &all[n + 1..]);
            }
            for since in 0..=state.revision().0 {
                let mut late: Vec<_> = all.iter().filter(|c| c.revision.0 > since).collect();
                late.sort_by_key(|config| (config.revision, config.id.clone()));
                let found: Vec<_> = state.followers_since(&id, crate::Revision(since)).collect();
                prop_assert_eq!(found.iter().collect::<Vec<_>>(), late);
            }
        }
    }

    /// No row refers to a deleted entity.
    #[test]
    fn nothing_is_orphaned(steps in steps()) {
        run(&steps, |_, _, after| {
            for (key, row) in rows(after) {
                match &row {
                    crate::Row::Environment(e) => prop_assert!(after.project(&e.id.project).is_some()),
                    crate::Row::Schema(s) => {
                        prop_assert!(after.project(&s.id.project).is_some());
                        for name in &s.uses {
                            let used = crate::SchemaId { name: name.clone(), ..s.id.clone() };
                            prop_assert!(after.schema(&used).is_some(), "{:?} is used", used);
                            prop_assert!(!after.schemas_lead_to(std::iter::once(used), &s.id), "{:?} leads back", s.id);
                        }
                    }
                    crate::Row::Config(c) => {
                        prop_assert!(after.environment(&c.id.environment_id()).is_some());
                        prop_assert!(after.retired_config(&c.id).is_none());
                        prop_assert!(c.version > Version(0));
                        prop_assert!(after.effective_schema(&c.id, c.binding.as_ref()).is_ok());
                    }
                    crate::Row::ApiKey(k) => {
                        prop_assert!(k.key.project.as_ref().is_none_or(|p| after.project(p).is_some()));
                    }
                    _ => {}
                }
                prop_assert_eq!(after.row(&key), Some(row));
            }
            Ok(())
        })?;
    }
}

fn verifies(entries: &[AuditEntry]) -> bool {
    let mut head = Digest::default();
    entries.iter().all(|entry| entry.follows(std::mem::replace(&mut head, entry.head)))
}
