//! Invalid input is refused with a specific code, and no data is lost.

use crate::shared::project;
use e2e::{Answer, Project};
use serde_json::json;

const JSON: &str = "application/json";

/// Sends the body as a change of a config; asserts the refusal and that the config is unchanged.
async fn check_put(kind: &str, body: impl Into<Vec<u8>>, status: u16, code: &str) -> serde_json::Value {
    let project = project().await;
    let before = project.create_config("a", &json!({ "n": 1 })).await.json();
    let answer = project.client.put(&project.config("a")).if_any().text(kind, body).send().await;
    let problem = answer.refused(status, code);
    assert_eq!(project.read("a").await, before, "nothing changed");
    assert_eq!(project.all(&project.config("a/history")).await.len(), 1, "nothing was added");
    problem
}

async fn check_path(path: &str, status: u16, code: &str) {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    project.client.get(&project.path(path)).send().await.refused(status, code);
}

/// Attempts to write the config key.
async fn check_key(key: &str) {
    let project = project().await;
    let put = project.client.put(&project.config(key)).if_absent().json(&json!({ "content": 1 }));
    let problem = put.send().await.refused(400, "invalid_name");
    assert_eq!((&problem["field"], &problem["limit_bytes"]), (&json!("config key"), &json!(255)), "{key}");
    assert!(project.all(&project.configs("")).await.is_empty());
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let problem = check_put(JSON, "{\"content\": ", 400, "invalid_json").await;
    assert!(problem["line"].is_u64() && problem["column"].is_u64(), "{problem}");
    check_put(JSON, "", 400, "invalid_json").await;
    check_put(JSON, "nonsense", 400, "invalid_json").await;
    check_put(JSON, "{\"content\": 1} x", 400, "invalid_json").await;
    check_put(JSON, "{\"content\": {n: 1}}", 400, "invalid_json").await;
    check_put(JSON, "{\"content\": NaN}", 400, "invalid_json").await;
    check_put(JSON, b"{\"content\": \"\xff\xfe\"}".to_vec(), 400, "invalid_json").await;
}

#[tokio::test]
async fn wrong_types_are_refused() {
    check_put(JSON, "[]", 422, "invalid_body").await;
    check_put(JSON, "\"text\"", 422, "invalid_body").await;
    check_put(JSON, "{}", 422, "invalid_body").await;
    let problem = check_put(JSON, "{\"content\": 1, \"message\": 5}", 422, "invalid_body").await;
    assert_eq!(problem["field"], "message");
    check_put(JSON, "{\"content\": 1, \"schema\": \"name\"}", 422, "invalid_body").await;
    check_put(JSON, "{\"content\": 1, \"schema\": {\"name\": \"s\", \"version\": -1}}", 422, "invalid_body")
        .await;
    let long = json!({ "content": 1, "message": "m".repeat(1001) }).to_string();
    assert_eq!(check_put(JSON, long, 422, "invalid_body").await["limit_bytes"], 1000);
}

#[tokio::test]
async fn unknown_members_are_refused() {
    let problem = check_put(JSON, "{\"content\": 1, \"contents\": 2}", 422, "unknown_field").await;
    assert_eq!(problem["field"], "contents");
    check_put(JSON, "{\"content\": 1, \"schema\": {\"name\": \"s\", \"v\": 1}}", 422, "unknown_field").await;
}

#[tokio::test]
async fn duplicate_members_are_refused() {
    check_put(JSON, "{\"content\": 1, \"content\": 2}", 400, "invalid_json").await;
    check_put(JSON, "{\"content\": {\"a\": 1, \"a\": 2}}", 400, "invalid_json").await;
    check_put(JSON, "{\"content\": [{\"b\": {\"a\": 1, \"\\u0061\": 2}}]}", 400, "invalid_json").await;
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{{\"content\": {}1{}}}", open.repeat(100_000), close.repeat(100_000));
        assert_eq!(check_put(JSON, deep, 422, "nesting_too_deep").await["limit"], 64);
        let one_more = format!("{{\"content\": {}1{}}}", open.repeat(65), close.repeat(65));
        check_put(JSON, one_more, 422, "nesting_too_deep").await;
    }
    check_put(JSON, "[".repeat(100_000), 422, "nesting_too_deep").await;
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let of = |bytes: usize| format!("{{\"content\": \"{}\"}}", "x".repeat(bytes));
    assert_eq!(check_put(JSON, of(2 * 1024 * 1024), 413, "body_too_large").await["limit_bytes"], 2_097_152);
    let problem = check_put(JSON, of(1024 * 1024 - 1), 413, "document_too_large").await;
    assert_eq!(problem["limit_bytes"], 1_048_576);
}

#[tokio::test]
async fn other_types_are_refused() {
    let body = "{\"content\": 1}";
    check_put("text/plain", body, 415, "unsupported_media_type").await;
    check_put("application/x-www-form-urlencoded", body, 415, "unsupported_media_type").await;
    check_put("application/merge-patch+json", body, 415, "unsupported_media_type").await;
    let project = project().await;
    let put = project.client.put(&project.config("a")).if_absent().header("Content-Encoding", "gzip");
    put.text(JSON, body).send().await.refused(415, "unsupported_media_type");
}

#[tokio::test]
async fn keys_have_a_form() {
    for key in [".a", "a.", "-a", "a_", "a%2F", "%2Fa", "a%2F%2Fb", "a%2F..%2Fb", "a%20b", "%C3%A4", "a%00"] {
        check_key(key).await;
    }
    check_key(&"a".repeat(256)).await;
    let project = project().await;
    project.create_config(&"a".repeat(255), &json!(1)).await;
}

#[tokio::test]
async fn names_in_paths_have_a_form() {
    check_path("/environments/Default/configs/a", 400, "invalid_name").await;
    check_path("/environments/none/configs/a", 404, "environment_not_found").await;
    check_path("/schemas/UPPER", 400, "invalid_name").await;
    check_path("/environments/%ff/configs", 400, "invalid_name").await;
}

#[tokio::test]
async fn unknown_parameters_are_refused() {
    let one = "/environments/default/configs/a";
    check_path(&format!("{one}?consistensy=stale"), 400, "unknown_parameter").await;
    check_path(&format!("{one}?consistency=eventual"), 400, "invalid_parameter").await;
    check_path(&format!("{one}?min_revision=x"), 400, "invalid_parameter").await;
    check_path(&format!("{one}?min_revision=1&min_revision=1"), 400, "invalid_parameter").await;
    check_path("/environments/default/configs?prefix=%21", 400, "invalid_parameter").await;
    check_path("/environments/default/configs?include=all", 400, "invalid_parameter").await;
    check_path("?x=1", 400, "unknown_parameter").await;
    let project = project().await;
    let put = project.client.put(&format!("{}?dry_run=maybe", project.config("a"))).if_absent();
    put.json(&json!({ "content": 1 })).send().await.refused(400, "invalid_parameter");
    let put = project.client.put(&format!("{}?rehearse=true", project.config("a"))).if_absent();
    put.json(&json!({ "content": 1 })).send().await.refused(400, "unknown_parameter");
    assert!(project.all(&project.configs("")).await.is_empty(), "what looks like a rehearsal writes nothing");
}

#[tokio::test]
async fn long_urls_and_headers_are_refused() {
    let project = project().await;
    let list = |query: String| project.client.get(&project.configs(&query)).send();
    list(format!("?prefix={}", "a".repeat(9000))).await.refused(414, "uri_too_long");
    list(format!("?prefix={}", "a".repeat(300))).await.refused(400, "invalid_parameter");
    let answer: Answer =
        project.client.get(&project.configs("")).header("X-Long", &"x".repeat(17_000)).send().await;
    assert_eq!(answer.refused(431, "headers_too_large")["limit_bytes"], 16_384);
}

/// Asserts that the project still accepts and returns documents.
pub async fn still_works(project: &Project) {
    project.create_config("still.works", &json!(1)).await;
    assert_eq!(project.read("still.works").await["content"], 1);
}
