//! Scopes of API keys: project, environments, prefixes, permissions.

use crate::shared::project;
use e2e::Project;
use serde_json::{Value, json};

/// A project with two environments and configs, and a key created from `body`.
async fn scoped(body: Value) -> (Project, Project) {
    let project = project().await;
    project.client.post(&project.path("/environments")).json(&json!({ "name": "prod" })).send().await.is(201);
    for key in ["a.one", "b.one"] {
        project.create_config(key, &json!(1)).await;
        let path = project.path(&format!("/environments/prod/configs/{key}"));
        project.client.put(&path).if_absent().json(&json!({ "content": 1 })).send().await.is(201);
    }
    project.create_schema("s", &json!(true)).await;
    let (_, client) = project.create_key(&body).await;
    let own = project.through(client);
    (project, own)
}

/// Sends the request with the key and asserts the status; a 403 is `forbidden`.
async fn check(own: &Project, method: &str, path: &str, status: u16) {
    let path = own.path(path);
    let answer = match method {
        "PUT" => own.client.put(&path).if_any().json(&json!({ "content": 2 })).send().await,
        "DELETE" => own.client.delete(&path).if_any().send().await,
        "DELETE schema" => own.client.delete(&path).send().await,
        "POST" => own.client.post(&path).json(&json!({ "name": "x" })).send().await,
        "POST schema" => own.client.post(&path).json(&json!({ "name": "x", "schema": true })).send().await,
        "POST rollback" => own.client.post(&path).if_any().json(&json!({ "to_version": 1 })).send().await,
        _ => own.client.get(&path).send().await,
    };
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    if status == 403 {
        answer.refused(403, "forbidden");
    }
}

const DEFAULT: &str = "/environments/default/configs";
const PROD: &str = "/environments/prod/configs";

#[tokio::test]
async fn a_key_without_a_permission_is_refused() {
    let (_, own) = scoped(json!({ "name": "k", "permissions": ["config:document:read"] })).await;
    check(&own, "GET", &format!("{DEFAULT}/a.one"), 200).await;
    check(&own, "GET", &format!("{DEFAULT}/a.one/history"), 200).await;
    check(&own, "PUT", &format!("{DEFAULT}/a.one"), 403).await;
    check(&own, "DELETE", &format!("{DEFAULT}/a.one"), 403).await;
    check(&own, "POST rollback", &format!("{DEFAULT}/a.one/rollback"), 403).await;
    check(&own, "GET", "", 403).await;
    check(&own, "DELETE schema", "", 403).await;
    check(&own, "GET", "/schemas", 403).await;
    check(&own, "GET", "/schemas/s", 403).await;
    check(&own, "POST schema", "/schemas", 403).await;
    check(&own, "DELETE schema", "/schemas/s", 403).await;
    check(&own, "GET", "/api-keys", 403).await;
    check(&own, "POST", "/environments", 403).await;
    own.client.get("/api/v1/cluster").send().await.refused(403, "forbidden");
    own.client
        .post("/api/v1/projects")
        .json(&json!({ "name": "mine" }))
        .send()
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_key_of_an_environment_stays_in_it() {
    let permissions = ["config:document:read", "config:document:write"];
    let (_, own) = scoped(json!({ "name": "k", "permissions": permissions, "environments": ["prod"] })).await;
    check(&own, "GET", &format!("{PROD}/a.one"), 200).await;
    check(&own, "PUT", &format!("{PROD}/a.one"), 200).await;
    check(&own, "GET", PROD, 200).await;
    check(&own, "GET", &format!("{DEFAULT}/a.one"), 403).await;
    check(&own, "PUT", &format!("{DEFAULT}/a.one"), 403).await;
    check(&own, "GET", DEFAULT, 403).await;
}

#[tokio::test]
async fn a_key_of_a_prefix_stays_below_it() {
    let permissions = ["config:document:read", "config:document:write", "config:document:delete"];
    let (_, own) = scoped(json!({ "name": "k", "permissions": permissions, "key_prefixes": ["a."] })).await;
    check(&own, "GET", &format!("{DEFAULT}/a.one"), 200).await;
    check(&own, "GET", &format!("{DEFAULT}/b.one"), 403).await;
    check(&own, "GET", &format!("{DEFAULT}/b.one/content"), 403).await;
    check(&own, "GET", &format!("{DEFAULT}/b.one/history/1"), 403).await;
    check(&own, "PUT", &format!("{DEFAULT}/b.one"), 403).await;
    check(&own, "DELETE", &format!("{DEFAULT}/b.one"), 403).await;
    check(&own, "GET", &format!("{DEFAULT}?prefix=a."), 200).await;
    check(&own, "GET", &format!("{DEFAULT}?prefix=a.o"), 200).await;
    check(&own, "GET", &format!("{DEFAULT}?prefix=a"), 403).await;
    check(&own, "GET", DEFAULT, 403).await;
    check(&own, "DELETE", &format!("{DEFAULT}/a.one"), 204).await;
}

#[tokio::test]
async fn a_key_of_another_project_is_refused() {
    let (_, own) =
        scoped(json!({ "name": "k", "permissions": ["config:document:read", "project:project:read"] })).await;
    let other = project().await;
    other.create_config("a.one", &json!(1)).await;
    let trespassing = other.through(own.client.clone());
    check(&trespassing, "GET", &format!("{DEFAULT}/a.one"), 403).await;
    check(&trespassing, "GET", "", 403).await;
    check(&trespassing, "PUT", &format!("{DEFAULT}/a.one"), 403).await;
    let nowhere = Project { client: own.client.clone(), name: "is-not-there".to_owned() };
    check(&nowhere, "GET", &format!("{DEFAULT}/a.one"), 403).await;
    let listed = own.client.get("/api/v1/projects").send().await;
    let names = listed.is(200).json()["items"].as_array().expect("items").clone();
    assert_eq!(names.iter().map(|one| &one["name"]).collect::<Vec<_>>(), [&json!(own.name)]);
}

/// Creates a key with a key that may create keys; asserts the status.
async fn check_grant(extra: Value, asked: Value, status: u16) {
    let mut parent =
        json!({ "name": "parent", "permissions": ["project:key:write", "config:document:read"] });
    for (name, value) in extra.as_object().expect("members") {
        parent[name] = value.clone();
    }
    let (_, own) = scoped(parent).await;
    let answer = own.client.post(&own.path("/api-keys")).json(&asked).send().await;
    match status {
        201 => drop(answer.is(201)),
        _ => drop(answer.refused(status, "grant_exceeds_own")),
    }
}

#[tokio::test]
async fn nobody_grants_more_than_they_have() {
    let read = ["config:document:read"];
    check_grant(json!({}), json!({ "name": "k", "permissions": read }), 201).await;
    check_grant(json!({}), json!({ "name": "k", "permissions": ["config:document:write"] }), 403).await;
    // A scoped key may not change shared resources, and API keys are shared, even those within its scope.
    for scope in [json!({ "environments": ["prod"] }), json!({ "key_prefixes": ["a."] })] {
        let mut within = json!({ "name": "k", "permissions": read });
        for (name, value) in scope.as_object().expect("members") {
            within[name] = value.clone();
        }
        let mut parent =
            json!({ "name": "parent", "permissions": ["project:key:write", "config:document:read"] });
        for (name, value) in scope.as_object().expect("members") {
            parent[name] = value.clone();
        }
        let (_, own) = scoped(parent).await;
        own.client.post(&own.path("/api-keys")).json(&within).send().await.refused(403, "forbidden");
    }
    let ending = json!({ "expires_at": "2100-01-01T00:00:00Z" });
    check_grant(ending.clone(), json!({ "name": "k", "permissions": read }), 403).await;
    let sooner = json!({ "name": "k", "permissions": read, "expires_at": "2099-01-01T00:00:00Z" });
    check_grant(ending, sooner, 201).await;
}
