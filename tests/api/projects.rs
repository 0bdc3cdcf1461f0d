//! Projects.

use crate::shared::{admin, project};
use e2e::fresh_name;
use serde_json::json;

async fn check_name(name: &str, status: u16, code: &str) {
    let answer = admin().await.post("/api/v1/projects").json(&json!({ "name": name })).send().await;
    let problem = answer.refused(status, code);
    assert_eq!(problem["field"], "project name", "{problem}");
}

#[tokio::test]
async fn a_project_lives_and_ends() {
    let (client, name) = (admin().await, fresh_name("life"));
    let path = format!("/api/v1/projects/{name}");
    let body = json!({ "name": name, "display_name": "Über" });
    let made = client.post("/api/v1/projects").json(&body).send().await.is(201);
    assert_eq!(made.header("location"), Some(path.as_str()));
    assert_eq!(made.json()["revision"], made.revision());
    let mut read = client.get(&path).send().await.is(200).json();
    let usage = read.as_object_mut().and_then(|read| read.remove("usage"));
    let nothing = json!({ "documents": 0, "bytes": 0, "api_keys": 0, "history_bytes": 0, "history_versions": 0,
        "schema_versions": 0, "schema_bytes": 0 });
    assert_eq!(usage, Some(nothing));
    assert_eq!(read, made.json());
    client.post("/api/v1/projects").json(&body).send().await.refused(409, "project_exists");
    let changed = client.patch(&path).json(&json!({ "display_name": "New" })).send().await.is(200).json();
    assert_eq!((&changed["display_name"], &changed["name"]), (&json!("New"), &json!(name)));
    client.delete(&path).send().await.is(204);
    client.get(&path).send().await.refused(404, "project_not_found");
    client.delete(&path).send().await.refused(404, "project_not_found");
}

#[tokio::test]
async fn a_project_with_configs_stays() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    project.client.delete(&project.path("")).send().await.refused(409, "project_not_empty");
    project.client.delete(&project.config("a")).if_any().send().await.is(204);
    project.client.delete(&project.path("")).send().await.is(204);
}

#[tokio::test]
async fn all_projects_are_listed_in_order() {
    let project = project().await;
    let all = project.all("/api/v1/projects").await;
    let names: Vec<_> = all.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    assert!(names.is_sorted());
    assert!(names.contains(&project.name.as_str()));
}

#[tokio::test]
async fn names_are_labels() {
    check_name("Upper", 400, "invalid_name").await;
    check_name("", 400, "invalid_name").await;
    check_name("-a", 400, "invalid_name").await;
    check_name("a.b", 400, "invalid_name").await;
    check_name(&"a".repeat(64), 400, "invalid_name").await;
}
