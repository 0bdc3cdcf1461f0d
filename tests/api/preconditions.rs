//! Conditional requests: preconditions of changes.

use crate::shared::project;
use e2e::Call;
use serde_json::json;

/// Sends a PUT with the headers on a config at version 2; returns status and code.
async fn check(headers: &[(&str, &str)], status: u16, code: &str) {
    let project = project().await;
    project.create_config("a", &json!({ "n": 1 })).await;
    project.write("a", &json!({ "n": 2 })).await;
    let put = project.client.put(&project.config("a"));
    let call = headers.iter().fold(put, |call, (name, value)| call.header(name, value));
    let answer = call.json(&json!({ "content": { "n": 3 } })).send().await;
    assert_eq!((answer.status, answer.code()), (status, code.to_owned()), "{headers:?}");
    let now = project.read("a").await;
    let expected = if status == 200 { (3, 3) } else { (2, 2) };
    assert_eq!(
        (&now["version"], &now["content"]["n"]),
        (&json!(expected.0), &json!(expected.1)),
        "{headers:?}"
    );
}

#[tokio::test]
async fn a_change_says_what_it_expects() {
    check(&[], 428, "precondition_required").await;
    check(&[("If-Match", "\"2\"")], 200, "").await;
    check(&[("If-Match", "*")], 200, "").await;
    check(&[("If-Match", "\"1\"")], 412, "version_conflict").await;
    check(&[("If-Match", "\"3\"")], 412, "version_conflict").await;
    check(&[("If-None-Match", "*")], 412, "version_conflict").await;
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused() {
    check(&[("If-Match", "2")], 400, "invalid_precondition").await;
    check(&[("If-Match", "W/\"2\"")], 400, "invalid_precondition").await;
    check(&[("If-Match", "\"02\"")], 400, "invalid_precondition").await;
    check(&[("If-Match", "\"1\", \"2\"")], 400, "invalid_precondition").await;
    check(&[("If-Match", "\"2\""), ("If-Match", "\"2\"")], 400, "invalid_precondition").await;
    check(&[("If-None-Match", "\"2\"")], 400, "invalid_precondition").await;
    check(&[("If-Match", "\"2\""), ("If-None-Match", "*")], 400, "invalid_precondition").await;
}

#[tokio::test]
async fn a_conflict_says_what_is_there() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let now = project.write("a", &json!(2)).await.json();
    let stale = project.client.put(&project.config("a")).if_match(1).json(&json!({ "content": 3 }));
    let problem = stale.send().await.refused(412, "version_conflict");
    assert_eq!((&problem["expected_version"], &problem["current_version"]), (&json!(1), &json!(2)));
    assert_eq!((&problem["updated_by"], &problem["updated_at"]), (&now["updated_by"], &now["updated_at"]));
}

#[tokio::test]
async fn a_change_needs_something_to_change() {
    let project = project().await;
    let put = |call: Call| call.json(&json!({ "content": 1 })).send();
    let path = project.config("a");
    put(project.client.put(&path).if_match(1)).await.refused(412, "version_conflict");
    put(project.client.put(&path).if_any()).await.refused(412, "version_conflict");
    project.client.delete(&path).send().await.refused(428, "precondition_required");
    project.client.delete(&path).if_any().send().await.refused(404, "config_not_found");
    project.client.get(&path).send().await.refused(404, "config_not_found");
}

#[tokio::test]
async fn deletes_and_rollbacks_are_conditional() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    project.write("a", &json!(2)).await;
    let (one, back) = (project.config("a"), project.config("a/rollback"));
    project.client.delete(&one).if_match(1).send().await.refused(412, "version_conflict");
    project.client.delete(&one).if_absent().send().await.refused(400, "invalid_precondition");
    let rollback = || project.client.post(&back).json(&json!({ "to_version": 1 }));
    rollback().send().await.refused(428, "precondition_required");
    rollback().if_match(1).send().await.refused(412, "version_conflict");
    rollback().if_match(2).send().await.is(200);
    project.client.delete(&one).if_match(3).send().await.is(204);
}

#[tokio::test]
async fn a_reader_is_told_when_nothing_changed() {
    let project = project().await;
    project.create_config("a", &json!({ "n": 1 })).await;
    for path in [project.config("a"), project.config("a/content")] {
        let ask = |tag: &str| project.client.get(&path).header("If-None-Match", tag).send();
        for known in ["\"1\"", "W/\"1\"", "*", "\"7\", \"1\""] {
            let answer = ask(known).await.is(304);
            assert_eq!((answer.etag(), answer.body.len()), (1, 0));
        }
        assert_eq!(ask("\"2\"").await.is(200).etag(), 1);
    }
}
