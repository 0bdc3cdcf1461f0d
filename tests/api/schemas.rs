//! Schemas: versions, validation, deletion.

use crate::shared::project;
use e2e::Project;
use serde_json::{Value, json};

async fn update(project: &Project, schema: &Value) -> e2e::Answer {
    project.client.put(&project.path("/schemas/s")).json(&json!({ "schema": schema })).send().await
}

/// Registers the schema; checks a valid and an invalid document.
async fn check_dialect(dialect: &str, schema: &Value, good: &Value, bad: &Value) {
    let project = project().await;
    let mut schema = schema.clone();
    schema["$schema"] = json!(dialect);
    let made = project.create_schema("s", &schema).await.json();
    assert_eq!(made["dialect"], dialect);
    project.create_bound("good", "s", good).await;
    let body = json!({ "content": bad, "schema": { "name": "s" } });
    let answer = project.client.put(&project.config("bad")).if_absent().json(&body).send().await;
    answer.refused(422, "validation_failed");
}

#[tokio::test]
async fn versions_are_kept_and_listed() {
    let project = project().await;
    let made = project.create_schema("s", &json!({ "type": "integer" })).await;
    assert_eq!((made.etag(), made.header("location")), (1, Some(project.path("/schemas/s").as_str())));
    let second = update(&project, &json!({ "type": "number" })).await.is(200);
    assert_eq!(second.etag(), 2);
    let newest = project.client.get(&project.path("/schemas/s")).send().await.is(200).json();
    assert_eq!((&newest["version"], &newest["schema"]), (&json!(2), &json!({ "type": "number" })));
    let first = project.client.get(&project.path("/schemas/s/versions/1")).send().await.is(200).json();
    assert_eq!((&first["version"], &first["schema"]), (&json!(1), &json!({ "type": "integer" })));
    project.client.get(&project.path("/schemas/s/versions/3")).send().await.refused(404, "version_not_found");
    project.client.get(&project.path("/schemas/none")).send().await.refused(404, "schema_not_found");
    let listed = project.all(&project.path("/schemas")).await;
    assert_eq!((listed.len(), &listed[0]["version"], &listed[0]["name"]), (1, &json!(2), &json!("s")));
    let again = json!({ "name": "s", "schema": true });
    project.client.post(&project.path("/schemas")).json(&again).send().await.refused(409, "schema_exists");
}

#[tokio::test]
async fn a_schema_stays_while_documents_are_bound() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "integer" })).await;
    project.create_bound("a", "s", &json!(1)).await;
    let path = project.path("/schemas/s");
    assert_eq!(project.client.get(&path).send().await.is(200).json()["bound_documents"], 1);
    let problem = project.client.delete(&path).send().await.refused(409, "schema_in_use");
    assert_eq!(problem["bound_documents"], 1);
    project.client.delete(&project.config("a")).if_any().send().await.is(204);
    project.client.delete(&path).send().await.is(204);
    project.client.get(&path).send().await.refused(404, "schema_not_found");
}

#[tokio::test]
async fn a_version_that_breaks_documents_is_refused() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "object" })).await;
    project.create_bound("good", "s", &json!({ "limits": { "max": 5 } })).await;
    project.create_bound("bad", "s", &json!({ "limits": { "max": "five" } })).await;
    project.create_bound("worse", "s", &json!({ "limits": { "max": null } })).await;
    let limits = json!({ "properties": { "max": { "type": "integer" } } });
    let strict = json!({ "type": "object", "properties": { "limits": limits } });
    let problem = update(&project, &strict).await.refused(422, "schema_breaks_documents");
    assert_eq!(problem["total"], 2);
    let failures = problem["failures"].as_array().expect("a list");
    assert_eq!(failures.iter().map(|one| &one["key"]).collect::<Vec<_>>(), ["bad", "worse"]);
    for failure in failures {
        assert_eq!((&failure["environment"], &failure["version"]), (&json!("default"), &json!(1)));
        let error = &failure["errors"][0];
        assert_eq!((&error["pointer"], &error["keyword"]), (&json!("/limits/max"), &json!("type")));
        assert_eq!(error["schema_pointer"], "/properties/limits/properties/max/type");
    }
    let now = project.client.get(&project.path("/schemas/s")).send().await.is(200).json();
    assert_eq!((&now["version"], &now["bound_documents"]), (&json!(1), &json!(3)));
    project.write("bad", &json!({ "limits": { "max": 1 } })).await;
    project.write("worse", &json!({})).await;
    update(&project, &strict).await.is(200);
    let late = project.client.put(&project.config("bad")).if_any();
    let late = late.json(&json!({ "content": { "limits": { "max": "five" } } })).send().await;
    late.refused(422, "validation_failed");
}

#[tokio::test]
async fn a_pinned_document_stays_with_its_version() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "string" })).await;
    let body = json!({ "content": "text", "schema": { "name": "s", "version": 1 } });
    project.client.put(&project.config("a")).if_absent().json(&body).send().await.is(201);
    update(&project, &json!({ "type": "integer" })).await.is(200);
    let now = project.write("a", &json!("more text")).await.json();
    assert_eq!(now["schema"], json!({ "name": "s", "version": 1 }));
}

#[tokio::test]
async fn a_version_may_be_conditional() {
    let project = project().await;
    project.create_schema("s", &json!(true)).await;
    let put = |version| {
        let call = project.client.put(&project.path("/schemas/s")).if_match(version);
        call.json(&json!({ "schema": { "type": "object" } })).send()
    };
    put(1).await.is(200);
    let problem = put(1).await.refused(412, "schema_version_conflict");
    assert_eq!((&problem["expected_version"], &problem["current_version"]), (&json!(1), &json!(2)));
    project
        .client
        .delete(&project.path("/schemas/s"))
        .if_match(1)
        .send()
        .await
        .refused(412, "schema_version_conflict");
    project.client.delete(&project.path("/schemas/s")).if_match(2).send().await.is(204);
}

#[tokio::test]
async fn every_dialect_holds() {
    let (low, high) = (json!(4), json!(5));
    let draft4 = json!({ "maximum": 5, "exclusiveMaximum": true });
    check_dialect("http://json-schema.org/draft-04/schema#", &draft4, &low, &high).await;
    let exclusive = json!({ "exclusiveMaximum": 5 });
    check_dialect("http://json-schema.org/draft-06/schema#", &exclusive, &low, &high).await;
    let conditional = json!({ "if": { "minimum": 5 }, "then": false });
    check_dialect("http://json-schema.org/draft-07/schema#", &conditional, &low, &high).await;
    let dependent = json!({ "dependentRequired": { "a": ["b"] } });
    let (with, without) = (json!({ "a": 1, "b": 2 }), json!({ "a": 1 }));
    check_dialect("https://json-schema.org/draft/2019-09/schema", &dependent, &with, &without).await;
    let tuple = json!({ "prefixItems": [{ "type": "integer" }], "items": false });
    check_dialect("https://json-schema.org/draft/2020-12/schema", &tuple, &json!([1]), &json!([1, 2])).await;
}
