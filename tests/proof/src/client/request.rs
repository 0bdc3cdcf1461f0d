//! Conversion of operations to API requests.

use crate::operation::{Bind, Freshness, Guard, Operation, Part};
use crate::plan::{Scene, split};
use crate::wire::Request;
use serde_json::{Value, json};

/// The request of an operation. `contents` are the documents or the schema that it writes, in order.
pub(super) fn request(scene: &Scene, operation: &Operation, contents: &[Value]) -> Request {
    let content = contents.first();
    let config = |key: &str, rest: &str| scene.config(key, rest);
    match operation {
        Operation::Put { key, guard, bind, document } => {
            let mut body = json!({ "content": content, "message": document.serial.to_string() });
            bound(&mut body, bind);
            guarded(Request::new("PUT", config(key, "")).json(body), *guard)
        }
        Operation::Delete { key, guard } => guarded(Request::new("DELETE", config(key, "")), *guard),
        Operation::Rollback { key, guard, to, serial } => {
            let body = json!({ "to_version": to, "message": serial.to_string() });
            guarded(Request::new("POST", config(key, "/rollback")).json(body), *guard)
        }
        Operation::Schema { name, guard, .. } => {
            let path = scene.path(&format!("/schemas/{name}"));
            let request = Request::new("PUT", path).json(json!({ "schema": content }));
            guard.map_or(request.clone(), |version| guarded(request, Guard::Version(version)))
        }
        Operation::Transact { parts, serial } => {
            let mut contents = contents.iter();
            let operations: Vec<Value> = parts.iter().map(|part| step(part, &mut contents)).collect();
            let body = json!({ "operations": operations, "message": serial.to_string() });
            Request::new("POST", scene.path("/transactions")).json(body)
        }
        Operation::Past { key, revision, fresh } => {
            let path = config(key, "");
            Request::new("GET", format!("{path}{}", query(*fresh, vec![format!("revision={revision}")])))
        }
        Operation::Get { key, fresh, known, bare } => {
            let path = config(key, if *bare { "/content" } else { "" });
            let request = Request::new("GET", format!("{path}{}", query(*fresh, Vec::new())));
            match known {
                Some(version) => request.header("If-None-Match", format!("\"{version}\"")),
                None => request,
            }
        }
        Operation::Old { key, version, fresh } => {
            let path = config(key, &format!("/history/{version}"));
            Request::new("GET", format!("{path}{}", query(*fresh, Vec::new())))
        }
        Operation::List { prefix, page_size, content, fresh } => {
            let mut parameters = vec![format!("page_size={page_size}")];
            let (environment, prefix) = split(prefix);
            if !prefix.is_empty() {
                parameters.push(format!("prefix={prefix}"));
            }
            if *content {
                parameters.push("include=content".to_owned());
            }
            Request::new("GET", scene.configs(environment, &query(*fresh, parameters)))
        }
    }
}

/// A part of a transaction; a put takes the next of the contents.
fn step<'a>(part: &Part, contents: &mut impl Iterator<Item = &'a Value>) -> Value {
    let (Part::Check { at, .. } | Part::Put { at, .. } | Part::Delete { at, .. }) = part;
    let (environment, key) = split(part.key());
    let mut step = json!({
        "op": part.name(), "environment": environment, "key": key, "expected_version": at,
    });
    if let Part::Put { bind, .. } = part {
        step["content"] = contents.next().cloned().unwrap_or_default();
        bound(&mut step, bind);
    }
    step
}

fn bound(body: &mut Value, bind: &Bind) {
    match bind {
        Bind::Keep => {}
        Bind::Free => body["schema"] = Value::Null,
        Bind::Follow(name) => body["schema"] = json!({ "name": name }),
        Bind::Pin(pin) => body["schema"] = json!({ "name": pin.name, "version": pin.version }),
    }
}

/// The request for the next page of the list that `first` began.
pub(super) fn next_page(first: &Request, token: &str) -> Request {
    let path = format!("{}&page_token={token}", first.path);
    Request { path, ..first.clone() }
}

fn guarded(request: Request, guard: Guard) -> Request {
    match guard {
        Guard::Absent => request.header("If-None-Match", "*"),
        Guard::Present => request.header("If-Match", "*"),
        Guard::Version(version) => request.header("If-Match", format!("\"{version}\"")),
    }
}

/// The query string with the leading `?`; empty without parameters.
fn query(fresh: Freshness, mut parameters: Vec<String>) -> String {
    if fresh.stale {
        parameters.push("consistency=stale".to_owned());
    }
    if let Some(least) = fresh.min_revision {
        parameters.push(format!("min_revision={least}"));
    }
    if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
}
