//! Patches: partial changes keep the text of the rest, and concurrent patches are not lost.

use crate::shared::{everywhere, project};
use e2e::{Answer, Project, TestClient};
use serde_json::json;

const MERGE: &str = "application/merge-patch+json";
const OPERATIONS: &str = "application/json-patch+json";

async fn patch(client: &TestClient, project: &Project, kind: &str, body: &str) -> Answer {
    client.patch(&project.config("a")).if_any().text(kind, body).send().await
}

#[tokio::test]
async fn what_is_not_touched_keeps_its_text() {
    let project = project().await;
    let path = project.config("a");
    let body = r#"{"content":{"price":1.10,"big":18446744073709551616,"escaped":"\u00e9","x":1}}"#;
    project.client.put(&path).if_absent().text("application/json", body).send().await.is(201);
    let merged = patch(&project.client, &project, MERGE, r#"{"x":null,"y":{"z":2.50}}"#).await.is(200);
    assert_eq!(merged.etag(), 2);
    let operations = r#"[{"op":"test","path":"/y/z","value":2.5},{"op":"move","from":"/y/z","path":"/z"}]"#;
    patch(&project.client, &project, OPERATIONS, operations).await.is(200);
    for client in everywhere().await {
        let bare = client.get(&format!("{path}/content")).send().await.is(200);
        let expected = r#"{"price":1.10,"big":18446744073709551616,"escaped":"\u00e9","y":{},"z":2.50}"#;
        assert_eq!((bare.text(), bare.etag()), (expected, 3));
    }
    let items = project.all(&project.config("a/history")).await;
    assert_eq!(items.iter().map(|item| &item["kind"]).collect::<Vec<_>>(), ["patch", "patch", "create"]);
}

#[tokio::test]
async fn a_patch_says_what_it_expects() {
    let project = project().await;
    project.create_config("a", &json!({ "n": 1 })).await;
    let call = || project.client.patch(&project.config("a"));
    call().text(MERGE, "{}").send().await.refused(428, "precondition_required");
    let stale = call().if_match(7).text(MERGE, "{}").send().await;
    assert_eq!(stale.refused(412, "version_conflict")["current_version"], 1);
    let wrong = call().if_any().json(&json!({})).send().await;
    assert_eq!(wrong.header("accept-patch"), Some(format!("{MERGE}, {OPERATIONS}").as_str()));
    wrong.refused(415, "unsupported_media_type");
    let failing = r#"[{"op":"add","path":"/m","value":1},{"op":"replace","path":"/none","value":1}]"#;
    let problem = call().if_match(1).text(OPERATIONS, failing).send().await.refused(422, "patch_failed");
    assert_eq!((&problem["operation"], &problem["pointer"]), (&json!(1), &json!("/none")));
    assert_eq!(project.read("a").await["content"], json!({ "n": 1 }));
}

#[tokio::test]
async fn a_patched_document_is_held_to_its_schema() {
    let project = project().await;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    project.create_schema("numbers", &schema).await;
    project.create_bound("a", "numbers", &json!({ "n": 1 })).await;
    let refused = patch(&project.client, &project, MERGE, r#"{"n":"x"}"#).await;
    assert_eq!(refused.refused(422, "validation_failed")["errors"][0]["pointer"], "/n");
    patch(&project.client, &project, MERGE, r#"{"n":null}"#).await.refused(422, "validation_failed");
    patch(&project.client, &project, MERGE, r#"{"n":2}"#).await.is(200);
}

/// Concurrent writers on every node, each patching its own member: no change is lost.
#[tokio::test]
async fn patches_of_any_version_do_not_lose_each_other() {
    let project = project().await;
    project.create_config("a", &json!({})).await;
    let clients = everywhere().await;
    let writers = clients.iter().enumerate().map(|(at, client)| {
        let (client, project) = (client.clone(), project.clone());
        tokio::spawn(async move {
            for n in 0..10 {
                let body = format!("{{\"w{at}-{n}\":1}}");
                patch(&client, &project, MERGE, &body).await.is(200);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("the writer ends well");
    }
    let now = project.read("a").await;
    assert_eq!(now["content"].as_object().map(serde_json::Map::len), Some(10 * clients.len()));
    assert_eq!(now["version"], 1 + 10 * clients.len());
}
