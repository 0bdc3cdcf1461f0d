//! Checks every response of any test against the API document: status, media type and body.

use crate::support::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&adapter_http::openapi_json()).expect("the document is JSON"));

/// The cached validator of a schema in the document.
fn validator(schema: &Value) -> Arc<Validator> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut validators = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || {
        let whole =
            json!({ "allOf": [schema], "components": { "schemas": DOCUMENT["components"]["schemas"] } });
        Arc::new(jsonschema::draft202012::new(&whole).expect("the document's schemas are valid"))
    };
    validators.entry(schema.to_string()).or_insert_with(make).clone()
}

/// Panics if the document does not permit this response to `method` on `route`.
#[track_caller]
pub fn check(method: &str, route: &str, answer: &Answer) {
    let operation = &DOCUMENT["paths"][route][method.to_lowercase()];
    if operation.is_null() {
        return; // an alias, a part of the page, or no operation at all
    }
    let place = format!("{method} {route} {}", answer.status);
    let response = &operation["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{place}: the status is not documented");
    for name in answer.headers.keys().map(http::HeaderName::as_str) {
        let documented = response["headers"].as_object().into_iter().flatten();
        let known = documented.map(|(header, _)| header.to_lowercase()).any(|header| header == name);
        let own = name.starts_with("guardian-") || matches!(name, "etag" | "location" | "retry-after");
        assert!(known || !own, "{place}: the header {name} is not documented");
    }
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body.is_empty(), "{place}: a body is not documented");
        return;
    };
    let kind = answer.header("content-type").split(';').next().unwrap_or_default();
    let media = content.get(kind).unwrap_or_else(|| panic!("{place}: {kind} is not documented"));
    if kind.ends_with("json") && answer.header("content-encoding").is_empty() {
        let validator = validator(&media["schema"]);
        let values = serde_json::Deserializer::from_slice(&answer.body).into_iter::<Value>();
        let bodies = values.map(|body| body.expect("JSON")).collect::<Vec<_>>();
        assert!(bodies.len() == 1 || kind == "application/x-ndjson", "{place}: one body");
        let errors = bodies.iter().flat_map(|body| validator.iter_errors(body)).map(|e| e.to_string());
        let errors: Vec<String> = errors.collect();
        assert!(errors.is_empty(), "{place}: {errors:?}");
    }
}
