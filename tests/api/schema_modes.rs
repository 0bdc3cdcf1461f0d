//! Schema modes: a new version is refused if documents violate it, or accepted with a list of them.

use crate::shared::project;
use e2e::{Answer, Project};
use serde_json::{Value, json};

fn needs(name: &str) -> Value {
    json!({ "type": "object", "required": [name] })
}

async fn change(project: &Project, query: &str, body: &Value) -> Answer {
    project.client.put(&project.path(&format!("/schemas/s{query}"))).json(body).send().await
}

async fn failing(project: &Project) -> Vec<Value> {
    let found = project.all(&project.path("/schemas/s/failures")).await;
    found.iter().map(|one| one["key"].clone()).collect()
}

/// Schema `s` requires `x` with the mode `ratchet`; the earlier `old` lacks it, `new` has it.
async fn ratcheted() -> Project {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "object" })).await;
    project.create_bound("old", "s", &json!({ "n": 1 })).await;
    project.create_bound("new", "s", &json!({ "x": 1 })).await;
    let made = change(&project, "", &json!({ "schema": needs("x"), "mode": "ratchet" })).await.is(200).json();
    assert_eq!((&made["mode"], &made["version"]), (&json!("ratchet"), &json!(2)));
    project
}

#[tokio::test]
async fn a_ratchet_lets_failures_stay_and_adds_none() {
    let project = ratcheted().await;
    assert_eq!(failing(&project).await, ["old"]);
    assert_eq!(project.read("old").await["content"], json!({ "n": 1 }));
    let refused = async |call: e2e::Call| {
        call.send().await.refused(422, "validation_failed");
    };
    let put = |key: &str, body: Value| project.client.put(&project.config(key)).if_any().json(&body);
    refused(put("old", json!({ "content": { "n": 2 } }))).await;
    refused(put("new", json!({ "content": {} }))).await;
    let body = json!({ "content": {}, "schema": { "name": "s" } });
    refused(project.client.put(&project.config("third")).if_absent().json(&body)).await;
    project.create_config("free", &json!({})).await;
    refused(put("free", body)).await;
    let back = json!({ "to_version": 1 });
    refused(project.client.post(&project.config("old/rollback")).if_any().json(&back)).await;
    let operation = |key: &str| {
        json!({ "op": "put", "environment": "default", "key": key, "content": { "x": 2, "old": key == "old" },
            "expected_version": 1 })
    };
    let (good, mut bad) = (operation("new"), operation("old"));
    bad["content"] = json!({ "n": 3 });
    let both = json!({ "operations": [good, bad] });
    refused(project.client.post(&project.path("/transactions")).json(&both)).await;
    assert_eq!(failing(&project).await, ["old"]);
    assert_eq!(
        (&project.read("old").await["version"], &project.read("new").await["version"]),
        (&json!(1), &json!(1))
    );

    let to_strict = json!({ "schema": needs("x"), "mode": "strict" });
    let problem = change(&project, "", &to_strict).await.refused(422, "schema_breaks_documents");
    assert_eq!((&problem["total"], &problem["failures"][0]["key"]), (&json!(1), &json!("old")));
    project.write("old", &json!({ "x": 1 })).await;
    assert!(failing(&project).await.is_empty());
    assert_eq!(change(&project, "", &to_strict).await.is(200).json()["mode"], "strict");
    change(&project, "", &json!({ "schema": needs("y") })).await.refused(422, "schema_breaks_documents");
}

#[tokio::test]
async fn a_plan_lists_all_that_would_fail() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "object" })).await;
    let operation = |n: u64| {
        json!({ "op": "put", "environment": "default", "key": format!("k{n:03}"), "content": {},
            "schema": { "name": "s" }, "expected_version": 0 })
    };
    for first in [0, 120] {
        let operations: Vec<Value> = (first..first + 120).map(operation).collect();
        let body = json!({ "operations": operations });
        project.client.post(&project.path("/transactions")).json(&body).send().await.is(200);
    }
    let four = json!({ "type": "object", "required": ["a", "b", "c", "d"] });
    let lengths = |answer: &Value| {
        let failures = answer["failures"].as_array().expect("a list").clone();
        (failures.len(), failures.iter().map(|one| one["errors"].as_array().map_or(0, Vec::len)).max())
    };
    let body = json!({ "schema": four });
    let refused = change(&project, "", &body).await.refused(422, "schema_breaks_documents");
    assert_eq!((&refused["total"], lengths(&refused)), (&json!(240), (100, Some(4))));
    let plan = change(&project, "?dry_run=true", &body).await.refused(422, "schema_breaks_documents");
    assert_eq!((&plan["total"], lengths(&plan)), (&json!(240), (240, Some(3))));
    let body = json!({ "schema": four, "mode": "ratchet" });
    let plan = change(&project, "?dry_run=true", &body).await.is(200).json();
    assert_eq!((&plan["failing_documents"], lengths(&plan)), (&json!(240), (240, Some(3))));
    assert_eq!((&plan["dry_run"], &plan["effects"][0]["to_version"]), (&json!(true), &json!(2)));
    let error = &plan["failures"][0]["errors"][0];
    assert_eq!((&error["schema_pointer"], &error["keyword"]), (&json!("/required"), &json!("required")));
    let read = project.client.get(&project.path("/schemas/s")).send().await.is(200).json();
    assert_eq!((&read["version"], &read["mode"]), (&json!(1), &json!("strict")));
}

#[tokio::test]
async fn documents_that_a_key_may_not_read_are_only_counted() {
    let project = ratcheted().await;
    let blind = project.key_with(&["config:schema:read"]).await;
    let path = project.path("/schemas/s/failures");
    let page = blind.client.get(&path).send().await.is(200).json();
    assert_eq!((&page["items"], &page["hidden"], &page["version"]), (&json!([]), &json!(1), &json!(2)));
    let none = project.key_with(&["config:document:read"]).await;
    none.client.get(&path).send().await.refused(403, "forbidden");
    let stranger = crate::shared::project().await.key_with(&["config:schema:read"]).await;
    let status = stranger.client.get(&path).send().await.status;
    assert!([403, 404].contains(&status), "{status}");
}
