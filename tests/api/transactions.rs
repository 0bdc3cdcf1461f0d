//! Transactions: several changes at one revision, or none.

use crate::shared::project;
use e2e::{Answer, Project};
use serde_json::{Value, json};

fn put(key: &str, content: &Value, expected: u64) -> Value {
    json!({ "op": "put", "environment": "default", "key": key, "content": content, "expected_version": expected })
}

fn step(op: &str, key: &str, expected: u64) -> Value {
    json!({ "op": op, "environment": "default", "key": key, "expected_version": expected })
}

async fn transact(project: &Project, operations: &[Value]) -> Answer {
    let body = json!({ "operations": operations, "message": "together" });
    project.client.post(&project.path("/transactions")).json(&body).send().await
}

#[tokio::test]
async fn a_transaction_is_one_revision_over_environments() {
    let project = project().await;
    let prod = json!({ "name": "prod" });
    project.client.post(&project.path("/environments")).json(&prod).send().await.is(201);
    project.create_config("a", &json!(1)).await;
    project.create_config("b", &json!(1)).await;
    project.create_config("c", &json!(1)).await;
    let mut other = put("a", &json!({ "prod": true }), 0);
    other["environment"] = json!("prod");
    let steps = [put("a", &json!(2), 1), step("delete", "b", 1), step("check", "c", 1), other];
    let answer = transact(&project, &steps).await.is(200);
    let body = answer.json();
    assert_eq!(body["revision"], answer.revision());
    let results = body["results"].as_array().expect("a list");
    let short: Vec<_> =
        results.iter().map(|r| (&r["op"], &r["environment"], &r["key"], &r["version"])).collect();
    let expected = json!([
        ["put", "default", "a", 2],
        ["delete", "default", "b", 2],
        ["check", "default", "c", 1],
        ["put", "prod", "a", 1]
    ]);
    assert_eq!(serde_json::to_value(short).expect("plain values"), expected);
    let read = project.read("a").await;
    assert_eq!(
        (&read["content"], &read["revision"], &read["message"]),
        (&json!(2), &body["revision"], &json!("together"))
    );
    project.client.get(&project.config("b")).send().await.refused(404, "config_not_found");
}

#[tokio::test]
async fn nothing_is_done_when_one_operation_is_refused() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let steps = [put("a", &json!(2), 1), put("n", &json!(1), 0), step("check", "a", 7)];
    // A repeated config is refused before any other check.
    assert_eq!(transact(&project, &steps).await.refused(422, "config_repeated")["operation"], 2);
    let steps = [put("n", &json!(1), 0), step("check", "a", 7)];
    let refused = transact(&project, &steps).await.refused(412, "version_conflict");
    assert_eq!((&refused["operation"], &refused["current_version"]), (&json!(1), &json!(1)));
    let steps = [put("n", &json!(1), 0), step("delete", "gone", 1)];
    assert_eq!(transact(&project, &steps).await.refused(404, "config_not_found")["operation"], 1);
    let mut elsewhere = put("n", &json!(1), 0);
    elsewhere["environment"] = json!("nowhere");
    assert_eq!(transact(&project, &[elsewhere]).await.refused(404, "environment_not_found")["operation"], 0);
    project.client.get(&project.config("n")).send().await.refused(404, "config_not_found");
    assert_eq!(project.read("a").await["version"], 1);
}

#[tokio::test]
async fn every_violation_names_its_operation() {
    let project = project().await;
    project.create_schema("number", &json!({ "type": "number" })).await;
    let bound = |key: &str, content: Value| {
        let mut put = put(key, &content, 0);
        put["schema"] = json!({ "name": "number" });
        put
    };
    let steps = [bound("a", json!("x")), bound("b", json!(1)), bound("c", json!([]))];
    let refused = transact(&project, &steps).await.refused(422, "validation_failed");
    let named: Vec<_> =
        refused["errors"].as_array().expect("a list").iter().map(|e| &e["operation"]).collect();
    assert_eq!((named, &refused["operation"]), (vec![&json!(0), &json!(2)], &json!(0)));
    assert!(project.all(&project.configs("")).await.is_empty());
    transact(&project, &[bound("a", json!(1)), bound("b", json!(2))]).await.is(200);
}

#[tokio::test]
async fn bad_transactions_are_refused_by_name() {
    let project = project().await;
    let own = &project;
    let refused = |steps: Vec<Value>| async move { transact(own, &steps).await };
    assert_eq!(refused(vec![]).await.refused(422, "invalid_body")["field"], "operations");
    let many = (0..129).map(|n| put(&format!("k{n}"), &json!(1), 0)).collect();
    assert_eq!(refused(many).await.refused(422, "invalid_body")["field"], "operations");
    let mut checked = step("check", "a", 1);
    checked["content"] = json!(null);
    let answer = refused(vec![checked]).await.refused(422, "invalid_body");
    assert_eq!((&answer["field"], &answer["operation"]), (&json!("operations[0].content"), &json!(0)));
    let answer = refused(vec![step("put", "a", 0)]).await.refused(422, "invalid_body");
    assert_eq!(answer["field"], "operations[0].content");
    let answer = refused(vec![step("delete", "a", 0)]).await.refused(422, "invalid_body");
    assert_eq!(answer["field"], "operations[0].expected_version");
    refused(vec![step("put", "A!", 0)]).await.refused(400, "invalid_name");
    refused(vec![step("move", "a", 0)]).await.refused(422, "invalid_body");
    let unsafe_put = json!({ "op": "put", "environment": "default", "key": "a", "content": 1 });
    assert_eq!(refused(vec![unsafe_put]).await.refused(422, "invalid_body")["field"], "expected_version");
    // `null` is a document.
    refused(vec![put("null", &json!(null), 0)]).await.is(200);
    assert_eq!(project.read("null").await["content"], json!(null));
}

#[tokio::test]
async fn a_large_transaction_fits() {
    let project = project().await;
    let large = json!("x".repeat(900 * 1024));
    let steps: Vec<Value> = (0..8).map(|n| put(&format!("k{n}"), &large, 0)).collect();
    transact(&project, &steps).await.is(200);
    let steps: Vec<Value> = (8..18).map(|n| put(&format!("k{n}"), &large, 0)).collect();
    let refused = transact(&project, &steps).await.refused(413, "body_too_large");
    assert_eq!(refused["limit_bytes"], 8 * 1024 * 1024);
    assert_eq!(project.all(&project.configs("")).await.len(), 8);
}

#[tokio::test]
async fn a_transaction_of_checks_changes_nothing() {
    let project = project().await;
    let made = project.create_config("a", &json!(1)).await;
    let answer = transact(&project, &[step("check", "a", 1), step("check", "b", 0)]).await.is(200);
    assert!(answer.revision() >= made.revision());
    assert_eq!(answer.header("guardian-dry-run"), None);
    assert_eq!(answer.json()["results"][1]["version"], 0);
    let tried = json!({ "operations": [step("check", "a", 1)] });
    let tried =
        project.client.post(&project.path("/transactions?dry_run=true")).json(&tried).send().await.is(200);
    assert_eq!((&tried.json()["dry_run"], &tried.json()["effects"]), (&json!(true), &json!([])));
    transact(&project, &[step("check", "b", 1)]).await.refused(412, "version_conflict");
}

#[tokio::test]
async fn each_operation_needs_its_own_permission() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let writer = project.key_with(&["config:document:write"]).await;
    transact(&writer, &[put("b", &json!(1), 0)]).await.is(200);
    let refused = transact(&writer, &[put("c", &json!(1), 0), step("delete", "a", 1)]).await;
    assert_eq!(refused.refused(403, "forbidden")["operation"], 1);
    transact(&writer, &[step("check", "a", 1)]).await.refused(403, "forbidden");
    project.client.get(&project.config("c")).send().await.refused(404, "config_not_found");
}
