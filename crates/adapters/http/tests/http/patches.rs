//! Patches.

use crate::support::{Answer, CONFIGS, Server};
use domain::limits::{DOCUMENT_BYTES_MAX, NESTING_MAX};
use serde_json::{Value, json};

const MERGE: &str = "application/merge-patch+json";
const OPERATIONS: &str = "application/json-patch+json";

impl Server {
    async fn patch(&self, kind: &str, expected: &str, body: &str) -> Answer {
        let headers = [("content-type", kind), ("if-match", expected)];
        self.send("PATCH", &format!("{CONFIGS}/a"), &headers, body).await
    }
}

#[tokio::test]
async fn a_part_is_changed_and_the_rest_keeps_its_text() {
    let server = Server::new().await;
    server.create("a", r#"{"price":1.10,"n":18446744073709551616}"#).await;
    let path = format!("{CONFIGS}/a?message=because%20of%20it");
    let headers = [("content-type", MERGE), ("if-match", "\"1\"")];
    let changed = server.send("PATCH", &path, &headers, r#"{"m":2.50}"#).await.is(200);
    assert_eq!((changed.header("etag"), &changed.json()["message"]), ("\"2\"", &json!("because of it")));
    let add = r#"[{"op":"test","path":"/m","value":2.5},{"op":"add","path":"/l","value":[1e2]}]"#;
    server.patch(&format!("{OPERATIONS}; charset=utf-8"), "*", add).await.is(200);
    let bare = server.get(&format!("{CONFIGS}/a/content")).await.is(200);
    assert_eq!(
        String::from_utf8_lossy(&bare.body),
        r#"{"price":1.10,"n":18446744073709551616,"m":2.50,"l":[1e2]}"#
    );
    let history = server.get(&format!("{CONFIGS}/a/history")).await.is(200).json();
    let kinds: Vec<_> = history["items"].as_array().expect("a list").iter().map(|i| &i["kind"]).collect();
    assert_eq!(kinds, ["patch", "patch", "create"]);
}

#[tokio::test]
async fn a_patch_needs_a_precondition_that_holds() {
    let server = Server::new().await;
    let path = format!("{CONFIGS}/a");
    server.patch(MERGE, "*", "{}").await.is_problem(404, "config_not_found");
    server.create("a", "{}").await;
    let kind = [("content-type", MERGE)];
    server.send("PATCH", &path, &kind, "{}").await.is_problem(428, "precondition_required");
    let problem = server.patch(MERGE, "\"7\"", "{}").await.is_problem(412, "version_conflict");
    assert_eq!((&problem["expected_version"], &problem["current_version"]), (&json!(7), &json!(1)));
    let absent = [("content-type", MERGE), ("if-none-match", "*")];
    server.send("PATCH", &path, &absent, "{}").await.is_problem(400, "invalid_precondition");
    server.patch(MERGE, "W/\"1\"", "{}").await.is_problem(400, "invalid_precondition");
    let query = format!("{path}?message=%00");
    let problem = server.send("PATCH", &query, &[kind[0], ("if-match", "*")], "{}").await;
    assert_eq!(problem.is_problem(400, "invalid_parameter")["parameter"], "message");
    let query = format!("{path}?why=x");
    let problem = server.send("PATCH", &query, &[kind[0], ("if-match", "*")], "{}").await;
    problem.is_problem(400, "unknown_parameter");
}

#[tokio::test]
async fn other_types_are_told_which_there_are() {
    let server = Server::new().await;
    server.create("a", "{}").await;
    for kind in ["application/json", "text/plain", "application/merge-patch", ""] {
        let answer = server.patch(kind, "*", "{}").await;
        answer.is_problem(415, "unsupported_media_type");
        assert_eq!(answer.header("accept-patch"), format!("{MERGE}, {OPERATIONS}"), "{kind}");
    }
    // The header is only on operations with patches.
    let put = [("content-type", MERGE), ("if-match", "*")];
    let answer = server.send("PUT", &format!("{CONFIGS}/a"), &put, "{}").await;
    answer.is_problem(415, "unsupported_media_type");
    assert_eq!(answer.header("accept-patch"), "");
}

#[tokio::test]
async fn what_cannot_be_done_is_named() {
    let server = Server::new().await;
    server.create("a", r#"{"n":1}"#).await;
    let patch = r#"[{"op":"add","path":"/m","value":1},{"op":"test","path":"/n","value":2}]"#;
    let problem = server.patch(OPERATIONS, "*", patch).await.is_problem(422, "patch_failed");
    assert_eq!((&problem["operation"], &problem["pointer"]), (&json!(1), &json!("/n")));
    let patch = r#"[{"op":"remove","path":"/none"}]"#;
    let problem = server.patch(OPERATIONS, "\"1\"", patch).await.is_problem(422, "patch_failed");
    assert_eq!((&problem["operation"], &problem["pointer"]), (&json!(0), &json!("/none")));
    for (patch, field) in [
        ("{}", "."),
        ("[0]", "[0]"),
        (r#"[{"op":"remove","path":"/n"},{"op":"remove"}]"#, "[1].path"),
        (r#"[{"op":"add","path":"/m"}]"#, "[0].value"),
        (r#"[{"op":"move","path":"/m"}]"#, "[0].from"),
        (r#"[{"op":"set","path":"/m"}]"#, "[0].op"),
        (r#"[{"op":"remove","path":"m"}]"#, "[0].path"),
    ] {
        let problem = server.patch(OPERATIONS, "*", patch).await.is_problem(422, "invalid_body");
        assert_eq!(problem["field"], field, "{patch}");
    }
    for (patch, code) in [("", "invalid_json"), ("{", "invalid_json"), (r#"{"a":1,"a":2}"#, "invalid_json")] {
        server.patch(MERGE, "*", patch).await.is_problem(400, code);
        server.patch(OPERATIONS, "*", patch).await.is_problem(400, code);
    }
    let headers =
        [("x-api-key", server.test.admin_secret.as_str()), ("content-type", MERGE), ("if-match", "*")];
    let body = axum::body::Body::from(&b"\"\xff\""[..]);
    server.raw("PATCH", &format!("{CONFIGS}/a"), &headers, body).await.is_problem(400, "invalid_json");
    assert_eq!(server.get(&format!("{CONFIGS}/a")).await.json()["version"], 1);
}

#[tokio::test]
async fn patches_have_limits() {
    let server = Server::new().await;
    server.create("a", "[]").await;
    let many = |count: usize| json!(vec![json!({"op": "add", "path": "/-", "value": 1}); count]).to_string();
    server.patch(OPERATIONS, "*", &many(128)).await.is(200);
    let problem = server.patch(OPERATIONS, "*", &many(129)).await.is_problem(422, "invalid_body");
    assert_eq!((&problem["field"], &problem["limit"]), (&json!("."), &json!(128)));
    let large = |bytes: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(bytes - 8));
    let problem = server.patch(MERGE, "*", &large(DOCUMENT_BYTES_MAX + 1)).await;
    assert_eq!(problem.is_problem(413, "document_too_large")["limit_bytes"], DOCUMENT_BYTES_MAX);
    server.patch(MERGE, "*", &large(DOCUMENT_BYTES_MAX)).await.is(200);
    // The patch is small, but its result is too large.
    let problem = server.patch(MERGE, "*", r#"{"y":1}"#).await.is_problem(413, "document_too_large");
    assert_eq!(problem["limit_bytes"], DOCUMENT_BYTES_MAX);
    let problem = server.patch(OPERATIONS, "*", r#"[{"op":"copy","from":"/x","path":"/y"}]"#).await;
    problem.is_problem(413, "document_too_large");
    server.put("a", ("if-match", "*"), r#"{"content":{}}"#).await.is(200);
    let deep = |levels: usize| format!("{}1{}", "{\"d\":".repeat(levels), "}".repeat(levels));
    server.patch(MERGE, "*", &deep(NESTING_MAX)).await.is(200);
    server.patch(MERGE, "*", &deep(NESTING_MAX + 1)).await.is_problem(422, "nesting_too_deep");
    let path = "/d".repeat(NESTING_MAX);
    let add = format!(r#"[{{"op":"add","path":"{path}","value":{{}}}}]"#);
    server.patch(OPERATIONS, "*", &add).await.is_problem(422, "nesting_too_deep");
}

#[tokio::test]
async fn a_patched_document_is_held_to_its_schema() {
    let server = Server::new().await;
    let schema = r#"{"name":"limits","schema":{"required":["n"]}}"#;
    server.post(&format!("{}/schemas", crate::support::PROJECT), schema).await.is(201);
    let bound = r#"{"content":{"n":1},"schema":{"name":"limits"}}"#;
    server.put("a", ("if-none-match", "*"), bound).await.is(201);
    let problem = server.patch(MERGE, "*", r#"{"n":null}"#).await.is_problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["keyword"], "required");
    let changed: Value = server.patch(MERGE, "*", r#"{"m":1}"#).await.is(200).json();
    assert_eq!(changed["schema"], json!({"name": "limits", "version": 1}));
}
