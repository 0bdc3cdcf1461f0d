//! Projects and environments.

use crate::support::{CONFIGS, PROJECT, Server};
use serde_json::json;

/// Every stale response states its age, including those of single resources.
#[tokio::test]
async fn stale_answers_tell_their_age() {
    let server = Server::new().await;
    let key = r#"{"name":"k","permissions":["config:document:read"]}"#;
    let key = server.post(&format!("{PROJECT}/api-keys"), key).await.is(201).header("location").to_owned();
    for path in [PROJECT.to_owned(), format!("{PROJECT}/environments/default"), key] {
        let stale = server.get(&format!("{path}?consistency=stale")).await.is(200);
        assert_eq!(stale.header("guardian-stale-for-ms"), "0", "{path}");
        assert_eq!(stale.header("guardian-consistency"), "stale", "{path}");
        let fresh = server.get(&path).await.is(200);
        assert!(!fresh.headers.contains_key("guardian-stale-for-ms"), "{path}");
    }
}

#[tokio::test]
async fn a_project_lives_and_goes() {
    let server = Server::new().await;
    let body = r#"{"name":"shop","display_name":"Shop"}"#;
    let created = server.post("/api/v1/projects", body).await.is(201);
    assert_eq!(created.header("location"), "/api/v1/projects/shop");
    assert_eq!(
        created.json(),
        json!({"name": "shop", "display_name": "Shop", "status": "active", "revision": 3,
            "created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-01T00:00:00.000Z",
            "quotas": {"documents": 1_000_000, "bytes": 17_179_869_184_u64, "api_keys": 1000, "watchers": 10_000,
                "history_bytes": 17_179_869_184_u64, "history_versions": 1_000_000,
                "schema_versions": 100_000, "schema_bytes": 268_435_456},
            "retention": {}})
    );
    server.post("/api/v1/projects", body).await.is_problem(409, "project_exists");
    server.post("/api/v1/projects", r#"{"name":"UP"}"#).await.is_problem(400, "invalid_name");

    let path = "/api/v1/projects/shop";
    let changed = server.send("PATCH", path, &[], r#"{"display_name":"New"}"#).await.is(200);
    assert_eq!(changed.json()["display_name"], "New");
    assert_eq!(changed.header("guardian-revision"), "4");
    let read = server.get(path).await.is(200);
    let mut shown = read.json();
    let usage = shown.as_object_mut().and_then(|shown| shown.remove("usage"));
    assert_eq!(
        usage,
        Some(json!({"documents": 0, "bytes": 0, "api_keys": 0, "history_bytes": 0,
        "history_versions": 0, "schema_versions": 0, "schema_bytes": 0}))
    );
    assert_eq!((shown, read.header("cache-control")), (changed.json(), "private, no-store"));
    assert_eq!(
        server.get(&format!("{path}?consistency=stale")).await.header("guardian-consistency"),
        "stale"
    );
    server.send("DELETE", path, &[], "").await.is(204);
    server.get(path).await.is_problem(404, "project_not_found");
    server.send("DELETE", path, &[], "").await.is_problem(404, "project_not_found");
}

#[tokio::test]
async fn environments_live_in_a_project() {
    let server = Server::new().await;
    let path = format!("{PROJECT}/environments");
    let created = server.post(&path, r#"{"name":"production"}"#).await.is(201);
    assert_eq!(created.header("location"), format!("{path}/production"));
    assert_eq!(created.json()["project"], "demo");
    server.post(&path, r#"{"name":"production"}"#).await.is_problem(409, "environment_exists");
    let list = server.get(&path).await.is(200).json();
    assert_eq!(
        (&list["items"][0]["name"], &list["items"][1]["name"]),
        (&json!("default"), &json!("production"))
    );
    server.get(&format!("{path}/production")).await.is(200);
    server.send("DELETE", &format!("{path}/production"), &[], "").await.is(204);
    server.get(&format!("{path}/production")).await.is_problem(404, "environment_not_found");
    server
        .post("/api/v1/projects/none/environments", r#"{"name":"e"}"#)
        .await
        .is_problem(404, "project_not_found");
}

#[tokio::test]
async fn what_holds_configs_stays() {
    let server = Server::new().await;
    server.create("a", "1").await;
    server.send("DELETE", PROJECT, &[], "").await.is_problem(409, "project_not_empty");
    let environment = CONFIGS.trim_end_matches("/configs");
    server.send("DELETE", environment, &[], "").await.is_problem(409, "environment_not_empty");
}
