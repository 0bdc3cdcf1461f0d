//! Changes in the model.

use super::http::{answer, problem};
use super::reads::{config_body, schema_answer};
use super::{Bug, Model, Row, SchemaRow};
use proof::{Bind, Guard, Request, Response, SchemaRef};
use rand::Rng as _;
use serde_json::{Value, json};

/// A document to write.
struct Write {
    guard: Guard,
    bind: Bind,
    message: String,
    content: Value,
    from: Option<u64>,
}

impl Model {
    pub(super) fn create_project(&mut self, body: &Value) -> Response {
        if self.project.is_some() {
            return problem(409, "project_exists");
        }
        let revision = self.next_revision();
        self.project = Some((body["name"].as_str().expect("a name").to_owned(), revision));
        answer(201, revision, None, json!({ "revision": revision }))
    }

    pub(super) fn create_schema(&mut self, body: &Value) -> Response {
        let name = body["name"].as_str().expect("a name").to_owned();
        if self.schemas.contains_key(&name) {
            return problem(409, "schema_exists");
        }
        let revision = self.next_revision();
        let row = SchemaRow { version: 1, revision, schema: body["schema"].clone() };
        let reply = schema_answer(201, &name, &row, revision);
        self.schemas.insert(name, vec![row]);
        reply
    }

    pub(super) fn change_schema(&mut self, name: &str, request: &Request, body: &Value) -> Response {
        let newest = self.newest_schema(name).expect("the schema is there").version;
        if let Some(Guard::Version(expected)) = guard(request)
            && expected != newest
        {
            let mut refusal = problem(412, "schema_version_conflict");
            refusal.body["current_version"] = newest.into();
            return refusal;
        }
        let schema = body["schema"].clone();
        let failures: Vec<Value> = self
            .keys
            .keys()
            .filter_map(|key| Some((key, self.live(key, self.revision)?)))
            .filter(|(_, row)| row.held == Bind::Follow(name.to_owned()))
            .filter(|(_, row)| !is_valid(&schema, row.content.as_ref()))
            .map(|(key, row)| {
                let (environment, key) = key.split_once(':').unwrap_or(("default", key));
                json!({ "environment": environment, "key": key, "version": row.version })
            })
            .collect();
        if !failures.is_empty() && !self.has(Bug::SchemaUnchecked) {
            let mut refusal = problem(422, "schema_breaks_documents");
            refusal.body["failures"] = failures.into();
            return refusal;
        }
        if self.has(Bug::BreaksInvented) {
            let mut refusal = problem(422, "schema_breaks_documents");
            refusal.body["failures"] = json!([{ "environment": "default", "key": "bound.0", "version": 1 }]);
            return refusal;
        }
        let revision = self.next_revision();
        let row = SchemaRow { version: newest + 1, revision, schema };
        let reply = schema_answer(200, name, &row, revision);
        self.schemas.entry(name.to_owned()).or_default().push(row);
        reply
    }

    pub(super) fn put(&mut self, key: &str, request: &Request, body: &Value) -> Response {
        let bind = bind(body);
        let guard = guard(request).expect("a precondition");
        let message = body["message"].as_str().expect("a message").to_owned();
        self.commit(key, Write { guard, bind, message, content: body["content"].clone(), from: None })
    }

    pub(super) fn rollback(&mut self, key: &str, request: &Request, body: &Value) -> Response {
        if self.live(key, self.revision).is_none() {
            return problem(404, "config_not_found");
        }
        let to = body["to_version"].as_u64().expect("a version");
        let elsewhere = if self.has(Bug::RollbackElsewhere) { to.saturating_sub(1).max(1) } else { to };
        let oldest = self.oldest(key, self.revision);
        let rows = self.keys.get(key).map_or(&[][..], Vec::as_slice);
        if to < oldest || !rows.iter().any(|row| row.version == to) {
            return problem(404, "version_not_found");
        }
        let content = rows.iter().find(|row| row.version == elsewhere).and_then(|row| row.content.clone());
        let Some(content) = content else { return problem(422, "invalid_body") };
        let guard = guard(request).expect("a precondition");
        let message = body["message"].as_str().expect("a message").to_owned();
        self.commit(key, Write { guard, bind: Bind::Keep, message, content, from: Some(to) })
    }

    pub(super) fn delete(&mut self, key: &str, request: &Request) -> Response {
        let current = self.live(key, self.revision).map(|row| row.version);
        if current.is_none() {
            return problem(404, "config_not_found");
        }
        if let Some(refusal) = self.conflict(guard(request).expect("a precondition"), current) {
            return refusal;
        }
        if self.has(Bug::LostAck) {
            return answer(204, self.revision, None, Value::Null);
        }
        let revision = self.delete_now(key);
        answer(204, revision, None, Value::Null)
    }

    /// A deletion without a request.
    pub(super) fn delete_alone(&mut self) {
        let live = self.keys.keys().find(|key| self.live(key, self.revision).is_some()).cloned();
        if let Some(key) = live {
            self.delete_now(&key);
        }
    }

    fn delete_now(&mut self, key: &str) -> u64 {
        let version = self.newest(key, self.revision).map_or(1, |row| row.version + 1);
        let revision = self.next_revision();
        let (message, held) = (String::new(), Bind::Free);
        let (from, schema, content) = (None, None, None);
        let row = Row { version, revision, kind: "delete", from, schema, held, message, content };
        self.keys.entry(key.to_owned()).or_default().push(row);
        revision
    }

    fn commit(&mut self, key: &str, write: Write) -> Response {
        let before = self.live(key, self.revision).cloned();
        let (held, schema) = self.held(&write.bind, before.as_ref());
        if let Some(refusal) = self.invalid(schema.as_ref(), &write.content) {
            return refusal;
        }
        if let Some(refusal) = self.conflict(write.guard, before.as_ref().map(|row| row.version)) {
            return refusal;
        }
        let mut next = self.newest(key, self.revision).map_or(1, |row| row.version + 1);
        if before.is_none() && self.has(Bug::VersionReused) {
            next = 1;
        } else if self.has(Bug::VersionSkipped) {
            next += 1;
        }
        let (existed, lost) = (before.is_some(), self.has(Bug::LostAck));
        let reused = self.has(Bug::RevisionReused);
        let revision = if lost { self.revision + 1 } else { self.next_revision() };
        let kind = match (existed, write.from) {
            (false, _) => "create",
            (true, Some(_)) => "rollback",
            (true, None) => "update",
        };
        let mut row = Row {
            version: next,
            revision: if reused { revision.saturating_sub(2) } else { revision },
            kind,
            from: write.from.filter(|_| existed),
            schema,
            held,
            message: write.message,
            content: Some(write.content),
        };
        let status = if write.guard == Guard::Absent { 201 } else { 200 };
        let told = if self.has(Bug::AckElsewhere) { row.revision + 1 } else { row.revision };
        let reply = answer(status, told, Some(row.version), config_body(key, &row));
        if lost {
            return reply;
        }
        if self.has(Bug::ContentTorn) {
            row.content = Some(json!({ "serial": row.message.parse::<u64>().expect("a number") }));
        }
        let rows = self.keys.entry(key.to_owned()).or_default();
        rows.push(row.clone());
        if self.has(Bug::DoubleApply) {
            let again =
                Row { version: row.version + 1, revision: self.next_revision(), kind: "update", ..row };
            self.keys.entry(key.to_owned()).or_default().push(again);
        }
        reply
    }

    /// The new binding, and the schema version that it resolves to.
    pub(super) fn held(&self, bind: &Bind, before: Option<&Row>) -> (Bind, Option<SchemaRef>) {
        let held = match bind {
            Bind::Keep => before.map_or(Bind::Free, |row| row.held.clone()),
            bind => bind.clone(),
        };
        let schema = match &held {
            Bind::Follow(name) => {
                let version = self.newest_schema(name).expect("the schema is there").version;
                Some(SchemaRef { name: name.clone(), version })
            }
            Bind::Pin(pin) => Some(pin.clone()),
            Bind::Keep | Bind::Free => None,
        };
        (held, schema)
    }

    /// The refusal of a document that violates its schema.
    pub(super) fn invalid(&mut self, schema: Option<&SchemaRef>, content: &Value) -> Option<Response> {
        if let Some(schema) = schema {
            let version = if self.has(Bug::DocumentCheckedLate) {
                schema.version.saturating_sub(1).max(1)
            } else {
                schema.version
            };
            let found = self.schemas[&schema.name].iter().find(|row| row.version == version).cloned();
            let Some(found) = found else { return Some(problem(422, "unknown_schema")) };
            if !is_valid(&found.schema, Some(content)) && !self.has(Bug::DocumentUnchecked) {
                return Some(problem(422, "validation_failed"));
            }
        }
        self.has(Bug::BadInvented).then(|| problem(422, "validation_failed"))
    }

    pub(super) fn conflict(&mut self, guard: Guard, current: Option<u64>) -> Option<Response> {
        let holds = match guard {
            Guard::Absent => current.is_none(),
            Guard::Present => current.is_some(),
            Guard::Version(version) => current == Some(version),
        };
        if holds && !self.has(Bug::ConflictInvented) || !holds && self.has(Bug::GuardIgnored) {
            return None;
        }
        let mut told = current.unwrap_or_default();
        if self.has(Bug::ConflictWrong) {
            told += self.random.random_range(1..3);
        }
        let mut refusal = problem(412, "version_conflict");
        refusal.body["current_version"] = told.into();
        Some(refusal)
    }
}

pub(super) fn bind(body: &Value) -> Bind {
    match body.get("schema") {
        None => Bind::Keep,
        Some(Value::Null) => Bind::Free,
        Some(schema) => {
            let name = schema["name"].as_str().expect("a name").to_owned();
            match schema["version"].as_u64() {
                None => Bind::Follow(name),
                Some(version) => Bind::Pin(SchemaRef { name, version }),
            }
        }
    }
}

fn guard(request: &Request) -> Option<Guard> {
    let header = |name| request.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str());
    match (header("If-None-Match"), header("If-Match")) {
        (Some("*"), None) => Some(Guard::Absent),
        (None, Some("*")) => Some(Guard::Present),
        (None, Some(tag)) => Some(Guard::Version(tag.trim_matches('"').parse().expect("a version"))),
        _ => None,
    }
}

fn is_valid(schema: &Value, content: Option<&Value>) -> bool {
    let limit = content.and_then(|content| content["limit"].as_u64());
    limit.zip(schema["properties"]["limit"]["maximum"].as_u64()).is_some_and(|(limit, most)| limit <= most)
}
