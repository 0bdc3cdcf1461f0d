//! History: every version stays, a rollback is a new one.

use crate::shared::project;
use serde_json::{Value, json};

#[tokio::test]
async fn every_version_stays() {
    let project = project().await;
    let path = project.config("a");
    project.create_config("a", &json!({ "n": 1 })).await;
    project.write("a", &json!({ "n": 2 })).await;
    project.client.delete(&path).if_match(2).send().await.is(204);
    project.create_config("a", &json!({ "n": 4 })).await;
    let items = project.all(&format!("{path}/history")).await;
    let seen: Vec<(u64, &str)> = items
        .iter()
        .map(|item| (item["version"].as_u64().expect("a number"), item["kind"].as_str().expect("a kind")))
        .collect();
    assert_eq!(seen, [(4, "create"), (3, "delete"), (2, "update"), (1, "create")]);
    assert_eq!(items[1]["content_sha256"], Value::Null);
    for (item, n) in [(&items[3], 1), (&items[2], 2), (&items[0], 4)] {
        let version = &item["version"];
        let one = project.client.get(&format!("{path}/history/{version}")).send().await.is(200).json();
        assert_eq!(one["content"], json!({ "n": n }));
        assert_eq!(one["content_sha256"], item["content_sha256"]);
    }
    let gone = project.client.get(&format!("{path}/history/3")).send().await.is(200).json();
    assert_eq!((&gone["kind"], &gone["content"]), (&json!("delete"), &Value::Null));
    project.client.get(&format!("{path}/history/5")).send().await.refused(404, "version_not_found");
    project.client.get(&format!("{path}/history/0")).send().await.refused(400, "invalid_name");
    project.client.get(&format!("{path}/history/x")).send().await.refused(400, "invalid_name");
}

#[tokio::test]
async fn history_comes_in_pages_newest_first() {
    let project = project().await;
    project.create_config("a", &json!(0)).await;
    for n in 1..7 {
        project.write("a", &json!(n)).await;
    }
    let (mut versions, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("{}?page_size=3&page_token={token}", project.config("a/history"));
        let page = project.client.get(&path).send().await.is(200).json();
        let items = page["items"].as_array().expect("items");
        versions.extend(items.iter().map(|item| item["version"].as_u64().expect("a number")));
        page["next_page_token"].as_str().expect("a token").clone_into(&mut token);
        if token.is_empty() {
            break;
        }
        assert_eq!(items.len(), 3);
    }
    assert_eq!(versions, [7, 6, 5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn a_rollback_is_a_new_version() {
    let project = project().await;
    project.create_config("a", &json!({ "n": 1 })).await;
    project.write("a", &json!({ "n": 2 })).await;
    let back = project.client.post(&project.config("a/rollback")).if_match(2);
    let now = back.json(&json!({ "to_version": 1, "message": "back" })).send().await.is(200);
    assert_eq!(
        (now.etag(), &now.json()["content"], &now.json()["message"]),
        (3, &json!({ "n": 1 }), &json!("back"))
    );
    let items = project.all(&project.config("a/history")).await;
    assert_eq!((&items[0]["kind"], &items[0]["from_version"]), (&json!("rollback"), &json!(1)));
    assert_eq!(items[0]["content_sha256"], items[2]["content_sha256"]);
}

#[tokio::test]
async fn a_rollback_needs_a_document() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    project.client.delete(&project.config("a")).if_match(1).send().await.is(204);
    project.create_config("a", &json!(3)).await;
    let back = |to: u64| {
        let call = project.client.post(&project.config("a/rollback")).if_any();
        call.json(&json!({ "to_version": to })).send()
    };
    back(9).await.refused(404, "version_not_found");
    assert_eq!(back(2).await.refused(422, "invalid_body")["field"], "to_version");
    assert_eq!(project.read("a").await["version"], 3);
}

#[tokio::test]
async fn a_rollback_is_held_to_the_schema_of_today() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": ["integer", "string"] })).await;
    project.create_bound("a", "s", &json!("old")).await;
    project.write("a", &json!(2)).await;
    let strict = json!({ "schema": { "type": "integer" } });
    project.client.put(&project.path("/schemas/s")).json(&strict).send().await.is(200);
    let back = project.client.post(&project.config("a/rollback")).if_any().json(&json!({ "to_version": 1 }));
    back.send().await.refused(422, "validation_failed");
    assert_eq!(project.read("a").await["content"], 2);
}

#[tokio::test]
async fn what_never_was_has_no_history() {
    let project = project().await;
    project.client.get(&project.config("no/history")).send().await.refused(404, "config_not_found");
}
