//! Configs: create, change, read, delete, and the consistencies of reads.

use crate::shared::{everywhere, project};
use serde_json::json;

#[tokio::test]
async fn a_config_is_created_and_changed() {
    let project = project().await;
    let path = project.config("checkout.limits");
    let body = json!({ "content": { "max": 20 }, "message": "first" });
    let made = project.client.put(&path).if_absent().json(&body).send().await.is(201);
    assert_eq!((made.etag(), made.header("location")), (1, Some(path.as_str())));
    let first = made.json();
    assert_eq!((&first["revision"], &first["message"]), (&json!(made.revision()), &json!("first")));
    assert_eq!((&first["schema"], &first["content"]), (&json!(null), &json!({ "max": 20 })));
    assert_eq!(first["created_at"], first["updated_at"]);
    let body = json!({ "content": { "max": 30 } });
    let changed = project.client.put(&path).if_match(1).json(&body).send().await.is(200);
    assert_eq!(changed.etag(), 2);
    let second = changed.json();
    assert_eq!((&second["created_at"], &second["message"]), (&first["created_at"], &json!("")));
    for client in everywhere().await {
        let read = client.get(&path).send().await.is(200);
        assert_eq!((read.json(), read.etag()), (second.clone(), 2));
        assert!(read.revision() >= changed.revision());
        assert_eq!(read.header("guardian-consistency"), Some("linearizable"));
        let bare = client.get(&format!("{path}/content")).send().await.is(200);
        assert_eq!((bare.text(), bare.etag()), (r#"{"max":30}"#, 2));
    }
}

#[tokio::test]
async fn any_node_takes_any_request() {
    let project = project().await;
    for (at, client) in everywhere().await.into_iter().enumerate() {
        let own = project.through(client);
        own.create_config(&format!("k{at}"), &json!(at)).await;
    }
    for client in everywhere().await {
        let items = project.through(client).all(&project.configs("")).await;
        assert_eq!(items.iter().map(|item| &item["key"]).collect::<Vec<_>>(), ["k0", "k1", "k2"]);
    }
}

#[tokio::test]
async fn versions_go_on_after_a_deletion() {
    let project = project().await;
    let path = project.config("a");
    let first = project.create_config("a", &json!(1)).await.json();
    let deleted = project.client.delete(&path).if_match(1).send().await.is(204);
    assert!(deleted.body.is_empty());
    project.client.get(&path).send().await.refused(404, "config_not_found");
    project.client.get(&format!("{path}/content")).send().await.refused(404, "config_not_found");
    let again = project.create_config("a", &json!(2)).await;
    assert_eq!(again.etag(), 3);
    assert!(again.revision() > deleted.revision());
    assert_ne!(again.json()["created_at"], first["created_at"]);
    let stale = project.client.put(&path).if_match(1).json(&json!({ "content": 9 })).send().await;
    assert_eq!(stale.refused(412, "version_conflict")["current_version"], 3);
}

#[tokio::test]
async fn stale_reads_are_marked() {
    let project = project().await;
    let made = project.create_config("a", &json!(1)).await;
    let (one, all) = (project.config("a"), project.configs(""));
    for client in everywhere().await {
        let fresh_enough = format!("consistency=stale&min_revision={}", made.revision());
        for path in [format!("{one}?{fresh_enough}"), format!("{all}?{fresh_enough}")] {
            let answer = client.get(&path).send().await.is(200);
            assert_eq!(answer.header("guardian-consistency"), Some("stale"));
            let age = answer.header("guardian-stale-for-ms").expect("how stale it may be");
            assert!(age.parse::<u64>().is_ok(), "{age}");
            assert!(answer.revision() >= made.revision());
        }
        let answer = client.get(&format!("{one}?consistency=linearizable")).send().await.is(200);
        assert_eq!(answer.header("guardian-consistency"), Some("linearizable"));
        assert_eq!(answer.header("guardian-stale-for-ms"), None);
    }
}

#[tokio::test]
async fn a_revision_that_never_comes_is_not_waited_for_for_ever() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let path = format!("{}?min_revision=1000000000", project.config("a"));
    let problem = project.client.get(&path).send().await.refused(503, "behind");
    assert_eq!(problem["min_revision"], 1_000_000_000);
    assert!(problem["revision"].as_u64().is_some_and(|revision| revision < 1_000_000_000));
}

#[tokio::test]
async fn every_change_has_a_revision_of_its_own() {
    let project = project().await;
    let mut last = project.create_config("a", &json!(0)).await.revision();
    for n in 1..=10 {
        let now = project.write("a", &json!(n)).await.revision();
        assert!(now > last);
        last = now;
    }
}

#[tokio::test]
async fn configs_are_held_to_their_schema() {
    let project = project().await;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    project.create_schema("numbers", &schema).await;
    let made = project.create_bound("a", "numbers", &json!({ "n": 1 })).await.json();
    assert_eq!(made["schema"], json!({ "name": "numbers", "version": 1 }));
    let put = |body| project.client.put(&project.config("a")).if_any().json(&body).send();
    let problem = put(json!({ "content": { "n": "x" } })).await.refused(422, "validation_failed");
    let error = &problem["errors"][0];
    assert_eq!((&error["pointer"], &error["keyword"]), (&json!("/n"), &json!("type")));
    assert_eq!(error["schema_pointer"], "/properties/n/type");
    put(json!({ "content": {} })).await.refused(422, "validation_failed");
    assert_eq!(project.read("a").await, made);
    put(json!({ "content": 1, "schema": { "name": "none" } })).await.refused(422, "unknown_schema");
    put(json!({ "content": 1, "schema": { "name": "numbers", "version": 9 } }))
        .await
        .refused(422, "unknown_schema");
    let free = put(json!({ "content": "anything", "schema": null })).await.is(200).json();
    assert_eq!(free["schema"], json!(null));
    put(json!({ "content": "anything", "schema": { "name": "numbers" } }))
        .await
        .refused(422, "validation_failed");
}
