//! Schemas that refer to other schemas of their project.

use crate::import_export::{export, rest, send};
use crate::shared::{everywhere, project};
use serde_json::{Value, json};

fn refers(reference: &str) -> Value {
    json!({ "properties": { "port": { "$ref": reference } } })
}

#[tokio::test]
async fn a_reference_means_the_same_for_good() {
    let project = project().await;
    let port = json!({ "$defs": { "n": { "type": "integer" } }, "$ref": "#/$defs/n" });
    project.create_schema("port", &port).await;
    let made = project.create_schema("s", &refers("schema:port")).await.json();
    assert_eq!(made["uses"], json!([{ "name": "port", "version": 1, "newest": true }]));
    assert_eq!(made["schema"], refers("schema:port"), "the schema is shown as it was given");
    project.create_bound("a", "s", &json!({ "port": 80 })).await;
    let strings = json!({ "schema": { "$defs": { "n": { "type": "string" } }, "$ref": "#/$defs/n" } });
    project.client.put(&project.path("/schemas/port")).json(&strings).send().await.is(200);
    project.write("a", &json!({ "port": 81 })).await;
    let mut revision = 0;
    let update = async |reference: &str| {
        let body = json!({ "schema": refers(reference) });
        project.client.put(&project.path("/schemas/s")).json(&body).send().await
    };
    let problem = update("schema:port").await.refused(422, "schema_breaks_documents");
    let error = &problem["failures"][0]["errors"][0];
    assert_eq!((&error["pointer"], &error["keyword"]), (&json!("/port"), &json!("type")));
    for reference in ["schema:port@1", "schema:port@1#/$defs/n"] {
        let made = update(reference).await.is(200);
        revision = made.revision();
        assert_eq!(made.json()["uses"], json!([{ "name": "port", "version": 1, "newest": false }]));
    }
    for client in everywhere().await {
        let own = project.through(client);
        let path = own.path(&format!("/schemas/s?min_revision={revision}"));
        assert_eq!(own.client.get(&path).send().await.is(200).json()["version"], 3);
        let bad = json!({ "content": { "port": "http" } });
        let call = own.client.put(&own.config("a")).if_any().json(&bad);
        let problem = call.send().await.refused(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], "/port");
    }
}

#[tokio::test]
async fn what_leads_nowhere_is_refused_with_its_place() {
    let project = project().await;
    project.create_schema("port", &json!({})).await;
    for (reference, message) in [
        ("schema:none", "does not exist"),
        ("schema:port@2", "version 2"),
        ("schema:port@x", "form"),
        ("schema:s", "leads back"),
        ("schema:port#/none", "no schema"),
        ("https://example.com/port", "leads out"),
    ] {
        let body = json!({ "name": "s", "schema": refers(reference) });
        let answer = project.client.post(&project.path("/schemas")).json(&body).send().await;
        let problem = answer.refused(422, "invalid_schema");
        assert_eq!(problem["errors"][0]["pointer"], "/properties/port/$ref", "{reference}");
        let told = problem["errors"][0]["message"].as_str().expect("a message");
        assert!(told.contains(message), "{reference}: {told}");
    }
    let other = crate::shared::project().await;
    let body = json!({ "name": "s", "schema": refers("schema:port") });
    other.client.post(&other.path("/schemas")).json(&body).send().await.refused(422, "invalid_schema");
}

#[tokio::test]
async fn a_schema_that_is_used_stays() {
    let project = project().await;
    project.create_schema("port", &json!({})).await;
    project.create_schema("s", &refers("schema:port")).await;
    let back = json!({ "schema": { "$ref": "schema:s" } });
    let port = project.path("/schemas/port");
    project.client.put(&port).json(&back).send().await.refused(422, "invalid_schema");
    let problem = project.client.delete(&port).send().await.refused(409, "schema_in_use");
    assert_eq!(problem["used_by"], json!(["s"]));
    project.client.delete(&project.path("/schemas/s")).send().await.is(204);
    project.client.delete(&port).send().await.is(204);
}

/// A schema that sorts before the schema it references, and references to an old version and to the newest.
#[tokio::test]
async fn references_survive_an_export_and_an_import() {
    let source = project().await;
    source.create_schema("z-port", &json!({ "type": "integer" })).await;
    source.create_schema("a-follows", &refers("schema:z-port")).await;
    let tighter = json!({ "schema": { "type": "integer", "maximum": 65_535 } });
    source.client.put(&source.path("/schemas/z-port")).json(&tighter).send().await.is(200);
    source.create_schema("m-newest", &refers("schema:z-port")).await;
    source.create_schema("b-old", &refers("schema:z-port@1")).await;
    for name in ["a-follows", "m-newest", "b-old"] {
        source.create_bound(name, name, &json!({ "port": 80 })).await;
    }
    let file = export(&source).await;
    assert_eq!(file.matches("\"newest\":false").count(), 1, "{file}");
    // No config is bound to it directly, but the environment needs it.
    let part = source.client.get(&source.path("/environments/default/export")).send().await.is(200);
    assert!(part.text().contains("\"name\":\"z-port\""), "{}", part.text());
    let target = project().await;
    let tried = send(&target, "?dry_run=true", file.as_str()).await.is(200).json();
    assert_eq!(tried["schemas"]["created"], 4, "{tried}");
    send(&target, "", file.as_str()).await.is(200);
    assert_eq!(rest(&export(&target).await), rest(&file));
    for (name, version, unpinned) in [("a-follows", 1, true), ("m-newest", 2, true), ("b-old", 1, false)] {
        let shown = target.client.get(&target.path(&format!("/schemas/{name}"))).send().await.is(200).json();
        let uses = json!([{ "name": "z-port", "version": version, "newest": unpinned }]);
        assert_eq!(shown["uses"], uses, "{name}");
        let large = json!({ "content": { "port": 100_000 } });
        let answer = target.client.put(&target.config(name)).if_any().json(&large).send().await;
        if version == 2 {
            answer.refused(422, "validation_failed");
        } else {
            answer.is(200);
        }
    }
}
