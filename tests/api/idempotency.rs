//! Retries with an idempotency key: one change, one response.

use crate::shared::{everywhere, project};
use e2e::fresh_name;
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_repeated_request_changes_nothing_and_has_the_first_answer() {
    let project = project().await;
    let (path, key) = (project.config("a"), fresh_name("key"));
    let put = |client: &e2e::TestClient, content: i64| {
        client
            .put(&path)
            .if_absent()
            .header("Idempotency-Key", &key)
            .json(&json!({ "content": content }))
            .send()
    };
    let first = put(&project.client, 1).await.is(201);
    assert_eq!(first.header("idempotent-replayed"), None);
    // The config has changed since; without the idempotency key the request would be refused.
    let change = project.client.put(&path).if_match(1).json(&json!({ "content": 5 }));
    change.send().await.is(200);
    for client in everywhere().await {
        let again = put(&client, 1).await.is(201);
        assert_eq!(again.header("idempotent-replayed"), Some("true"));
        assert_eq!((again.json(), again.etag()), (first.json(), first.etag()));
        assert_eq!(again.revision(), first.revision());
        put(&client, 2).await.refused(422, "idempotency_key_reused");
    }
    assert_eq!(project.read("a").await["version"], 2);
}

#[tokio::test]
async fn fifty_parallel_retries_commit_once() {
    let project = project().await;
    project.create_config("a", &json!(0)).await;
    let (path, key) = (project.config("a"), fresh_name("key"));
    let clients = everywhere().await;
    let mut retries = tokio::task::JoinSet::new();
    for n in 0..50 {
        let put = clients[n % clients.len()].put(&path).if_any().header("Idempotency-Key", &key);
        retries.spawn(put.json(&json!({ "content": "once" })).send());
    }
    let answers = retries.join_all().await;
    let versions: BTreeSet<u64> = answers.into_iter().map(|answer| answer.is(200).etag()).collect();
    assert_eq!(versions, BTreeSet::from([2]));
    assert_eq!(project.read("a").await["version"], 2);
}

#[tokio::test]
async fn every_kind_of_change_can_be_repeated() {
    let project = project().await;
    let twice = |what: &'static str, status: u16, call: Box<dyn Fn() -> e2e::Call>| async move {
        let key = fresh_name("key");
        let first = call().header("Idempotency-Key", &key).send().await.is(status);
        let again = call().header("Idempotency-Key", &key).send().await.is(status);
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{what}");
        assert_eq!((&again.body, again.revision()), (&first.body, first.revision()), "{what}");
    };
    let post = |path: &str, body: serde_json::Value| {
        let (client, path) = (project.client.clone(), project.path(path));
        Box::new(move || client.post(&path).json(&body))
    };
    let own = project.client.clone();
    let name = fresh_name("again");
    let new_project = json!({ "name": name });
    twice("project", 201, Box::new(move || own.post("/api/v1/projects").json(&new_project))).await;
    twice("environment", 201, post("/environments", json!({ "name": "prod" }))).await;
    twice("schema", 201, post("/schemas", json!({ "name": "s", "schema": {} }))).await;
    let (own, path) = (project.client.clone(), project.path("/schemas/s"));
    twice("version", 200, Box::new(move || own.put(&path).json(&json!({ "schema": true })))).await;
    let put =
        json!({ "op": "put", "environment": "default", "key": "a", "content": 1, "expected_version": 0 });
    twice("transaction", 200, post("/transactions", json!({ "operations": [put] }))).await;
    let (own, path) = (project.client.clone(), project.config("a"));
    let body = json!({ "content": 2, "schema": { "name": "s" } });
    twice("put", 200, Box::new(move || own.put(&path).if_match(1).json(&body))).await;
    let (own, path) = (project.client.clone(), project.config("a"));
    let merge = "application/merge-patch+json";
    twice("patch", 200, Box::new(move || own.patch(&path).if_match(2).text(merge, "3"))).await;
    let (own, path) = (project.client.clone(), format!("{}/rollback", project.config("a")));
    twice("rollback", 200, Box::new(move || own.post(&path).if_match(3).json(&json!({ "to_version": 1 }))))
        .await;
    let (own, path) = (project.client.clone(), project.config("a"));
    twice("delete", 204, Box::new(move || own.delete(&path).if_match(4))).await;
}

#[tokio::test]
async fn a_refused_request_is_not_remembered() {
    let project = project().await;
    let (path, key) = (project.config("a"), fresh_name("key"));
    let put =
        || project.client.put(&path).if_any().header("Idempotency-Key", &key).json(&json!({ "content": 1 }));
    put().send().await.refused(412, "version_conflict");
    project.create_config("a", &json!(0)).await;
    assert_eq!(put().send().await.is(200).header("idempotent-replayed"), None);
}

#[tokio::test]
async fn a_key_is_its_owners_own() {
    let project = project().await;
    project.create_config("a", &json!(0)).await;
    let other = project.key_with(&["config:document:write", "config:document:read"]).await;
    let key = fresh_name("key");
    for (owner, content) in [(&project, 1), (&other, 2)] {
        let put = owner.client.put(&owner.config("a")).if_any().header("Idempotency-Key", &key);
        assert_eq!(
            put.json(&json!({ "content": content })).send().await.is(200).header("idempotent-replayed"),
            None
        );
    }
    assert_eq!(project.read("a").await["version"], 3);
}

#[tokio::test]
async fn a_secret_is_not_shown_twice() {
    let project = project().await;
    let (path, key) = (project.path("/api-keys"), fresh_name("key"));
    let body = json!({ "name": "ci", "permissions": ["config:document:read"] });
    let post = || project.client.post(&path).header("Idempotency-Key", &key).json(&body).send();
    let id = post().await.is(201).json()["id"].clone();
    assert_eq!(post().await.refused(409, "secret_shown_once")["id"], id);
    assert_eq!(project.all(&path).await.len(), 1);
}

#[tokio::test]
async fn bad_keys_are_refused() {
    let project = project().await;
    let put = |key: &str| {
        let put = project.client.put(&project.config("a")).if_absent().header("Idempotency-Key", key);
        put.json(&json!({ "content": 1 })).send()
    };
    put("").await.refused(400, "invalid_idempotency_key");
    put("two words").await.refused(400, "invalid_idempotency_key");
    let refused = put(&"x".repeat(256)).await.refused(400, "invalid_idempotency_key");
    assert_eq!(refused["limit_bytes"], 255);
    put(&"x".repeat(255)).await.is(201);
}
