//! `POST …/rollback`: a new version with the content of an earlier one.

use crate::shared::project;
use serde_json::json;

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
