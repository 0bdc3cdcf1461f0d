//! Documents and schemas: the history is replayed and validated without a schema library.
//!
//! A binding follows the newest version of a schema or is pinned to one. Histories do not state which; the
//! operations that made the versions do.

use super::commits::Commits;
use super::report::{Findings, Rule};
use super::world::World;
use crate::document::satisfies;
use crate::operation::{Bind, Effect, SchemaRef};
use crate::truth::Version;
use std::collections::BTreeMap;

/// The binding of a version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Held {
    /// No binding.
    Free,
    /// Follows the newest version of a schema.
    Follow(String),
    /// Pinned to one version.
    Pin(SchemaRef),
    /// Unknown, because the writer is unknown.
    Unknown,
}

/// The binding of each version of each key.
pub(super) struct Bindings<'a>(BTreeMap<(&'a str, u64), Held>);

impl<'a> Bindings<'a> {
    pub(super) fn replay(world: &World<'a>, commits: &Commits<'_>) -> Self {
        let mut bindings = BTreeMap::new();
        for (key, versions) in &world.truth.keys {
            let mut held = Held::Free;
            for one in versions {
                held = if one.is_live() {
                    let event = commits.of(key, one.version);
                    match event.and_then(|event| event.operation.effect_on(key)) {
                        Some((_, Effect::Put(bind, _))) => after(bind, held),
                        Some((_, Effect::Rollback(_))) => held,
                        _ => Held::Unknown,
                    }
                } else {
                    Held::Free
                };
                bindings.insert((key.as_str(), one.version), held.clone());
            }
        }
        Self(bindings)
    }

    /// The binding of a version; an absent config has none.
    pub(super) fn of(&self, key: &str, version: Option<&Version>) -> Held {
        let live = version.filter(|version| version.is_live());
        live.map_or(Held::Free, |one| self.0.get(&(key, one.version)).cloned().unwrap_or(Held::Unknown))
    }
}

/// The binding after a write.
pub(super) fn after(bind: &Bind, before: Held) -> Held {
    match bind {
        Bind::Keep => before,
        Bind::Free => Held::Free,
        Bind::Follow(name) => Held::Follow(name.clone()),
        Bind::Pin(pin) => Held::Pin(pin.clone()),
    }
}

impl Held {
    /// The schema version of the binding at a revision; `Err` if it is unknown.
    pub(super) fn means(&self, world: &World<'_>, revision: u64) -> Result<Option<SchemaRef>, ()> {
        match self {
            Self::Free => Ok(None),
            Self::Pin(pin) => Ok(Some(pin.clone())),
            Self::Follow(name) => {
                let version = world.newest_schema(name, revision).ok_or(())?.version;
                Ok(Some(SchemaRef { name: name.clone(), version }))
            }
            Self::Unknown => Err(()),
        }
    }
}

/// Whether a document satisfies a schema version; true for versions not made by this crate.
pub(super) fn is_satisfied(world: &World<'_>, schema: &SchemaRef, limit: Option<u64>) -> bool {
    let version = world.schema_version(&schema.name, schema.version);
    version.and_then(|one| one.maximum).is_none_or(|maximum| satisfies(limit, maximum))
}

pub(super) fn check(world: &World<'_>, bindings: &Bindings<'_>, findings: &mut Findings) {
    for (key, versions) in &world.truth.keys {
        for one in versions.iter().filter(|one| one.is_live()) {
            check_written(world, bindings, key, one, findings);
        }
    }
    for (name, versions) in &world.truth.schemas {
        for schema in versions {
            let pin = SchemaRef { name: name.clone(), version: schema.version };
            if schema.maximum.is_none() {
                let text = format!("schema {name} version {} is not as anybody wrote it", schema.version);
                findings.add(Rule::Content, text);
            }
            for key in world.truth.keys.keys() {
                let Some(one) = world.live(key, schema.revision) else { continue };
                let follows = bindings.of(key, Some(one)) == Held::Follow(name.clone());
                let limit = one.content.as_ref().and_then(|content| content.limit);
                if follows && !is_satisfied(world, &pin, limit) {
                    let (version, revision) = (schema.version, schema.revision);
                    let text = format!(
                        "revision {revision}, which made schema {name} version {version} (maximum {:?}), left \
                         {key} version {} with limit {limit:?}",
                        schema.maximum, one.version
                    );
                    findings.add(Rule::Schema, text);
                }
            }
        }
    }
}

/// A document satisfies its schema version at the time of the write, and names it.
fn check_written(
    world: &World<'_>,
    bindings: &Bindings<'_>,
    key: &str,
    one: &Version,
    findings: &mut Findings,
) {
    let limit = one.content.as_ref().and_then(|content| content.limit);
    let named = format!("{key} version {} (revision {})", one.version, one.revision);
    if let Ok(meant) = bindings.of(key, Some(one)).means(world, one.revision)
        && meant != one.schema
    {
        let text = format!("{named} is held to {meant:?}, but was checked against {:?}", one.schema);
        findings.add(Rule::Schema, text);
    }
    let Some(schema) = &one.schema else { return };
    let there = world.schema_version(&schema.name, schema.version);
    if there.is_none_or(|there| there.revision > one.revision) {
        findings.add(Rule::Schema, format!("{named} names {schema:?}, which was not there"));
    } else if !is_satisfied(world, schema, limit) {
        findings.add(Rule::Schema, format!("{named} has limit {limit:?} and breaks {schema:?}"));
    }
}
