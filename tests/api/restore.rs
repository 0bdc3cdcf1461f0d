//! Rollback of an environment.

use crate::shared::project;
use e2e::{Answer, Project, fresh_name};
use serde_json::{Value, json};

async fn restore(project: &Project, query: &str, body: &Value) -> Answer {
    let path = project.path(&format!("/environments/default/rollback{query}"));
    project.client.post(&path).json(body).send().await
}

async fn contents(project: &Project) -> Value {
    let items = project.all(&project.configs("?include=content")).await;
    items.iter().map(|item| json!([item["key"], item["content"]])).collect()
}

#[tokio::test]
async fn an_environment_becomes_what_it_was_as_one_change() {
    let project = project().await;
    for key in ["changed", "deleted", "same", "there.and.back"] {
        project.create_config(key, &json!(key)).await;
    }
    let before = contents(&project).await;
    let good = project.client.get(&project.configs("")).send().await.is(200).revision();
    project.write("changed", &json!("bad")).await;
    project.client.delete(&project.config("deleted")).if_any().send().await.is(204);
    project.create_config("new", &json!("bad")).await;
    project.write("there.and.back", &json!("bad")).await;
    project.write("there.and.back", &json!("there.and.back")).await;
    let bad = contents(&project).await;

    let body = json!({ "to_revision": good, "message": "undo" });
    let tried = restore(&project, "?dry_run=true", &body).await.is(200).json();
    let effects = tried["effects"].as_array().expect("a list");
    let short: Value = effects.iter().map(|e| json!([e["action"], e["name"]])).collect();
    let name = |key: &str| format!("{}/default/{key}", project.name);
    assert_eq!(
        short,
        json!([["update", name("changed")], ["create", name("deleted")], ["delete", name("new")]])
    );
    assert_eq!(contents(&project).await, bad);

    let answer = restore(&project, "", &body).await.is(200);
    assert_eq!(contents(&project).await, before);
    let results = answer.json()["results"].clone();
    let short: Value = results
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| json!([r["op"], r["key"], r["version"]]))
        .collect();
    assert_eq!(short, json!([["put", "changed", 3], ["put", "deleted", 3], ["delete", "new", 2]]));
    let history = format!("{}/history", project.config("changed"));
    let newest = project.all(&history).await[0].clone();
    assert_eq!((&newest["kind"], &newest["from_version"]), (&json!("rollback"), &json!(1)));
    assert_eq!((&newest["revision"], &newest["message"]), (&json!(answer.revision()), &json!("undo")));
    assert_eq!(project.read("same").await["version"], 1);
    // A second rollback has nothing to change.
    assert_eq!(restore(&project, "", &body).await.is(200).json()["results"], json!([]));
}

#[tokio::test]
async fn every_document_is_held_to_the_schema_of_today() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "number" })).await;
    let good = project.create_bound("a", "s", &json!(1)).await.revision();
    project
        .client
        .put(&project.config("a"))
        .if_any()
        .json(&json!({ "content": "x", "schema": null }))
        .send()
        .await
        .is(200);
    let strings = json!({ "schema": { "type": "string" } });
    project.client.put(&project.path("/schemas/s")).json(&strings).send().await.is(200);
    let rebind = json!({ "content": "x", "schema": { "name": "s" } });
    project.client.put(&project.config("a")).if_any().json(&rebind).send().await.is(200);
    let refused =
        restore(&project, "", &json!({ "to_revision": good })).await.refused(422, "validation_failed");
    assert_eq!(refused["errors"][0]["operation"], 0);
    assert_eq!(project.read("a").await["content"], "x");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused() {
    let project = project().await;
    let empty = project.client.get(&project.configs("")).send().await.is(200).revision();
    let future = json!({ "to_revision": 1_u64 << 60 });
    restore(&project, "", &future).await.refused(400, "future_revision");
    for batch in 0..2 {
        let put = |n: u64| {
            json!({ "op": "put", "environment": "default", "key": format!("k{batch}.{n}"),
            "content": n, "expected_version": 0 })
        };
        let body = json!({ "operations": (0..65).map(put).collect::<Vec<_>>() });
        project.client.post(&project.path("/transactions")).json(&body).send().await.is(200);
    }
    let refused =
        restore(&project, "", &json!({ "to_revision": empty })).await.refused(422, "too_many_changes");
    assert_eq!(refused["limit"], 128);
    let reader = project.key_with(&["config:document:read"]).await;
    let now = project.create_config("one", &json!(1)).await.revision() - 1;
    restore(&reader, "", &json!({ "to_revision": now })).await.refused(403, "forbidden");
}

#[tokio::test]
async fn a_repeated_restoration_has_the_first_answer() {
    let project = project().await;
    let good = project.create_config("a", &json!(1)).await.revision();
    project.write("a", &json!(2)).await;
    project.create_config("b", &json!(1)).await;
    let (path, key) = (project.path("/environments/default/rollback"), fresh_name("key"));
    let body = json!({ "to_revision": good });
    let post = || project.client.post(&path).header("Idempotency-Key", &key).json(&body).send();
    let first = post().await.is(200);
    project.write("a", &json!(3)).await;
    let again = post().await.is(200);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((again.json(), again.revision()), (first.json(), first.revision()));
    assert_eq!(project.read("a").await["content"], 3);
}
