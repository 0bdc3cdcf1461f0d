//! `?wait=`: reads of a config that return when it changes.

use crate::shared::{everywhere, project};
use e2e::Answer;
use serde_json::json;
use std::time::{Duration, Instant};

/// Far below the wait, far above the duration of a write.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_read_waits_on_every_node_for_a_write_on_any() {
    let project = project().await;
    let mut version = project.create_config("a", &json!(0)).await.etag();
    for client in everywhere().await {
        for path in [project.config("a"), format!("{}/content", project.config("a"))] {
            let path = format!("{path}?wait=15s");
            let known = format!("\"{version}\"");
            let waiting = client.get(&path).header("If-None-Match", &known).send();
            let began = Instant::now();
            let change = async { project.write("a", &json!(version)).await.etag() };
            let (answer, written): (Answer, u64) = tokio::join!(waiting, change);
            assert_eq!(answer.is(200).etag(), written);
            assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
            version = written;
        }
    }
}

#[tokio::test]
async fn a_read_that_waited_in_vain_says_so() {
    let project = project().await;
    project.create_config("a", &json!(0)).await;
    let began = Instant::now();
    let path = format!("{}?wait=1500ms", project.config("a"));
    let answer = project.client.get(&path).header("If-None-Match", "\"1\"").send().await.is(304);
    assert_eq!(answer.etag(), 1);
    assert!(began.elapsed() >= Duration::from_millis(1500));
}

#[tokio::test]
async fn a_wait_ends_with_the_config_and_begins_before_it() {
    let project = project().await;
    project.create_config("a", &json!(0)).await;
    let path = format!("{}?wait=15s", project.config("a"));
    let waiting = project.client.get(&path).header("If-None-Match", "\"1\"").send();
    let deleting = async { project.client.delete(&project.config("a")).if_any().send().await.is(204) };
    let (answer, _) = tokio::join!(waiting, deleting);
    answer.refused(404, "config_not_found");
    let waiting = project.client.get(&path).header("If-None-Match", "\"0\"").send();
    let creating = async { project.create_config("a", &json!(1)).await.etag() };
    let (answer, version) = tokio::join!(waiting, creating);
    assert_eq!(answer.is(200).etag(), version);
}

#[tokio::test]
async fn a_wait_has_a_limit() {
    let project = project().await;
    project.create_config("a", &json!(0)).await;
    let path = format!("{}?wait=61s", project.config("a"));
    let problem = project.client.get(&path).send().await.refused(400, "invalid_parameter");
    assert_eq!((&problem["parameter"], &problem["limit_ms"]), (&json!("wait"), &json!(60_000)));
}
