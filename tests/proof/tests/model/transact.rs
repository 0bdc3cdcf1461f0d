//! Transactions in the model: all parts are checked first, then written at one revision.

use super::changes::bind;
use super::http::{answer, named, problem};
use super::{Bug, Model, Row};
use proof::{Bind, Guard, Response};
use rand::Rng as _;
use serde_json::{Value, json};

impl Model {
    pub(super) fn transact(&mut self, body: &Value) -> Response {
        let operations = body["operations"].as_array().expect("operations").clone();
        let message = body["message"].as_str().expect("a message").to_owned();
        if let Some(refusal) = self.refused(&operations) {
            return refusal;
        }
        let writes = operations.iter().filter(|one| one["op"] != "check").count();
        let half =
            (writes > 1 && self.has(Bug::TransactionHalf)).then(|| self.random.random_range(0..writes));
        let split = self.has(Bug::TransactionSplit);
        let revision = if writes == 0 { self.revision } else { self.next_revision() };
        let (mut results, mut number) = (Vec::new(), 0);
        for operation in &operations {
            let mut version = operation["expected_version"].as_u64().expect("a version");
            if operation["op"] != "check" {
                let at = if split && number > 0 { self.next_revision() } else { revision };
                let row = self.row(operation, at, &message);
                version = row.version;
                if half != Some(number) {
                    self.keys.entry(key(operation)).or_default().push(row);
                }
                number += 1;
            }
            results.push(json!({
                "op": operation["op"], "environment": operation["environment"], "key": operation["key"],
                "version": version,
            }));
        }
        answer(200, revision, None, json!({ "revision": revision, "results": results }))
    }

    /// The first refusal: of a document, else of a precondition.
    fn refused(&mut self, operations: &[Value]) -> Option<Response> {
        for (number, operation) in operations.iter().enumerate().filter(|(_, one)| one["op"] == "put") {
            let before = self.live(&key(operation), self.revision).cloned();
            let (_, schema) = self.held(&bind(operation), before.as_ref());
            if let Some(refusal) = self.invalid(schema.as_ref(), &operation["content"]) {
                return Some(of_part(refusal, number));
            }
        }
        for (number, operation) in operations.iter().enumerate() {
            if operation["op"] == "check" && self.has(Bug::CheckIgnored) {
                continue;
            }
            let current = self.live(&key(operation), self.revision).map(|row| row.version);
            if operation["op"] == "delete" && current.is_none() {
                return Some(of_part(problem(404, "config_not_found"), number));
            }
            let guard = match operation["expected_version"].as_u64().expect("a version") {
                0 => Guard::Absent,
                version => Guard::Version(version),
            };
            if let Some(refusal) = self.conflict(guard, current) {
                let other = self.has(Bug::PartInvented);
                return Some(of_part(refusal, if other { number + 1 } else { number }));
            }
        }
        None
    }

    fn row(&self, operation: &Value, revision: u64, message: &str) -> Row {
        let key = key(operation);
        let version = self.newest(&key, self.revision).map_or(1, |row| row.version + 1);
        let before = self.live(&key, self.revision).cloned();
        let gone = operation["op"] == "delete";
        let (held, schema) =
            if gone { (Bind::Free, None) } else { self.held(&bind(operation), before.as_ref()) };
        let kind = match (gone, before.is_some()) {
            (true, _) => "delete",
            (false, true) => "update",
            (false, false) => "create",
        };
        let content = (!gone).then(|| operation["content"].clone());
        Row { version, revision, kind, from: None, schema, held, message: message.to_owned(), content }
    }
}

fn key(operation: &Value) -> String {
    let text = |member: &str| operation[member].as_str().expect("a name");
    named(text("environment"), text("key"))
}

fn of_part(mut refusal: Response, number: usize) -> Response {
    refusal.body["operation"] = number.into();
    refusal
}
