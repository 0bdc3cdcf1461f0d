//! History keeps every version.

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
async fn what_never_was_has_no_history() {
    let project = project().await;
    project.client.get(&project.config("no/history")).send().await.refused(404, "config_not_found");
}
