//! Schemas and their versions.

use crate::support::{PROJECT, Server};
use serde_json::json;

const SCHEMAS: &str = "/api/v1/projects/demo/schemas";

#[tokio::test]
async fn versions_are_registered_and_read() {
    let server = Server::new().await;
    let first = server.post(SCHEMAS, r#"{"name":"s","schema":{"required":["a"]}}"#).await.is(201);
    assert_eq!(
        (first.header("etag"), first.header("location")),
        ("\"1\"", "/api/v1/projects/demo/schemas/s")
    );
    let body = first.json();
    assert_eq!((&body["schema"], &body["version"]), (&json!({"required": ["a"]}), &json!(1)));
    assert_eq!((&body["mode"], &body["bound_documents"]), (&json!("strict"), &json!(0)));
    assert_eq!(body["dialect"], "https://json-schema.org/draft/2020-12/schema");
    server.post(SCHEMAS, r#"{"name":"s","schema":{}}"#).await.is_problem(409, "schema_exists");
    let path = format!("{SCHEMAS}/s");
    let second = server.send("PUT", &path, &[("if-match", "\"1\"")], r#"{"schema":{}}"#).await.is(200);
    assert_eq!(second.header("etag"), "\"2\"");
    let conflict = server.send("PUT", &path, &[("if-match", "\"1\"")], r#"{"schema":{}}"#).await;
    let problem = conflict.is_problem(412, "schema_version_conflict");
    assert_eq!((&problem["expected_version"], &problem["current_version"]), (&json!(1), &json!(2)));
    server.send("PUT", &path, &[], r#"{"schema":{},"mode":"strict"}"#).await.is(200);

    assert_eq!(server.get(&path).await.json()["version"], 3);
    assert_eq!(server.get(&format!("{path}/versions/1")).await.json()["schema"], json!({"required": ["a"]}));
    server.get(&format!("{path}/versions/4")).await.is_problem(404, "version_not_found");
    server.get(&format!("{SCHEMAS}/none")).await.is_problem(404, "schema_not_found");
    server.send("GET", &path, &[("if-none-match", "\"3\"")], "").await.is(304);
    let list = server.get(SCHEMAS).await.is(200).json();
    assert_eq!((&list["items"][0]["name"], list["items"][0].get("schema")), (&json!("s"), None));
    server
        .send("DELETE", &path, &[("if-match", "\"9\"")], "")
        .await
        .is_problem(412, "schema_version_conflict");
    server.send("DELETE", &path, &[], "").await.is(204);
}

#[tokio::test]
async fn what_is_no_schema_is_refused() {
    let server = Server::new().await;
    let answer = server.post(SCHEMAS, r#"{"name":"s","schema":{"required":1}}"#).await;
    assert_eq!(answer.is_problem(422, "invalid_schema")["errors"][0]["pointer"], "/required");
    let mode = r#"{"name":"s","schema":{},"mode":"lenient"}"#;
    assert_eq!(server.post(SCHEMAS, mode).await.is_problem(422, "invalid_body")["field"], "mode");
}

#[tokio::test]
async fn bound_documents_hold_a_schema() {
    let server = Server::new().await;
    server.post(SCHEMAS, r#"{"name":"s","schema":{}}"#).await.is(201);
    let bound = r#"{"content":{"a":1},"schema":{"name":"s"}}"#;
    server.put("app", ("if-none-match", "*"), bound).await.is(201);
    let path = format!("{PROJECT}/schemas/s");
    let answer = server.send("PUT", &path, &[], r#"{"schema":{"required":["b"]}}"#).await;
    let problem = answer.is_problem(422, "schema_breaks_documents");
    assert_eq!(problem["total"], 1);
    let failure = &problem["failures"][0];
    assert_eq!((&failure["environment"], &failure["key"]), (&json!("default"), &json!("app")));
    assert_eq!((&failure["version"], &failure["errors"][0]["keyword"]), (&json!(1), &json!("required")));
    let problem = server.send("DELETE", &path, &[], "").await.is_problem(409, "schema_in_use");
    assert_eq!(problem["bound_documents"], 1);
}

#[tokio::test]
async fn failing_documents_are_listed() {
    let server = Server::new().await;
    server.post(SCHEMAS, r#"{"name":"s","schema":{},"mode":"ratchet"}"#).await.is(201);
    for key in ["a", "b", "c"] {
        let bound = r#"{"content":{"a":1},"schema":{"name":"s"}}"#;
        server.put(key, ("if-none-match", "*"), bound).await.is(201);
    }
    let path = format!("{PROJECT}/schemas/s");
    let change = r#"{"schema":{"required":["b"]}}"#;
    let plan = server.send("PUT", &format!("{path}?dry_run=true"), &[], change).await.is(200).json();
    assert_eq!((&plan["failing_documents"], &plan["failures"][2]["key"]), (&json!(3), &json!("c")));
    let made = server.send("PUT", &path, &[], change).await.is(200).json();
    assert_eq!((&made["version"], made.get("failures"), &made["mode"]), (&json!(2), None, &json!("ratchet")));
    let first = server.get(&format!("{path}/failures?page_size=2")).await.is(200).json();
    assert_eq!((&first["items"][1]["key"], &first["version"]), (&json!("b"), &json!(2)));
    assert_eq!(first["items"][0]["errors"][0]["keyword"], "required");
    let token = first["next_page_token"].as_str().expect("more");
    let rest = format!("{path}/failures?page_size=2&page_token={token}");
    let rest = server.get(&rest).await.is(200).json();
    assert_eq!((rest["items"].as_array().map(Vec::len), &rest["items"][0]["key"]), (Some(1), &json!("c")));
    assert_eq!((&rest["next_page_token"], &rest["hidden"]), (&json!(""), &json!(0)));
    let strict = r#"{"schema":{"required":["b"]},"mode":"strict"}"#;
    server.send("PUT", &path, &[], strict).await.is_problem(422, "schema_breaks_documents");
    server.get(&format!("{SCHEMAS}/none/failures")).await.is_problem(404, "schema_not_found");
    let other = format!("{SCHEMAS}?page_token={token}");
    server.get(&other).await.is_problem(400, "invalid_page_token");
}

#[tokio::test]
async fn a_schema_that_is_used_says_by_what() {
    let server = Server::new().await;
    server.post(SCHEMAS, r#"{"name":"base","schema":{"required":["a"]}}"#).await.is(201);
    let made = server.post(SCHEMAS, r#"{"name":"s","schema":{"$ref":"schema:base"}}"#).await.is(201).json();
    assert_eq!(made["uses"], json!([{ "name": "base", "version": 1, "newest": true }]));
    let problem = server.send("DELETE", &format!("{SCHEMAS}/base"), &[], "").await;
    assert_eq!(problem.is_problem(409, "schema_in_use")["used_by"], json!(["s"]));
}
