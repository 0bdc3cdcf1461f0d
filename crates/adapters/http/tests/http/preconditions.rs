//! Conditional requests (RFC 9110 section 13).

use crate::support::{CONFIGS, Server};
use serde_json::json;

const BODY: &str = r#"{"content":2}"#;

#[tokio::test]
async fn a_change_must_say_what_it_expects() {
    let server = Server::new().await;
    server.create("a", "1").await;
    let path = format!("{CONFIGS}/a");
    server.send("PUT", &path, &[], BODY).await.is_problem(428, "precondition_required");
    server.send("DELETE", &path, &[], "").await.is_problem(428, "precondition_required");
    let both = [("if-match", "\"1\""), ("if-none-match", "*")];
    server.send("PUT", &path, &both, BODY).await.is_problem(400, "invalid_precondition");
    let twice = [("if-match", "\"1\""), ("if-match", "\"2\"")];
    server.send("PUT", &path, &twice, BODY).await.is_problem(400, "invalid_precondition");
}

#[tokio::test]
async fn a_precondition_has_one_form() {
    let server = Server::new().await;
    server.create("a", "1").await;
    for (header, value) in [
        ("if-match", "1"),
        ("if-match", "W/\"1\""),
        ("if-match", "\"1\", \"2\""),
        ("if-match", "\"x\""),
        ("if-match", "\"+1\""),
        ("if-match", "\"\""),
        ("if-match", "\"99999999999999999999\""),
        ("if-none-match", "\"1\""),
    ] {
        let problem = server.put("a", (header, value), BODY).await.is_problem(400, "invalid_precondition");
        assert_eq!(problem["header"].as_str().unwrap_or_default().to_lowercase(), header, "{value}");
    }
    let path = format!("{CONFIGS}/a");
    let absent = [("if-none-match", "*")];
    server.send("DELETE", &path, &absent, "").await.is_problem(400, "invalid_precondition");
}

#[tokio::test]
async fn a_failed_precondition_tells_what_is_there() {
    let server = Server::new().await;
    server.create("a", "1").await;
    let problem = server.put("a", ("if-match", "\"7\""), BODY).await.is_problem(412, "version_conflict");
    assert_eq!((&problem["expected_version"], &problem["current_version"]), (&json!(7), &json!(1)));
    assert_eq!(problem["updated_by"], "api-key:ak-admin");
    assert_eq!(problem["updated_at"], "2026-01-01T00:00:00.000Z");
    server.put("a", ("if-none-match", "*"), BODY).await.is_problem(412, "version_conflict");
    let problem = server.put("b", ("if-match", "*"), BODY).await.is_problem(412, "version_conflict");
    assert_eq!(problem["current_version"], 0);
    assert_eq!(problem["updated_by"], json!(null));
    let gone = server.send("DELETE", &format!("{CONFIGS}/b"), &[("if-match", "*")], "").await;
    gone.is_problem(404, "config_not_found");
}

#[tokio::test]
async fn a_reader_that_knows_gets_304() {
    let server = Server::new().await;
    server.create("a", "1").await;
    for path in [format!("{CONFIGS}/a"), format!("{CONFIGS}/a/content")] {
        for known in ["\"1\"", "W/\"1\"", "\"0\", \"1\"", "*"] {
            let answer = server.send("GET", &path, &[("if-none-match", known)], "").await.is(304);
            assert!(answer.body.is_empty(), "{known}");
            assert_eq!(answer.header("etag"), "\"1\"");
            assert_eq!(answer.header("guardian-revision"), "3");
            assert_eq!(answer.header("cache-control"), "private, no-cache");
        }
        for unknown in ["\"2\"", "1", "nonsense", "W/*", "\"\", W/*"] {
            server.send("GET", &path, &[("if-none-match", unknown)], "").await.is(200);
        }
    }
}
