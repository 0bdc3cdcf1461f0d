//! Probes, metrics, the API document, and behaviour common to all paths.

use crate::shared::{admin, everywhere, project};
use e2e::{Metrics, TestClient, contract, workspace};
use reqwest::Method;
use serde_json::json;

async fn metrics(client: &TestClient) -> Metrics {
    let answer = client.anonymous().get("/metrics").send().await.is(200);
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    Metrics::parse(answer.text())
}

#[tokio::test]
async fn probes_answer_without_a_key() {
    for client in everywhere().await {
        let client = client.anonymous();
        for path in ["/livez", "/readyz", "/startupz"] {
            assert_eq!(client.get(path).send().await.is(200).json()["status"], "ok", "{path}");
        }
        for path in ["/live", "/ready", "/health"] {
            client.get(path).undocumented().send().await.is(200);
        }
        let checks = client.get("/readyz").send().await.json()["checks"].as_array().expect("a list").clone();
        assert!(!checks.is_empty() && checks.iter().all(|check| check["ok"] == true), "{checks:?}");
    }
}

#[tokio::test]
async fn counters_move_and_no_raw_path_is_a_label() {
    let project = project().await;
    let name = "guardian_http_requests_total";
    let route = r#"route="/api/v1/projects/{project}/environments/{environment}/configs/{key}""#;
    let before = metrics(&project.client).await;
    project.create_config("counted.key", &json!(1)).await;
    project.client.get(&project.config("counted.none")).send().await.is(404);
    project.client.get("/raw/path/nobody/knows").undocumented().send().await.is(404);
    let after = metrics(&project.client).await;
    let moved = |labels: &[&str]| after.sum(name, labels) - before.sum(name, labels);
    assert!(moved(&[route, r#"method="PUT""#, r#"status="201""#]) >= 1.0);
    assert!(moved(&[route, r#"method="GET""#, r#"status="404""#]) >= 1.0);
    assert!(moved(&[r#"route="unmatched""#, r#"status="404""#]) >= 1.0);
    assert!(after.sum("guardian_raft_applied_index", &[]) > before.sum("guardian_raft_applied_index", &[]));
    assert!(after.sum("guardian_raft_commits_total", &[]) > before.sum("guardian_raft_commits_total", &[]));
    for series in after.series() {
        assert!(series.starts_with("guardian_") || series.starts_with("process_"), "{series}");
        for raw in ["counted", "nobody", &project.name] {
            assert!(!series.contains(raw), "a raw path is a label: {series}");
        }
    }
    assert!(after.has("guardian_http_request_duration_seconds") && after.has("guardian_raft_term"));
    assert!(after.series().any(|series| series.starts_with("guardian_config")), "config series");
}

#[tokio::test]
async fn exactly_one_node_says_that_it_leads() {
    let mut leaders = 0;
    for client in everywhere().await {
        leaders += usize::from((metrics(&client).await.sum("guardian_raft_state", &[]) - 2.0).abs() < 0.5);
    }
    assert_eq!(leaders, 1);
}

#[tokio::test]
async fn the_served_contract_is_the_committed_one() {
    let served = admin().await.anonymous().get("/openapi.yaml").send().await.is(200);
    let committed = std::fs::read_to_string(workspace().join("openapi.yaml")).expect("openapi.yaml is there");
    assert!(
        served.text() == committed,
        "openapi.yaml is not what the program serves: `guardian openapi` makes it"
    );
}

#[tokio::test]
async fn the_docs_need_nothing_from_elsewhere() {
    let client = admin().await.anonymous();
    let page = client.get("/docs").send().await.is(200);
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'"))
    );
    assert!(!page.text().contains("//cdn") && !page.text().contains("https://unpkg"));
    for part in ["/docs/app.js", "/docs/style.css", "/docs/openapi.json"] {
        assert!(page.text().contains(part) || part.ends_with("json"), "the page uses {part}");
        client.get(part).undocumented().send().await.is(200);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let client = admin().await;
    for path in ["/", "/api", "/api/v1", "/api/v2/projects", "/api/v1/projects/p/none", "/%ff", "/metrics/x"]
    {
        client.get(path).undocumented().send().await.refused(404, "route_not_found");
    }
    for (_, path) in contract().operations() {
        let documented = |method: &str| contract().operations().contains(&(method.to_owned(), path.clone()));
        let other = ["PUT", "DELETE", "PATCH", "POST"].into_iter().find(|method| !documented(method));
        let Some(other) = other else { continue };
        let method = Method::from_bytes(other.as_bytes()).expect("a method");
        let concrete = path.replace("{version}", "1").replace(['{', '}'], "");
        let answer = client.call(method, &concrete).undocumented().send().await;
        assert!(answer.header("allow").is_some(), "{other} {path}: no Allow header");
        answer.refused(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let client = admin().await;
    let plain = reqwest::Client::new();
    let url = format!("{}/livez", client.url());
    let id = |response: reqwest::Response| {
        response.headers().get("x-request-id").and_then(|id| id.to_str().ok().map(str::to_owned))
    };
    let sent = plain.get(&url).header("X-Request-ID", "mine-1").send().await.expect("an answer");
    assert_eq!(id(sent).as_deref(), Some("mine-1"));
    let made = plain.get(&url).send().await.expect("an answer");
    assert!(id(made).is_some_and(|id| !id.is_empty()));
    let bad = plain.get(&url).header("X-Request-ID", "a b\u{7f}").send().await;
    let long = plain.get(&url).header("X-Request-ID", "x".repeat(129)).send().await.expect("an answer");
    assert!(bad.is_err() || bad.is_ok_and(|answer| id(answer).is_some_and(|id| !id.contains(' '))));
    assert!(id(long).is_some_and(|id| id.len() <= 128));
}
