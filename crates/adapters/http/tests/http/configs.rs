//! Reading, writing, deleting and rollback of configs.

use crate::support::{CONFIGS, PROJECT, Server};
use serde_json::json;

#[tokio::test]
async fn a_config_goes_in_and_comes_out() {
    let server = Server::new().await;
    let created = server
        .put("app.limits", ("if-none-match", "*"), r#"{"content": {"max": 1.0}, "message": "first"}"#)
        .await
        .is(201);
    assert_eq!(created.header("etag"), "\"1\"");
    assert_eq!(created.header("location"), format!("{CONFIGS}/app.limits"));
    assert_eq!(created.header("guardian-revision"), "3");
    let expected = json!({
        "project": "demo", "environment": "default", "key": "app.limits", "version": 1, "revision": 3,
        "schema": null, "content": {"max": 1.0}, "message": "first", "updated_by": "api-key:ak-admin",
        "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
    });
    assert_eq!(created.json(), expected);

    let read = server.get(&format!("{CONFIGS}/app.limits")).await.is(200);
    assert_eq!(read.json(), expected);
    assert_eq!(read.header("etag"), "\"1\"");
    assert_eq!(read.header("cache-control"), "private, no-cache");
    assert_eq!(read.header("guardian-consistency"), "linearizable");
    assert_eq!(read.header("x-content-type-options"), "nosniff");

    let changed = server.put("app.limits", ("if-match", "\"1\""), r#"{"content": 2}"#).await.is(200);
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.json()["message"], "");
    assert_eq!(changed.header("location"), "");

    let deleted = server.send("DELETE", &format!("{CONFIGS}/app.limits"), &[("if-match", "*")], "").await;
    assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
    assert_eq!(deleted.header("guardian-revision"), "5");
    server.get(&format!("{CONFIGS}/app.limits")).await.is_problem(404, "config_not_found");
}

#[tokio::test]
async fn documents_pass_byte_for_byte() {
    let server = Server::new().await;
    let text = "{\"big\":12345678901234567890123,\"one\":1.0,\"e\":1E5,\"s\":\"\\u0041/\"}";
    server.create("exact", text).await;
    let content = server.get(&format!("{CONFIGS}/exact/content")).await.is(200);
    assert_eq!(String::from_utf8_lossy(&content.body), text);
    assert_eq!(content.header("content-type"), "application/json");
    assert_eq!(content.header("etag"), "\"1\"");
    let whole = server.get(&format!("{CONFIGS}/exact")).await;
    assert!(String::from_utf8_lossy(&whole.body).contains(text));
}

#[tokio::test]
async fn the_schema_member_has_three_meanings() {
    let server = Server::new().await;
    let schema = r#"{"name":"limits","schema":{"required":["max"]}}"#;
    server.post(&format!("{PROJECT}/schemas"), schema).await.is(201);
    let bound = r#"{"content":{"max":1},"schema":{"name":"limits"}}"#;
    let created = server.put("a", ("if-none-match", "*"), bound).await.is(201);
    assert_eq!(created.json()["schema"], json!({"name": "limits", "version": 1}));

    let refused = server.put("a", ("if-match", "*"), r#"{"content":{}}"#).await;
    let problem = refused.is_problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["keyword"], "required");
    assert_eq!(problem["errors"][0]["schema_pointer"], "/required");
    assert_eq!(problem["errors"][0]["pointer"], "");

    let freed = server.put("a", ("if-match", "*"), r#"{"content":{},"schema":null}"#).await.is(200);
    assert_eq!(freed.json()["schema"], json!(null));

    let unknown = r#"{"content":{},"schema":{"name":"limits","version":9}}"#;
    let problem = server.put("a", ("if-match", "*"), unknown).await.is_problem(422, "unknown_schema");
    assert_eq!(problem["schema"], json!({"name": "limits", "version": 9}));
}

#[tokio::test]
async fn history_and_rollback() {
    let server = Server::new().await;
    server.create("a", "1").await;
    server.put("a", ("if-match", "\"1\""), r#"{"content":2,"message":"two"}"#).await.is(200);
    let path = format!("{CONFIGS}/a");
    let rollback = format!("{path}/rollback");
    server.post(&rollback, r#"{"to_version":1}"#).await.is_problem(428, "precondition_required");
    let back = server.send("POST", &rollback, &[("if-match", "\"2\"")], r#"{"to_version":1}"#).await.is(200);
    assert_eq!((&back.json()["content"], back.header("etag")), (&json!(1), "\"3\""));
    server
        .send("POST", &rollback, &[("if-match", "*")], r#"{"to_version":9}"#)
        .await
        .is_problem(404, "version_not_found");
    server.send("DELETE", &path, &[("if-match", "\"3\"")], "").await.is(204);

    let history = server.get(&format!("{path}/history")).await.is(200).json();
    let kinds: Vec<_> = history["items"].as_array().expect("a list").iter().map(|i| &i["kind"]).collect();
    assert_eq!(kinds, ["delete", "rollback", "update", "create"]);
    assert_eq!(history["items"][0]["content_sha256"], json!(null));
    assert_eq!(history["items"][1]["from_version"], 1);
    assert_eq!(history["items"][1]["content_sha256"], history["items"][3]["content_sha256"]);
    assert_eq!(history["items"][2]["message"], "two");
    assert!(history["items"][2].get("content").is_none());

    assert_eq!(server.get(&format!("{path}/history/2")).await.is(200).json()["content"], 2);
    assert_eq!(server.get(&format!("{path}/history/4")).await.is(200).json()["content"], json!(null));
    server.get(&format!("{path}/history/5")).await.is_problem(404, "version_not_found");
    server.get(&format!("{path}/history/0")).await.is_problem(400, "invalid_name");
    server.get(&format!("{CONFIGS}/never/history")).await.is_problem(404, "config_not_found");
}

#[tokio::test]
async fn stale_reads_say_so() {
    let server = Server::new().await;
    server.create("a", "1").await;
    let stale = server.get(&format!("{CONFIGS}/a?consistency=stale&min_revision=1")).await.is(200);
    assert_eq!(stale.header("guardian-consistency"), "stale");
    assert_eq!(stale.header("guardian-stale-for-ms"), "0");
    let problem = server.get(&format!("{CONFIGS}/a?min_revision=99")).await.is_problem(503, "behind");
    assert_eq!((&problem["revision"], &problem["min_revision"]), (&json!(3), &json!(99)));
}

#[tokio::test]
async fn names_in_paths_are_checked() {
    let server = Server::new().await;
    let problem = server.get(&format!("{CONFIGS}/Upper.")).await.is_problem(400, "invalid_name");
    assert_eq!((&problem["field"], &problem["limit_bytes"]), (&json!("config key"), &json!(255)));
    assert_eq!(
        problem["pattern"],
        "^[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?)*$"
    );
    server.get(&format!("{CONFIGS}/{}", "k".repeat(256))).await.is_problem(400, "invalid_name");
    for wrong in ["a%2f", "%2fa", "a%2f%2fb", "a%2f..%2fb", "a%252fb", "a%5cb", "a%00b"] {
        server.get(&format!("{CONFIGS}/{wrong}")).await.is_problem(400, "invalid_name");
    }
    server.get(&format!("{CONFIGS}/a/b")).await.is_problem(404, "route_not_found");
    server.get(&format!("{CONFIGS}/a%ff")).await.is_problem(400, "invalid_name");
    server.get("/api/v1/projects/UP/environments/default/configs/a").await.is_problem(400, "invalid_name");
    server.get("/api/v1/projects/none/environments/e/configs/a").await.is_problem(404, "project_not_found");
    server
        .get(&format!("{PROJECT}/environments/none/configs/a"))
        .await
        .is_problem(404, "environment_not_found");
}
