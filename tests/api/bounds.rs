//! Quotas and retention of projects.

use crate::shared::{everywhere, project};
use e2e::{Project, until};
use serde_json::{Value, json};
use std::time::Duration;

/// Housekeeping runs every five seconds.
const PRUNED_WITHIN: Duration = Duration::from_mins(1);

async fn change(project: &Project, body: &Value) -> Value {
    project.client.patch(&project.path("")).json(body).send().await.is(200).json()
}

#[tokio::test]
async fn a_project_holds_no_more_than_its_quotas() {
    let project = project().await;
    let shown = change(&project, &json!({ "quotas": { "documents": 2, "bytes": 100, "api_keys": 1 } })).await;
    assert_eq!((&shown["quotas"]["documents"], &shown["quotas"]["watchers"]), (&json!(2), &json!(10_000)));
    project.create_config("a", &json!("x".repeat(48))).await;
    let put = |key: &str, text: String| {
        project.client.put(&project.config(key)).if_absent().json(&json!({ "content": text })).send()
    };
    let refused = put("b", "x".repeat(49)).await.refused(403, "quota_exceeded");
    assert_eq!(
        (&refused["limit"], &refused["max"], &refused["used"]),
        (&json!("bytes"), &json!(100), &json!(50))
    );
    put("b", "x".repeat(48)).await.is(201);
    let refused = put("c", String::new()).await.refused(403, "quota_exceeded");
    assert_eq!(
        (&refused["limit"], &refused["max"], &refused["used"]),
        (&json!("documents"), &json!(2), &json!(2))
    );
    let step =
        json!({ "op": "put", "environment": "default", "key": "c", "content": 1, "expected_version": 0 });
    let transaction = json!({ "operations": [step] });
    let post = project.client.post(&project.path("/transactions")).json(&transaction);
    post.send().await.refused(403, "quota_exceeded");
    let key = json!({ "name": "ci", "permissions": ["config:document:read"] });
    project.create_key(&key).await;
    let refused = project.client.post(&project.path("/api-keys")).json(&key).send().await;
    assert_eq!(refused.refused(403, "quota_exceeded")["limit"], "api_keys");
    let read = project.client.get(&project.path("")).send().await.is(200).json();
    let usage = &read["usage"];
    assert_eq!(
        (&usage["documents"], &usage["bytes"], &usage["api_keys"]),
        (&json!(2), &json!(100), &json!(1))
    );
    // Deletions are permitted even above a lowered quota.
    change(&project, &json!({ "quotas": { "documents": 0, "bytes": 0 } })).await;
    project.write("a", &json!("")).await;
    project.client.delete(&project.config("b")).if_any().send().await.is(204);
    let read = project.client.get(&project.path("")).send().await.is(200).json();
    assert_eq!((&read["usage"]["documents"], &read["usage"]["bytes"]), (&json!(1), &json!(2)));
}

/// History counts towards the quota: one key, written repeatedly.
#[tokio::test]
async fn a_project_keeps_no_more_history_than_its_quota() {
    let project = project().await;
    let quotas = json!({ "documents": 1, "bytes": 2_000_000, "history_bytes": 3_000_000 });
    let bounds = json!({ "quotas": quotas, "retention": { "versions": 1000 } });
    let shown = change(&project, &bounds).await;
    assert_eq!(shown["quotas"]["history_bytes"], 3_000_000);
    project.create_config("a", &json!(0)).await;
    let mut written = 0;
    let refused = loop {
        let body = json!({ "content": format!("{written}{}", "x".repeat(500_000)) });
        let answer = project.client.put(&project.config("a")).if_any().json(&body).send().await;
        if answer.status != 200 {
            break answer.refused(403, "quota_exceeded");
        }
        written += 1;
        assert!(written < 10, "4.5 MB of history were kept");
    };
    assert_eq!((&refused["limit"], &refused["max"]), (&json!("history_bytes"), &json!(3_000_000)));
    // A shorter retention frees quota.
    change(&project, &json!({ "retention": { "versions": 1 } })).await;
    until("there is room again", PRUNED_WITHIN, async || {
        let body = json!({ "content": 1 });
        let answer = project.client.put(&project.config("a")).if_any().json(&body).send().await;
        (answer.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_project_has_no_more_watchers_at_a_node_than_its_quota() {
    let (project, other) = (project().await, project().await);
    change(&project, &json!({ "quotas": { "watchers": 2 } })).await;
    let known = project.create_config("a", &json!(1)).await.etag();
    let clients = everywhere().await;
    let own = project.through(clients[0].clone());
    let watch = |own: &Project| own.client.get(&own.watched(""));
    let first = watch(&own).watch().await;
    let _second = watch(&own).watch().await;
    let refused = watch(&own).send().await.refused(403, "quota_exceeded");
    assert_eq!(
        (&refused["limit"], &refused["max"], &refused["used"]),
        (&json!("watchers"), &json!(2), &json!(2))
    );
    // A waiting read counts as a watcher; a read that is answered at once does not.
    let path = format!("{}?wait=20s", own.config("a"));
    let wait = |etag: u64| own.client.get(&path).header("If-None-Match", &format!("\"{etag}\"")).send();
    wait(known).await.refused(403, "quota_exceeded");
    wait(known + 1).await.is(200);
    // Other nodes and other projects are not affected, and a closed watch frees its slot.
    let _elsewhere = watch(&project.through(clients[1].clone())).watch().await;
    let _other = watch(&other.through(clients[0].clone())).watch().await;
    drop(first);
    until("the place to be free", Duration::from_secs(10), async || watch(&own).try_watch().await.ok()).await;
}

#[tokio::test]
async fn only_the_platform_sets_quotas() {
    let project = project().await;
    let owner = project.key_with(&["project:project:write", "project:project:read"]).await;
    let patch = |body: Value| owner.client.patch(&owner.path("")).json(&body).send();
    patch(json!({ "quotas": { "documents": 5 } })).await.refused(403, "forbidden");
    patch(json!({ "retention": { "versions": 5 } })).await.is(200);
    assert_eq!(patch(json!({ "display_name": "Shop" })).await.is(200).json()["retention"]["versions"], 5);
    patch(json!({ "display_name": "Other", "quotas": { "documents": 5 } })).await.refused(403, "forbidden");
    let read = project.client.get(&project.path("")).send().await.is(200).json();
    assert_eq!((&read["display_name"], &read["quotas"]["documents"]), (&json!("Shop"), &json!(1_000_000)));
}

#[tokio::test]
async fn bounds_have_bounds() {
    let project = project().await;
    let own = &project;
    let refused = |body: Value| async move {
        own.client.patch(&own.path("")).json(&body).send().await.refused(422, "invalid_body")["field"].clone()
    };
    assert_eq!(refused(json!({})).await, "display_name");
    assert_eq!(refused(json!({ "quotas": { "bytes": 1_u64 << 60 } })).await, "quotas.bytes");
    assert_eq!(refused(json!({ "quotas": null })).await, "quotas");
    assert_eq!(refused(json!({ "quotas": [1] })).await, "quotas");
    assert_eq!(refused(json!({ "retention": [] })).await, "retention");
    assert_eq!(refused(json!({ "retention": { "versions": 0 } })).await, "retention.versions");
    assert_eq!(refused(json!({ "retention": { "age_days": 40_000 } })).await, "retention.age_days");
}

#[tokio::test]
async fn old_versions_go_and_the_newest_stays() {
    let project = project().await;
    change(&project, &json!({ "retention": { "versions": 3 } })).await;
    let first = project.create_config("a", &json!(1)).await.revision();
    project.create_config("gone", &json!(1)).await;
    project.create_config("still", &json!(1)).await;
    for n in 2..=9 {
        project.write("a", &json!(n)).await;
        project.write("gone", &json!(n)).await;
    }
    project.client.delete(&project.config("gone")).if_any().send().await.is(204);
    for key in ["a", "gone"] {
        let history = format!("{}/history", project.config(key));
        until("old versions to go", Duration::from_secs(30), async || {
            let mut kept = 0;
            for client in everywhere().await {
                kept += project.through(client).all(&history).await.len();
            }
            (kept == 9).then_some(())
        })
        .await;
    }
    for client in everywhere().await {
        let version = |n: u64| client.get(&format!("{}/history/{n}", project.config("a"))).send();
        version(6).await.refused(404, "version_not_found");
        assert_eq!(version(7).await.is(200).json()["content"], 7);
    }
    assert_eq!(project.read("a").await["content"], 9);
    assert_eq!(project.read("still").await["version"], 1);
    // An earlier state is pruned; it is not reported as missing.
    let before = format!("{}?revision={first}", project.config("a"));
    let refused = project.client.get(&before).send().await.refused(410, "history_pruned");
    assert_eq!((&refused["key"], &refused["oldest_version"]), (&json!("a"), &json!(7)));
    let list = format!("{}?revision={first}", project.configs(""));
    project.client.get(&list).send().await.refused(410, "history_pruned");
    // Version numbers continue.
    assert_eq!(project.create_config("gone", &json!(0)).await.etag(), 11);
    let rollback = format!("{}/rollback", project.config("a"));
    let back = project.client.post(&rollback).if_match(9).json(&json!({ "to_version": 2 }));
    back.send().await.refused(404, "version_not_found");
}
