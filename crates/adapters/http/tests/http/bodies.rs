//! Bodies that are too large, too deep, not JSON, or of another form.

use crate::support::{CONFIGS, PROJECT, Server};
use axum::body::Body;
use serde_json::{Value, json};

async fn refused(body: &str, status: u16, code: &str) -> Value {
    let server = Server::new().await;
    let problem = server.put("a", ("if-none-match", "*"), body).await.is_problem(status, code);
    assert_eq!(server.test.node.proposals(), 1, "only the project was proposed");
    problem
}

#[tokio::test]
async fn json_is_checked() {
    let problem = refused("{\"content\":\n 1,}", 400, "invalid_json").await;
    assert_eq!((&problem["line"], problem["column"].is_u64()), (&json!(2), true));
    refused("{\"content\":1", 400, "invalid_json").await;
    refused("{\"content\":1} 2", 400, "invalid_json").await;
    refused("{\"content\":1,\"content\":2}", 400, "invalid_json").await;
    refused("{\"content\":{\"a\":1,\"a\":2}}", 400, "invalid_json").await;
    refused("{\"content\":[tru]}", 400, "invalid_json").await;
}

#[tokio::test]
async fn members_are_checked() {
    let problem = refused(r#"{"content":1,"force":true}"#, 422, "unknown_field").await;
    assert_eq!(problem["field"], "force");
    let problem = refused(r#"{"content":1,"schema":{"name":"x","pin":1}}"#, 422, "unknown_field").await;
    assert_eq!(problem["field"], "pin");
    let problem = refused(r#"{"content":1,"schema":{"name":"x","version":"1"}}"#, 422, "invalid_body").await;
    assert_eq!(problem["field"], "schema.version");
    let problem = refused(r#"{"message":"no content"}"#, 422, "invalid_body").await;
    assert_eq!(problem["field"], "content");
    refused("[]", 422, "invalid_body").await;
    let problem = refused(r#"{"content":1,"schema":{"name":"UP"}}"#, 400, "invalid_name").await;
    assert_eq!(problem["field"], "schema name");
    let long = format!("{{\"content\":1,\"message\":\"{}\"}}", "m".repeat(1001));
    let problem = refused(&long, 422, "invalid_body").await;
    assert_eq!((&problem["field"], &problem["limit_bytes"]), (&json!("message"), &json!(1000)));
}

#[tokio::test]
async fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{{\"content\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    for levels in [65, 66, 127, 129, 100_000] {
        assert_eq!(refused(&nested(levels), 422, "nesting_too_deep").await["limit"], 64, "{levels}");
    }
    refused(&"[".repeat(100_000), 422, "nesting_too_deep").await;
    refused(&"{\"a\":".repeat(100_000), 422, "nesting_too_deep").await;
    let server = Server::new().await;
    server.put("a", ("if-none-match", "*"), &nested(64)).await.is(201);
    server.get(&format!("{CONFIGS}/a")).await.is(200);
}

#[tokio::test]
async fn sizes_are_bounded() {
    let text = |bytes: usize| format!("{{\"content\":\"{}\"}}", "x".repeat(bytes - 2));
    let server = Server::new().await;
    server.put("a", ("if-none-match", "*"), &text(1024 * 1024)).await.is(201);
    let problem = refused(&text(1024 * 1024 + 1), 413, "document_too_large").await;
    assert_eq!(problem["limit_bytes"], 1024 * 1024);
    let problem = refused(&text(2 * 1024 * 1024), 413, "body_too_large").await;
    assert_eq!(problem["limit_bytes"], 2 * 1024 * 1024);
    let schema = format!("{{\"name\":\"s\",\"schema\":{{\"title\":\"{}\"}}}}", "x".repeat(256 * 1024));
    let problem = server.post(&format!("{PROJECT}/schemas"), &schema).await;
    assert_eq!(problem.is_problem(413, "schema_too_large")["limit_bytes"], 256 * 1024);
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let server = Server::new().await;
    let chunk = bytes::Bytes::from(vec![b' '; 64 * 1024]);
    let chunks = futures::stream::iter((0..33).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let secret = server.test.admin_secret.clone();
    let headers =
        [("x-api-key", secret.as_str()), ("content-type", "application/json"), ("if-none-match", "*")];
    let answer = server.raw("PUT", &format!("{CONFIGS}/a"), &headers, Body::from_stream(chunks)).await;
    answer.is_problem(413, "body_too_large");

    let pieces = ["{\"con", "tent\":", "[1,2]}"].map(Ok::<_, std::io::Error>);
    let body = Body::from_stream(futures::stream::iter(pieces));
    let answer = server.raw("PUT", &format!("{CONFIGS}/a"), &headers, body).await.is(201);
    assert_eq!(answer.json()["content"], json!([1, 2]));
}

#[tokio::test]
async fn only_plain_json_is_taken() {
    let server = Server::new().await;
    for kind in ["text/plain", "application/merge-patch+json", "application/jsonx", ""] {
        let headers = [("content-type", kind), ("if-none-match", "*")];
        let answer = server.send("PUT", &format!("{CONFIGS}/a"), &headers, "{\"content\":1}").await;
        answer.is_problem(415, "unsupported_media_type");
    }
    let headers = [("content-encoding", "gzip"), ("if-none-match", "*")];
    let answer = server.send("PUT", &format!("{CONFIGS}/a"), &headers, "{\"content\":1}").await;
    assert_eq!(answer.is_problem(415, "unsupported_media_type")["header"], "Content-Encoding");
    let headers = [("content-type", "Application/JSON; charset=utf-8"), ("if-none-match", "*")];
    server.send("PUT", &format!("{CONFIGS}/a"), &headers, "{\"content\":1}").await.is(201);
}

/// A derived `Deserialize` would accept the fields by position.
#[tokio::test]
async fn an_array_is_no_object() {
    refused(r#"[{"a": 1}, null, "by position"]"#, 422, "invalid_body").await;
    let problem = refused(r#"{"content":1,"schema":["limits",1]}"#, 422, "invalid_body").await;
    assert_eq!(problem["field"], "schema");
    let server = Server::new().await;
    let transactions = format!("{PROJECT}/transactions");
    for body in [
        r#"[[{"op":"put","environment":"default","key":"a","content":1,"expected_version":0}]]"#,
        r#"{"operations":[["put","default","a",0,1]]}"#,
        r#"{"operations":[{"op":{"put":null},"environment":"default","key":"a","content":1,"expected_version":0}]}"#,
    ] {
        server.post(&transactions, body).await.is_problem(422, "invalid_body");
    }
    for (path, body) in [
        ("/api/v1/projects".to_owned(), r#"["other", "Other"]"#),
        (format!("{PROJECT}/environments"), r#"["prod"]"#),
        (format!("{PROJECT}/schemas"), r#"["s", {}, "strict"]"#),
        (format!("{PROJECT}/api-keys"), r#"["k", ["config:document:read"], null, null, null]"#),
        (format!("{PROJECT}/environments/default/rollback"), r#"[1, "why"]"#),
    ] {
        server.post(&path, body).await.is_problem(422, "invalid_body");
    }
}
