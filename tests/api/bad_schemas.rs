//! Invalid schemas, external references, and schemas whose checks would not end.

use crate::bad_input::still_works;
use crate::shared::project;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// Offers the schema as a new one and as a new version; asserts that both are refused and nothing is stored.
async fn check(schema: Value, status: u16, code: &str) -> Value {
    let project = project().await;
    let body = json!({ "name": "s", "schema": schema });
    let problem =
        project.client.post(&project.path("/schemas")).json(&body).send().await.refused(status, code);
    project.client.get(&project.path("/schemas/s")).send().await.refused(404, "schema_not_found");
    project.create_schema("t", &json!({ "type": "integer" })).await;
    let update = project.client.put(&project.path("/schemas/t")).json(&json!({ "schema": schema }));
    update.send().await.refused(status, code);
    let now = project.client.get(&project.path("/schemas/t")).send().await.is(200).json();
    assert_eq!((&now["version"], &now["schema"]), (&json!(1), &json!({ "type": "integer" })));
    problem
}

#[tokio::test]
async fn what_is_no_schema_is_refused() {
    let problem = check(json!({ "type": "whole number" }), 422, "invalid_schema").await;
    assert!(problem["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{problem}");
    check(json!({ "properties": [] }), 422, "invalid_schema").await;
    check(json!({ "minimum": "1" }), 422, "invalid_schema").await;
    check(json!({ "pattern": "(" }), 422, "invalid_schema").await;
    check(json!("text"), 422, "invalid_schema").await;
    check(json!(5), 422, "invalid_schema").await;
    check(json!({ "$schema": "https://example.com/my-dialect" }), 422, "invalid_schema").await;
    check(json!({ "$ref": "#/nowhere" }), 422, "invalid_schema").await;
}

#[tokio::test]
async fn nothing_is_fetched() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a listener can be polled");
    let address = listener.local_addr().expect("an address");
    let file = e2e::workspace().join("Cargo.toml");
    for target in [
        format!("http://{address}/schema.json"),
        format!("http://{address}/schema.json#/$defs/a"),
        format!("//{address}/schema.json"),
        format!("file://{}", file.display()),
        "file:///etc/passwd".to_owned(),
    ] {
        check(json!({ "$ref": target }), 422, "invalid_schema").await;
        check(json!({ "properties": { "a": { "items": { "$ref": target } } } }), 422, "invalid_schema").await;
    }
    check(json!({ "$schema": format!("http://{address}/dialect") }), 422, "invalid_schema").await;
    let based = json!({ "$id": format!("http://{address}/base/"), "$ref": "other.json" });
    check(based, 422, "invalid_schema").await;
    let seen = listener.accept();
    assert!(seen.is_err(), "somebody connected: {seen:?}");
}

#[tokio::test]
async fn a_pattern_cannot_take_for_ever() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "string", "pattern": "^(a+)+$" })).await;
    let evil = format!("{}!", "a".repeat(100 * 1024));
    let body = json!({ "content": evil, "schema": { "name": "s" } });
    let since = Instant::now();
    let answer = project.client.put(&project.config("a")).if_absent().json(&body).send().await;
    answer.refused(422, "validation_failed");
    assert!(since.elapsed() < Duration::from_secs(5), "it took {:?}", since.elapsed());
    project.create_bound("good", "s", &json!("a".repeat(100 * 1024))).await;
    still_works(&project).await;
}

#[tokio::test]
async fn large_schemas_are_refused() {
    let large = json!({ "description": "x".repeat(256 * 1024) });
    assert_eq!(check(large, 413, "schema_too_large").await["limit_bytes"], 262_144);
    let many: Vec<u32> = (0..10_001).collect();
    check(json!({ "enum": many }), 422, "invalid_schema").await;
    let references: Vec<Value> = (0..501).map(|_| json!({ "$ref": "#/$defs/a" })).collect();
    check(json!({ "$defs": { "a": true }, "allOf": references }), 422, "invalid_schema").await;
    let deep = (0..100).fold(json!(true), |inner, _| json!({ "not": inner }));
    check(deep, 422, "nesting_too_deep").await;
}

#[tokio::test]
async fn a_recursive_schema_ends() {
    let project = project().await;
    let tree =
        json!({ "type": "object", "properties": { "next": { "$ref": "#" } }, "additionalProperties": false });
    project.create_schema("s", &tree).await;
    let deep = (0..60).fold(json!({}), |inner, _| json!({ "next": inner }));
    project.create_bound("a", "s", &deep).await;
    let loops = json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" });
    let body = json!({ "name": "loop", "schema": loops });
    let answer = project.client.post(&project.path("/schemas")).json(&body).send().await;
    if answer.status != 201 {
        answer.refused(422, "invalid_schema");
    }
    still_works(&project).await;
}
