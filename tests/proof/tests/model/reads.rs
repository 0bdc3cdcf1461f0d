//! Reads in the model.

use super::http::{answer, named, problem};
use super::{Bug, Model, Row, SchemaRow};
use proof::{Request, Response, digest};
use rand::Rng as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Model {
    pub(super) fn read(&mut self, node: usize, parts: &[&str], query: &str, request: &Request) -> Response {
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let at = match self.view(node, &query) {
            Ok(at) => at,
            Err(refusal) => return refusal,
        };
        match parts {
            ["projects", _, "environments", _] => {
                answer(200, at, None, json!({ "revision": self.other.expect("it is there") }))
            }
            ["projects", _] => {
                let (_, revision) = self.project.clone().expect("the project is there");
                answer(200, at, None, json!({ "revision": revision }))
            }
            ["projects", _, "schemas", name] => {
                schema_answer(200, name, self.newest_schema(name).expect("the schema is there"), at)
            }
            ["projects", _, "schemas", name, "versions", version] => {
                let row = self.schemas[*name].iter().find(|row| row.version.to_string() == *version);
                row.map_or_else(|| problem(404, "version_not_found"), |row| schema_answer(200, name, row, at))
            }
            ["projects", _, "environments", env, "configs"] => self.list(env, &query, at),
            ["projects", _, "environments", env, "configs", key] => match query.get("revision") {
                Some(revision) => self.past(&named(env, key), revision.parse().expect("a revision"), at),
                None => self.get(&named(env, key), at, request, false),
            },
            ["projects", _, "environments", env, "configs", key, "content"] => {
                self.get(&named(env, key), at, request, true)
            }
            ["projects", _, "environments", env, "configs", key, "history"] => {
                let mut items: Vec<Value> =
                    self.rows(&named(env, key), at).map(|row| history_body(row, false)).collect();
                if items.is_empty() {
                    return problem(404, "config_not_found");
                }
                items.reverse();
                answer(200, at, None, json!({ "items": items, "next_page_token": "" }))
            }
            ["projects", _, "environments", env, "configs", key, "history", version] => {
                let key = named(env, key);
                if self.has(Bug::PrunedInvented) {
                    return problem(404, "version_not_found");
                }
                let from = if self.has(Bug::PrunedShown) { 1 } else { self.oldest(&key, at) };
                let rows = self.keys.get(&key).into_iter().flatten();
                let row = rows
                    .filter(|row| row.revision <= at && row.version >= from)
                    .find(|row| row.version.to_string() == *version);
                row.map_or_else(
                    || problem(404, "version_not_found"),
                    |row| answer(200, at, None, history_body(row, true)),
                )
            }
            ["cluster"] => {
                answer(200, at, None, json!({ "revision": at, "audit_head": format!("{at:064x}") }))
            }
            _ => problem(404, "route_not_found"),
        }
    }

    /// The revision that the read shows.
    fn view(&mut self, node: usize, query: &BTreeMap<&str, &str>) -> Result<u64, Response> {
        let least: u64 = query.get("min_revision").map_or(0, |text| text.parse().expect("a revision"));
        let stale = query.get("consistency") == Some(&"stale");
        if !stale && !self.has(Bug::StaleRead) {
            self.applied[node] = self.revision;
        }
        if self.applied[node] < least && !self.has(Bug::MinRevisionIgnored) {
            if least > self.revision || self.random.random_bool(0.2) {
                return Err(problem(503, "behind"));
            }
            self.applied[node] = self.random.random_range(least..=self.revision);
        }
        if self.project.as_ref().is_none_or(|(_, born)| *born > self.applied[node]) {
            return Err(problem(404, "project_not_found"));
        }
        Ok(self.applied[node])
    }

    fn rows<'a>(&'a self, key: &str, at: u64) -> impl Iterator<Item = &'a Row> {
        let oldest = self.oldest(key, at);
        let rows = self.keys.get(key).into_iter().flatten();
        rows.filter(move |row| row.revision <= at && row.version >= oldest)
    }

    /// The config at a revision, as far as its version is kept at the revision `at`.
    fn past(&mut self, key: &str, revision: u64, at: u64) -> Response {
        let from = if self.has(Bug::PastElsewhere) { revision.saturating_sub(9) } else { revision };
        let oldest = self.oldest(key, at);
        if oldest > self.newest(key, revision).map_or(1, |row| row.version) {
            return problem(410, "history_pruned");
        }
        match self.live(key, from) {
            Some(row) => answer(200, revision, Some(row.version), config_body(key, row)),
            None => problem(404, "config_not_found"),
        }
    }

    fn get(&mut self, key: &str, at: u64, request: &Request, bare: bool) -> Response {
        let from = if self.has(Bug::OldContent) { at.saturating_sub(6) } else { at };
        let gone = self.has(Bug::GoneInvented);
        let Some(row) = self.live(key, from).filter(|_| !gone).cloned() else {
            return problem(404, "config_not_found");
        };
        let known = request.headers.iter().find(|(name, _)| *name == "If-None-Match").map(|(_, tag)| tag);
        if known.is_some_and(|tag| *tag == format!("\"{}\"", row.version)) {
            return answer(304, at, Some(row.version), Value::Null);
        }
        if let Some(tag) = known.filter(|_| self.has(Bug::UnchangedInvented)) {
            return answer(304, at, tag.trim_matches('"').parse().ok(), Value::Null);
        }
        let body = if bare { row.content.clone().unwrap_or_default() } else { config_body(key, &row) };
        let mut reply = answer(200, at, Some(row.version), body);
        if self.has(Bug::FormBroken) {
            reply.headers.remove(0);
        }
        reply
    }

    fn list(&mut self, environment: &str, query: &BTreeMap<&str, &str>, now: u64) -> Response {
        let now = query.get("revision").map_or(now, |text| text.parse().expect("a revision"));
        let prefix = query.get("prefix").copied().unwrap_or_default();
        let size: usize = query.get("page_size").map_or(50, |text| text.parse().expect("a size"));
        let token = query.get("page_token").copied().filter(|token| !token.is_empty());
        let token = token.and_then(|token| token.split_once('~'));
        let (mut at, after) = token.map_or((now, ""), |(at, after)| (at.parse().expect("a revision"), after));
        let told = at;
        if token.is_some() && self.has(Bug::ListMoves) {
            at = self.revision;
        }
        if self.has(Bug::ListOld) {
            at = at.saturating_sub(5);
        }
        let content = query.get("include") == Some(&"content");
        let (prefix, after) = (named(environment, prefix), named(environment, after));
        let inside = |key: &&String| key.contains(':') == prefix.contains(':') && key.starts_with(&prefix);
        let keys = self.keys.keys().filter(inside).filter(|key| **key > after);
        let rows = keys.filter_map(|key| Some((key.clone(), self.live(key, at)?.clone())));
        let mut rows: Vec<(String, Row)> = rows.collect();
        let forgets = self.bug == Some(Bug::ListForgets) && !self.faults;
        if !rows.is_empty() && (forgets || self.has(Bug::ListMissing)) {
            rows.remove(self.random.random_range(0..rows.len()));
        }
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map_or(String::new(), |(key, _)| {
            format!("{told}~{}", key.split_once(':').map_or(key.as_str(), |(_, key)| key))
        });
        let item = |(key, row): &(String, Row)| {
            let mut body = config_body(key, row);
            if !content && let Some(members) = body.as_object_mut() {
                members.remove("content");
            }
            body
        };
        let items: Vec<Value> = rows.iter().map(item).collect();
        answer(200, told, None, json!({ "items": items, "next_page_token": next }))
    }
}

pub(super) fn config_body(key: &str, row: &Row) -> Value {
    let key = key.split_once(':').map_or(key, |(_, key)| key);
    json!({
        "key": key, "version": row.version, "revision": row.revision, "schema": row.schema,
        "message": row.message, "content": row.content,
    })
}

fn history_body(row: &Row, content: bool) -> Value {
    let mut body = json!({
        "version": row.version, "revision": row.revision, "kind": row.kind, "schema": row.schema,
        "message": row.message, "content_sha256": row.content.as_ref().map(digest),
    });
    if let Some(from) = row.from {
        body["from_version"] = from.into();
    }
    if content {
        body["content"] = row.content.clone().unwrap_or_default();
    }
    body
}

pub(super) fn schema_answer(status: u16, name: &str, row: &SchemaRow, revision: u64) -> Response {
    let body =
        json!({ "name": name, "version": row.version, "revision": row.revision, "schema": row.schema });
    answer(status, revision, Some(row.version), body)
}
