//! The committed `openapi.yaml` as a judge: every answer must be one that it documents.

use crate::{Answer, workspace};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// The members of an answer are exactly the documented ones, except in problems, whose codes add more.
const OPEN: &str = "Problem";

/// The contract.
#[derive(Debug)]
pub struct Contract {
    document: Value,
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// The committed contract, read once.
pub fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
        let path = workspace().join("openapi.yaml");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; make it with `guardian openapi`", path.display()));
        Contract::parse(&text)
    });
    &CONTRACT
}

impl Contract {
    /// Reads an `OpenAPI` 3.1 document.
    pub fn parse(text: &str) -> Self {
        let document: Value = yaml_serde::from_str(text).expect("openapi.yaml is YAML");
        assert!(
            document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")),
            "OpenAPI 3.1"
        );
        let mut components = document["components"].clone();
        close(&mut components);
        Self { document, components, validators: Mutex::default() }
    }

    /// Every documented operation: method in capitals, path template.
    pub fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.document["paths"].as_object().expect("there are paths");
        let of = |(path, item): (&String, &Value)| {
            let methods = item.as_object().into_iter().flatten().map(|(name, _)| name.to_uppercase());
            methods.map(|method| (method, path.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of).collect()
    }

    /// Panics unless the answer is one that the contract documents for the request.
    #[track_caller]
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        if let Err(fault) = self.judge(method, path, answer) {
            panic!(
                "{}: {} is not as openapi.yaml says: {fault}\n{}",
                answer.request,
                answer.status,
                shown(answer)
            );
        }
    }

    /// What the contract has against the answer.
    pub fn judge(&self, method: &str, path: &str, answer: &Answer) -> Result<(), String> {
        let (template, item) = self.path(path).ok_or("the path is not documented")?;
        let operation = &item[method.to_lowercase()];
        let responses = operation["responses"].as_object().ok_or("the method is not documented")?;
        let status = answer.status.to_string();
        let response = responses.get(&status).or_else(|| responses.get("default"));
        let response = self.resolve(response.ok_or("the status is not documented")?);
        headers(response, answer)?;
        let Some(content) = response["content"].as_object() else {
            return if answer.body.is_empty() { Ok(()) } else { Err("a body is not documented".to_owned()) };
        };
        let kind = answer.header("content-type").ok_or("there is no Content-Type")?;
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let media = content.get(kind).ok_or_else(|| format!("the type {kind} is not documented"))?;
        if kind == "application/x-ndjson" {
            for line in answer.text().lines() {
                let line: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
                self.body(&format!("{method} {template} line"), &media["schema"], &line)?;
            }
        } else if kind.ends_with("json") {
            let mut body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
            if answer.header("guardian-dry-run").is_some() && answer.status < 300 {
                let tried = tried(&mut body);
                self.body("dry run", &json!({ "$ref": "#/components/schemas/DryRun" }), &tried)?;
                if body == json!({}) {
                    return Ok(());
                }
            }
            self.body(&format!("{method} {template} {status} {kind}"), &media["schema"], &body)?;
        }
        if kind == "application/problem+json" {
            problem(answer)?;
            let code = answer.code();
            let listed = response["description"].as_str().unwrap_or_default().contains(&format!("`{code}`"));
            return if listed { Ok(()) } else { Err(format!("the code {code} is not documented here")) };
        }
        Ok(())
    }

    /// What a reference to a component refers to; anything else is itself.
    fn resolve<'a>(&'a self, part: &'a Value) -> &'a Value {
        let pointer = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.map_or(part, |pointer| self.document.pointer(pointer).unwrap_or(&Value::Null))
    }

    /// Panics unless the data of an event is what the contract documents for it.
    #[track_caller]
    pub fn check_event(&self, event: &str, data: &Value) {
        let schema = match event {
            "put" => "WatchPut",
            "delete" => "WatchDelete",
            "reset" if data.get("items").is_some() => "WatchReset",
            "bookmark" | "reset" | "synced" => "WatchBookmark",
            _ => panic!("there is no event {event}"),
        };
        let place = json!({ "$ref": format!("#/components/schemas/{schema}") });
        if let Err(fault) = self.body(schema, &place, data) {
            panic!("the event {event} is not as openapi.yaml says: {fault}\n{data}");
        }
    }

    fn body(&self, name: &str, schema: &Value, body: &Value) -> Result<(), String> {
        let validator = self.validator(name, schema)?;
        let errors: Vec<String> = validator
            .iter_errors(body)
            .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    fn validator(&self, name: &str, schema: &Value) -> Result<Arc<Validator>, String> {
        let mut known = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = known.get(name) {
            return Ok(validator.clone());
        }
        let whole = json!({ "allOf": [schema], "components": self.components });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let validator = options.build(&whole).map_err(|error| format!("the schema: {error}"))?;
        let validator = Arc::new(validator);
        known.insert(name.to_owned(), validator.clone());
        Ok(validator)
    }

    /// The most literal template that the path fits.
    fn path(&self, path: &str) -> Option<(&String, &Value)> {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |template: &str| {
            let (ours, theirs): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
            ours.len() == theirs.len()
                && ours.iter().zip(&theirs).all(|(own, part)| own == part || part.starts_with('{'))
        };
        let paths = self.document["paths"].as_object()?.iter();
        paths.filter(|(template, _)| fits(template)).min_by_key(|(template, _)| template.matches('{').count())
    }
}

/// Takes out what a dry run adds to a body: the schemas here are closed, and none has all of it.
fn tried(body: &mut Value) -> Value {
    let mut tried = serde_json::Map::new();
    for name in ["dry_run", "effects"] {
        if let Some((name, value)) = body.as_object_mut().and_then(|body| body.remove_entry(name)) {
            tried.insert(name, value);
        }
    }
    Value::Object(tried)
}

/// Checks what every problem has, documented or not.
pub(crate) fn problem(answer: &Answer) -> Result<(), String> {
    let body: Value = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    let text = |name: &str| body[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let code = text("code").ok_or("the problem has no code")?;
    text("title").ok_or("the problem has no title")?;
    text("detail").ok_or("the problem has no detail")?;
    if text("type") != Some(format!("/problems/{code}")) {
        return Err(format!("the type {} is not that of the code", body["type"]));
    }
    if body["status"] != answer.status {
        return Err(format!("the problem says status {}", body["status"]));
    }
    if text("instance").as_deref() != answer.header("x-request-id") {
        return Err(format!("the instance {} is not the X-Request-ID", body["instance"]));
    }
    Ok(())
}

/// Every documented header is there, except those that only some answers of a status have: an age only a
/// stale one, `Retry-After` only what can be tried again; a dry run makes nothing that has a tag or a place.
fn headers(response: &Value, answer: &Answer) -> Result<(), String> {
    let documented = response["headers"].as_object().into_iter().flatten().map(|(name, _)| name);
    for name in documented {
        let expected = match name.to_lowercase().as_str() {
            "retry-after" => answer.status == 503,
            // A server need not have limits, and what is refused before anyone knows who asks counts for none.
            "idempotent-replayed" | "guardian-dry-run" | "ratelimit" | "ratelimit-policy" => false,
            "etag" | "location" => answer.header("guardian-dry-run").is_none(),
            "guardian-stale-for-ms" => answer.header("guardian-consistency") == Some("stale"),
            _ => true,
        };
        if expected && answer.header(name).is_none() {
            return Err(format!("the header {name} is missing"));
        }
    }
    if answer.header("x-request-id").is_none_or(str::is_empty) {
        return Err("X-Request-ID is missing".to_owned());
    }
    Ok(())
}

/// Refuses members that are not documented, in every schema that is not a part of another one.
fn close(components: &mut Value) {
    let mut parts = BTreeSet::new();
    collect_parts(components, &mut parts);
    let schemas = components["schemas"].as_object_mut().expect("there are schemas");
    for (name, schema) in schemas {
        let is_object = schema["type"] == "object" || schema["allOf"].is_array();
        if is_object && name != OPEN && !parts.contains(&format!("#/components/schemas/{name}")) {
            let members: &mut Map<String, Value> = schema.as_object_mut().expect("a schema is an object");
            members.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        }
    }
}

/// Which schemas others are put together from.
fn collect_parts(value: &Value, parts: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let all = members.get("allOf").and_then(Value::as_array).into_iter().flatten();
            parts.extend(all.filter_map(|part| part["$ref"].as_str()).map(str::to_owned));
            members.values().for_each(|inner| collect_parts(inner, parts));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_parts(inner, parts)),
        _ => {}
    }
}

fn shown(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).chars().take(4000).collect()
}
