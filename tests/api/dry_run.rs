//! Dry runs: every check runs, nothing is stored, and the response describes the effects.

use crate::shared::project;
use serde_json::json;

#[tokio::test]
async fn a_put_is_only_tried() {
    let project = project().await;
    let path = project.config("a");
    let tried = format!("{path}?dry_run=true");
    let body = json!({ "content": { "n": 1.50 }, "message": "try" });
    let answer = project.client.put(&tried).if_absent().json(&body).send().await.is(201);
    let shown = answer.json();
    assert_eq!((&shown["version"], &shown["content"]["n"]), (&json!(1), &json!(1.5)));
    assert_eq!((&shown["dry_run"], answer.header("guardian-dry-run")), (&json!(true), Some("true")));
    assert_eq!((answer.header("etag"), answer.header("location")), (None, None));
    let effect = &shown["effects"][0];
    assert_eq!((&effect["action"], &effect["kind"]), (&json!("create"), &json!("config")));
    assert_eq!((&effect["from_version"], &effect["to_version"]), (&json!(0), &json!(1)));
    project.client.get(&path).send().await.refused(404, "config_not_found");

    let made = project.create_config("a", &json!({ "n": 1 })).await;
    let body = json!({ "content": { "n": 2 } });
    let answer = project.client.put(&tried).if_match(1).json(&body).send().await.is(200);
    let effect = &answer.json()["effects"][0];
    assert_eq!((&effect["before"], &effect["after"]), (&json!({ "n": 1 }), &json!({ "n": 2 })));
    assert_eq!(effect["patch"], json!([{ "op": "replace", "path": "/n", "value": 2 }]));
    assert!(effect["text"].as_str().is_some_and(|text| text.contains("+  \"n\": 2")), "{effect}");
    assert_eq!(answer.json()["effects"].as_array().map(Vec::len), Some(1));
    assert!(answer.revision() >= made.revision());
    project.client.put(&tried).if_match(9).json(&body).send().await.refused(412, "version_conflict");
    let deletion = project.client.delete(&tried).if_match(1).send().await.is(200);
    assert_eq!(deletion.json()["effects"][0]["action"], "delete");
    let read = project.read("a").await;
    assert_eq!((&read["version"], &read["content"]), (&json!(1), &json!({ "n": 1 })));
}

#[tokio::test]
async fn checks_are_the_real_ones() {
    let project = project().await;
    project.create_schema("number", &json!({ "type": "number" })).await;
    let body = json!({ "content": "x", "schema": { "name": "number" } });
    let put = |query: &str| project.client.put(&format!("{}{query}", project.config("a"))).if_absent();
    put("?dry_run=true").json(&body).send().await.refused(422, "validation_failed");
    let body = json!({ "content": 1, "schema": { "name": "number" } });
    put("").json(&body).send().await.is(201);
    let schema = project.path("/schemas/number?dry_run=true");
    let strings = json!({ "schema": { "type": "string" } });
    let refused =
        project.client.put(&schema).json(&strings).send().await.refused(422, "schema_breaks_documents");
    assert_eq!(refused["failures"][0]["key"], "a");
    let whole = json!({ "schema": { "type": "integer" } });
    let answer = project.client.put(&schema).json(&whole).send().await.is(200);
    assert_eq!(answer.json()["effects"][0]["after"], json!({ "type": "integer" }));
    let read = project.client.get(&project.path("/schemas/number")).send().await.is(200);
    assert_eq!(read.json()["version"], 1);
}

#[tokio::test]
async fn everything_can_be_tried() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let tried = |path: &str| project.path(&format!("{path}?dry_run=true"));
    let post = |path: &str, body: serde_json::Value| project.client.post(&tried(path)).json(&body).send();
    post("/environments", json!({ "name": "prod" })).await.is(201);
    post("/schemas", json!({ "name": "s", "schema": {} })).await.is(201);
    let body = json!({ "name": "ci", "permissions": ["config:document:read"] });
    let key = post("/api-keys", body).await.is(201).json();
    assert_eq!((&key["key"], &key["dry_run"]), (&json!(""), &json!(true)));
    let put =
        json!({ "op": "put", "environment": "default", "key": "b", "content": 1, "expected_version": 0 });
    let delete = json!({ "op": "delete", "environment": "default", "key": "a", "expected_version": 1 });
    let answer = post("/transactions", json!({ "operations": [put, delete] })).await.is(200).json();
    let actions: Vec<_> =
        answer["effects"].as_array().expect("a list").iter().map(|e| &e["action"]).collect();
    assert_eq!(actions, [&json!("create"), &json!("delete")]);
    project.client.delete(&tried("/environments/default")).send().await.refused(409, "environment_not_empty");
    let change = json!({ "display_name": "Other" });
    project.client.patch(&tried("")).json(&change).send().await.is(200);
    let rollback = json!({ "to_version": 1 });
    let path = format!("{}/rollback?dry_run=true", project.config("a"));
    project.client.post(&path).if_match(1).json(&rollback).send().await.is(200);

    assert_eq!(project.all(&project.path("/environments")).await.len(), 1);
    assert!(project.all(&project.path("/schemas")).await.is_empty());
    assert!(project.all(&project.path("/api-keys")).await.is_empty());
    let items = project.all(&project.configs("")).await;
    assert_eq!((items.len(), &items[0]["version"]), (1, &json!(1)));
    let read = project.client.get(&project.path("")).send().await.is(200);
    assert_eq!(read.json()["revision"], read.json()["revision"]);
    assert_ne!(read.json()["display_name"], "Other");
}
