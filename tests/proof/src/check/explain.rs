//! Whether some reachable state explains a refusal.

use super::changes::holds;
use super::schemas::{Bindings, Held, after, is_satisfied};
use super::world::World;
use crate::document::satisfies;
use crate::event::{Event, Outcome};
use crate::operation::{Bind, Guard, Operation, Part, SchemaRef};
use crate::truth::Version;

/// The states that an operation may have met: the revisions from `low` to `high`.
pub(super) struct Met<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) bindings: &'a Bindings<'a>,
    pub(super) low: u64,
    pub(super) high: u64,
}

/// Whether one of the states explains the refusal.
pub(super) fn explains(met: &Met<'_>, event: &Event) -> bool {
    let Outcome::Refused { code, current, part, failures, .. } = &event.outcome else { return true };
    let operation = &event.operation;
    if ["project_not_found", "environment_not_found"].contains(&code.as_str()) {
        // Both existed before the clients began; only a stale read may be older.
        let about = match operation {
            Operation::List { prefix, .. } => prefix,
            operation => operation.key().unwrap_or_default(),
        };
        return met.low < met.world.truth.scene.born(about);
    }
    if event.token.is_some() && ["idempotency_key_reused", "history_pruned"].contains(&code.as_str()) {
        // Checked by another rule.
        return true;
    }
    match operation {
        Operation::Put { key, guard, bind, document } => match code.as_str() {
            "version_conflict" => met.conflict(key, *guard, *current),
            "validation_failed" => met.fails(key, bind, document.limit),
            "unknown_schema" => met.unknown(bind),
            "contended" => met.changed(Some(key)),
            _ => false,
        },
        Operation::Delete { key, guard } => match code.as_str() {
            "version_conflict" => met.conflict(key, *guard, *current),
            "config_not_found" => met.absent(key),
            _ => false,
        },
        Operation::Rollback { key, guard, to, .. } => match code.as_str() {
            "version_conflict" => met.conflict(key, *guard, *current),
            "config_not_found" => met.absent(key),
            "version_not_found" => met.missing(key, *to),
            "invalid_body" => met.world.version(key, *to).is_some_and(|one| !one.is_live()),
            "validation_failed" => {
                let content = met.world.version(key, *to).and_then(|one| one.content.as_ref());
                content.is_some_and(|content| met.fails(key, &Bind::Keep, content.limit))
            }
            "contended" => met.changed(Some(key)),
            _ => false,
        },
        Operation::Schema { name, guard, maximum, .. } => match code.as_str() {
            "schema_version_conflict" => met.schema_conflict(name, *guard, *current),
            "schema_breaks_documents" => met.breaks(name, *maximum, failures),
            // A document that follows the schema was written, or a sibling version was registered.
            "contended" => met.changed(None),
            _ => false,
        },
        Operation::Transact { parts, .. } => met.transaction(parts, *part, code, *current),
        Operation::Get { key, .. } => code == "config_not_found" && met.absent(key),
        Operation::Old { key, version, .. } => code == "version_not_found" && met.missing(key, *version),
        Operation::Past { key, revision, .. } => met.past(key, *revision, code),
        Operation::List { .. } => false,
    }
}

impl Met<'_> {
    /// Whether the predicate holds for some state of the key and the schemas.
    fn any(&self, key: &str, is_so: impl Fn(u64, Option<&Version>) -> bool) -> bool {
        let moments = self.world.moments([key], self.low, self.high);
        moments.into_iter().any(|revision| is_so(revision, self.world.newest(key, revision)))
    }

    fn absent(&self, key: &str) -> bool {
        self.any(key, |_, newest| newest.is_none_or(|one| !one.is_live()))
    }

    /// Whether the version was missing in the oldest state, or pruned in the newest.
    fn missing(&self, key: &str, version: u64) -> bool {
        let not_yet = self.world.version(key, version).is_none_or(|one| one.revision > self.low);
        self.low <= self.high && (not_yet || self.gone(key, version))
    }

    /// Whether the version was pruned in the newest state.
    fn gone(&self, key: &str, version: u64) -> bool {
        version < self.world.oldest(key, self.high)
    }

    /// Whether the config was absent at that revision, or its version then is pruned.
    fn past(&self, key: &str, revision: u64, code: &str) -> bool {
        let was = self.world.newest(key, revision);
        let gone = self.world.oldest(key, self.high) > was.map_or(1, |was| was.version);
        match code {
            "config_not_found" => was.is_none_or(|was| !was.is_live()),
            "history_pruned" => gone,
            _ => false,
        }
    }

    /// Whether some state explains the refusal of the part. All preconditions are compared on one state.
    fn transaction(&self, parts: &[Part], part: Option<usize>, code: &str, current: Option<u64>) -> bool {
        if code == "contended" {
            return parts.iter().any(|part| self.changed(Some(part.key())));
        }
        let Some(refused) = part.and_then(|part| parts.get(part)) else { return false };
        let before = &parts[..part.unwrap_or_default()];
        let keys = before.iter().chain([refused]).map(Part::key);
        let moments = self.world.moments(keys, self.low, self.high);
        let mut with_all_before = moments.into_iter().filter(|revision| {
            before.iter().all(|part| holds(part.guard(), self.world.newest(part.key(), *revision)))
        });
        let live = |revision: u64| self.world.live(refused.key(), revision).map_or(0, |one| one.version);
        match (code, refused) {
            ("version_conflict", _) => with_all_before.any(|revision| {
                let newest = self.world.newest(refused.key(), revision);
                Some(live(revision)) == current && !holds(refused.guard(), newest)
            }),
            ("config_not_found", Part::Delete { .. }) => with_all_before.any(|revision| live(revision) == 0),
            ("validation_failed", Part::Put { key, bind, document, .. }) => {
                self.fails(key, bind, document.limit)
            }
            ("unknown_schema", Part::Put { bind, .. }) => self.unknown(bind),
            _ => false,
        }
    }

    fn conflict(&self, key: &str, guard: Guard, current: Option<u64>) -> bool {
        let Some(current) = current else { return false };
        self.any(key, |_, newest| {
            let live = newest.filter(|one| one.is_live()).map_or(0, |one| one.version);
            live == current && !holds(guard, newest)
        })
    }

    fn schema_conflict(&self, name: &str, guard: Option<u64>, current: Option<u64>) -> bool {
        guard.is_some()
            && guard != current
            && self
                .world
                .moments([], self.low, self.high)
                .into_iter()
                .any(|revision| self.world.newest_schema(name, revision).map(|one| one.version) == current)
    }

    /// Whether the document violates its schema version in some state.
    fn fails(&self, key: &str, bind: &Bind, limit: Option<u64>) -> bool {
        self.any(key, |revision, newest| {
            let held = after(bind, self.bindings.of(key, newest));
            match held.means(self.world, revision) {
                Ok(None) => false,
                Ok(Some(schema)) => {
                    self.there(&schema, revision) && !is_satisfied(self.world, &schema, limit)
                }
                // The schema version of the document is unknown.
                Err(()) => true,
            }
        })
    }

    fn unknown(&self, bind: &Bind) -> bool {
        matches!(bind, Bind::Pin(pin) if self.low <= self.high && !self.there(pin, self.low))
    }

    fn there(&self, schema: &SchemaRef, revision: u64) -> bool {
        let version = self.world.schema_version(&schema.name, schema.version);
        version.is_some_and(|one| one.revision <= revision)
    }

    /// Whether an input of the check changed in between: the key (any key, for a schema) or a schema. The
    /// number of changes that lead to the refusal is not specified.
    fn changed(&self, key: Option<&str>) -> bool {
        let inside = |revision: u64| self.low < revision && revision <= self.high;
        let mut schemas = self.world.truth.schemas.values().flatten();
        let mut keys = self.world.truth.keys.iter().filter(|(own, _)| key.is_none_or(|key| key == *own));
        schemas.any(|one| inside(one.revision))
            || keys.any(|(_, versions)| versions.iter().any(|one| inside(one.revision)))
    }

    /// Whether in some state all named documents had these versions, followed the schema, and violate its new
    /// version. Other documents are not considered: after a conflict only changed ones are checked again.
    fn breaks(&self, name: &str, maximum: u64, failures: &[(String, u64)]) -> bool {
        let (mut low, mut high) = (self.low, self.high);
        for (key, version) in failures {
            let Some(one) = self.world.version(key, *version) else { return false };
            let follows = self.bindings.of(key, Some(one));
            let right = follows == Held::Follow(name.to_owned()) || follows == Held::Unknown;
            let limit = one.content.as_ref().and_then(|content| content.limit);
            if !right || satisfies(limit, maximum) {
                return false;
            }
            low = low.max(one.revision);
            let next = self.world.version(key, version + 1);
            high = next.map_or(high, |next| high.min(next.revision - 1));
        }
        !failures.is_empty() && low <= high
    }
}
