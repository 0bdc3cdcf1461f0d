//! Credentials, permissions and API keys.

use crate::support::{CONFIGS, PROJECT, Server};
use axum::body::Body;
use serde_json::json;

const KEYS: &str = "/api/v1/projects/demo/api-keys";

#[tokio::test]
async fn a_credential_is_needed() {
    let server = Server::new().await;
    let secret = server.test.admin_secret.clone();
    let bearer = format!("Bearer {secret}");
    let check = async |headers: &[(&str, &str)], status: u16, code: &str| {
        let answer = server.raw("GET", PROJECT, headers, Body::empty()).await;
        if status == 200 { answer.is(200).json() } else { answer.is_problem(status, code) }
    };
    check(&[("authorization", &bearer)], 200, "").await;
    check(&[("authorization", &bearer.replace("Bearer", "bearer"))], 200, "").await;
    check(&[("x-api-key", &secret)], 200, "").await;
    check(&[("x-api-key", &secret), ("authorization", &bearer)], 200, "").await;
    check(&[("x-api-key", "other"), ("authorization", &bearer)], 400, "conflicting_credentials").await;
    check(&[("x-api-key", "other"), ("x-api-key", &secret)], 400, "conflicting_credentials").await;
    check(&[], 401, "unauthenticated").await;
    check(&[("authorization", "Basic abc")], 401, "unauthenticated").await;
    check(&[("authorization", "Bearer ")], 401, "unauthenticated").await;
    check(&[("x-api-key", "gdn_sk_test999")], 401, "unauthenticated").await;
    let answer = server.raw("GET", PROJECT, &[], Body::empty()).await;
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    // An anonymous request gets no information about names or bodies.
    let answer = server.raw("PUT", "/api/v1/projects/UP", &[], Body::empty()).await;
    answer.is_problem(405, "method_not_allowed");
    server.raw("GET", "/api/v1/projects/UP", &[], Body::empty()).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_is_shown_once_and_does_what_it_may() {
    let server = Server::new().await;
    server.create("app.a", "1").await;
    let body = r#"{"name":"reader","permissions":["config:document:read"],"environments":["default"],
        "key_prefixes":["app."],"expires_at":"2026-02-01T00:00:00+01:00"}"#;
    let created = server.post(KEYS, body).await.is(201);
    let (key, id) = (created.json()["key"].clone(), created.json()["id"].clone());
    let (secret, id) = (key.as_str().expect("a secret"), id.as_str().expect("an id"));
    assert_eq!(created.header("location"), format!("{KEYS}/{id}"));
    assert_eq!(created.json()["expires_at"], "2026-01-31T23:00:00.000Z");
    let read = server.get(&format!("{KEYS}/{id}")).await.is(200).json();
    assert!(read.get("key").is_none() && read.get("hash").is_none());
    assert_eq!((&read["key_prefixes"], &read["project"]), (&json!(["app."]), &json!("demo")));
    assert!(server.get(KEYS).await.is(200).json()["items"][0].get("key").is_none());

    let header = [("x-api-key", secret), ("if-match", "*"), ("content-type", "application/json")];
    let as_reader = async |method: &str, path: &str, body: &'static str| {
        server.raw(method, path, &header, Body::from(body)).await
    };
    as_reader("GET", &format!("{CONFIGS}/app.a"), "").await.is(200);
    as_reader("GET", &format!("{CONFIGS}?prefix=app."), "").await.is(200);
    as_reader("GET", CONFIGS, "").await.is_problem(403, "forbidden");
    as_reader("GET", &format!("{CONFIGS}/web"), "").await.is_problem(403, "forbidden");
    as_reader("PUT", &format!("{CONFIGS}/app.a"), r#"{"content":2}"#).await.is_problem(403, "forbidden");
    as_reader("GET", "/api/v1/cluster", "").await.is_problem(403, "forbidden");

    server.send("DELETE", &format!("{KEYS}/{id}"), &[], "").await.is(204);
    as_reader("GET", &format!("{CONFIGS}/app.a"), "").await.is_problem(401, "unauthenticated");
    server.get(&format!("{KEYS}/{id}")).await.is_problem(404, "api_key_not_found");
    server.send("DELETE", &format!("{KEYS}/{id}"), &[], "").await.is_problem(404, "api_key_not_found");
}

#[tokio::test]
async fn keys_expire() {
    let server = Server::new().await;
    let body =
        r#"{"name":"short","permissions":["project:project:read"],"expires_at":"2026-01-01T00:00:01Z"}"#;
    let key = server.post(KEYS, body).await.is(201).json()["key"].clone();
    let header = [("x-api-key", key.as_str().expect("a secret"))];
    server.raw("GET", PROJECT, &header, Body::empty()).await.is(200);
    server.test.clock.advance(1000);
    server.raw("GET", PROJECT, &header, Body::empty()).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_key_request_is_checked() {
    let server = Server::new().await;
    let check = async |body: &str, field: &str| {
        let problem = server.post(KEYS, body).await.is_problem(422, "invalid_body");
        assert_eq!(problem["field"], field);
    };
    check(r#"{"name":"","permissions":["config:document:read"]}"#, "name").await;
    check(r#"{"name":"n","permissions":[]}"#, "permissions").await;
    check(r#"{"name":"n","permissions":["config:document:read","all"]}"#, "permissions[1]").await;
    check(r#"{"name":"n","permissions":["config:document:read"],"expires_at":"soon"}"#, "expires_at").await;
    check(
        r#"{"name":"n","permissions":["config:document:read"],"expires_at":"2020-01-01T00:00:00Z"}"#,
        "expires_at",
    )
    .await;
    // Year 10000 in UTC, which no response can express.
    check(
        r#"{"name":"n","permissions":["config:document:read"],"expires_at":"9999-12-31T23:59:59-01:00"}"#,
        "expires_at",
    )
    .await;
    check(r#"{"name":"n","permissions":["config:document:read"],"key_prefixes":["A b"]}"#, "key_prefixes[0]")
        .await;
    let writer = r#"{"name":"w","permissions":["project:key:write"]}"#;
    let key = server.post(KEYS, writer).await.is(201).json()["key"].clone();
    let header = [("x-api-key", key.as_str().expect("a secret")), ("content-type", "application/json")];
    let more = Body::from(r#"{"name":"n","permissions":["config:document:read"]}"#);
    server.raw("POST", KEYS, &header, more).await.is_problem(403, "grant_exceeds_own");
}
