//! Retention and audit entries in the model.

use super::http::{answer, problem};
use super::{Bug, Model};
use proof::{Response, digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Model {
    pub(super) fn bound(&mut self, body: &Value) -> Response {
        self.retention = body["retention"]["versions"].as_u64();
        let revision = self.next_revision();
        answer(200, revision, None, json!({ "revision": revision, "retention": body["retention"] }))
    }

    pub(super) fn create_environment(&mut self) -> Response {
        if self.other.is_some() {
            return problem(409, "environment_exists");
        }
        let revision = self.next_revision();
        self.other = Some(revision);
        answer(201, revision, None, json!({ "revision": revision }))
    }

    /// Prunes versions beyond the retention.
    pub fn prune(&mut self) {
        let Some(retention) = self.retention else { return };
        let more = u64::from(self.has(Bug::PrunedTooMuch));
        let revision = self.revision + 1;
        let newest = |key: &String| self.keys[key].last().map_or(0, |row| row.version);
        let due = self.keys.keys().map(|key| (revision, key.clone(), newest(key) + 1 + more));
        let due = due.map(|(revision, key, end)| (revision, key, end.saturating_sub(retention)));
        let due: Vec<_> = due.filter(|(_, key, oldest)| *oldest > self.oldest(key, revision)).collect();
        if !due.is_empty() {
            self.next_revision();
            self.pruned.extend(due);
        }
    }

    /// The oldest kept version of a key at a revision.
    pub(super) fn oldest(&self, key: &str, revision: u64) -> u64 {
        let own = self.pruned.iter().filter(|(made, own, _)| own == key && *made <= revision);
        own.map(|(_, _, oldest)| *oldest).max().unwrap_or(1)
    }

    /// The audit entries about configs.
    pub fn records(&self) -> Vec<String> {
        let mut changes: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
        let resource = |key: &str| {
            let (environment, key) = key.split_once(':').unwrap_or(("default", key));
            format!("proof/{environment}/{key}")
        };
        for (key, rows) in &self.keys {
            for row in rows {
                let gone = row.kind == "delete";
                let schema = row.schema.as_ref().map(|pin| format!("{}@{}", pin.name, pin.version));
                changes.entry(row.revision).or_default().push(json!({
                    "action": if gone { "config.delete" } else { "config.put" }, "resource": resource(key),
                    "digest": row.content.as_ref().map(digest), "from_version": row.from,
                    "message": row.message, "schema": schema, "version": row.version,
                }));
            }
        }
        for (revision, key, oldest) in &self.pruned {
            let change = json!({ "action": "config.prune", "resource": resource(key), "version": oldest });
            changes.entry(*revision).or_default().push(change);
        }
        let record = |(revision, changes)| json!({ "revision": revision, "changes": changes }).to_string();
        changes.into_iter().map(record).collect()
    }
}
