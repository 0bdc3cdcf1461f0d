//! Environments of a project.

use crate::shared::project;
use serde_json::json;

#[tokio::test]
async fn a_project_starts_with_one_environment() {
    let project = project().await;
    let names: Vec<_> = project.all(&project.path("/environments")).await;
    assert_eq!(names.iter().map(|one| &one["name"]).collect::<Vec<_>>(), ["default"]);
}

#[tokio::test]
async fn an_environment_lives_and_ends() {
    let project = project().await;
    let (all, one) = (project.path("/environments"), project.path("/environments/staging"));
    let made = project.client.post(&all).json(&json!({ "name": "staging" })).send().await.is(201);
    assert_eq!(made.header("location"), Some(one.as_str()));
    assert_eq!(project.client.get(&one).send().await.is(200).json(), made.json());
    let again = project.client.post(&all).json(&json!({ "name": "staging" })).send().await;
    again.refused(409, "environment_exists");
    let config = format!("{one}/configs/a");
    project.client.put(&config).if_absent().json(&json!({ "content": 1 })).send().await.is(201);
    project.client.delete(&one).send().await.refused(409, "environment_not_empty");
    project.client.delete(&config).if_match(1).send().await.is(204);
    project.client.delete(&one).send().await.is(204);
    project.client.get(&one).send().await.refused(404, "environment_not_found");
    project.client.get(&config).send().await.refused(404, "environment_not_found");
}
