//! Pages, tokens and query parameters.

use crate::support::{CONFIGS, PROJECT, Server};
use serde_json::Value;

fn names(list: &Value, member: &str) -> Vec<String> {
    let items = list["items"].as_array().expect("a list");
    items.iter().map(|item| item[member].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn all_pages_show_the_first_pages_revision() {
    let server = Server::new().await;
    for key in ["app.a", "app.b", "app.c", "web"] {
        server.create(key, "1").await;
    }
    let first = server.get(&format!("{CONFIGS}?prefix=app.&page_size=2")).await.is(200);
    assert_eq!(names(&first.json(), "key"), ["app.a", "app.b"]);
    assert!(first.json()["items"][0].get("content").is_none());
    let revision = first.header("guardian-revision").to_owned();
    server.put("app.c", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    server.create("app.d", "1").await;
    let token = first.json()["next_page_token"].as_str().expect("a token").to_owned();
    let path = format!("{CONFIGS}?prefix=app.&include=content&page_token={token}");
    let second = server.get(&path).await.is(200);
    assert_eq!(names(&second.json(), "key"), ["app.c"]);
    assert_eq!(second.json()["items"][0]["content"], 1);
    assert_eq!(second.json()["next_page_token"], "");
    assert_eq!(second.header("guardian-revision"), revision);

    for other in [
        format!("{CONFIGS}?prefix=web&page_token={token}"),
        format!("{CONFIGS}?page_token={token}"),
        format!("{CONFIGS}?page_token=nonsense"),
        format!("{PROJECT}/environments?page_token={token}"),
    ] {
        server.get(&other).await.is_problem(400, "invalid_page_token");
    }
}

#[tokio::test]
async fn every_list_has_pages() {
    let server = Server::new().await;
    server.create("a", "1").await;
    server.put("a", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    server.post("/api/v1/projects", r#"{"name":"more"}"#).await.is(201);
    server.post(&format!("{PROJECT}/environments"), r#"{"name":"more"}"#).await.is(201);
    for name in ["one", "two"] {
        let schema = format!("{{\"name\":\"{name}\",\"schema\":{{}}}}");
        server.post(&format!("{PROJECT}/schemas"), &schema).await.is(201);
        let key = format!("{{\"name\":\"{name}\",\"permissions\":[\"config:document:read\"]}}");
        server.post(&format!("{PROJECT}/api-keys"), &key).await.is(201);
    }
    for path in [
        "/api/v1/projects".to_owned(),
        format!("{PROJECT}/environments"),
        format!("{PROJECT}/schemas"),
        format!("{PROJECT}/api-keys"),
        format!("{CONFIGS}/a/history"),
    ] {
        let first = server.get(&format!("{path}?page_size=1")).await.is(200).json();
        let token = first["next_page_token"].as_str().expect("a token");
        let second = server.get(&format!("{path}?page_size=1&page_token={token}")).await.is(200).json();
        assert_eq!(second["items"].as_array().map(Vec::len), Some(1), "{path}");
        assert_ne!(first["items"], second["items"], "{path}");
        assert_eq!(second["next_page_token"], "", "{path}");
    }
}

#[tokio::test]
async fn a_page_of_large_documents_ends_early() {
    let server = Server::new().await;
    let large = format!("\"{}\"", "x".repeat(1024 * 1024 - 2));
    for at in 0..9 {
        server.create(&format!("k{at}"), &large).await;
    }
    let first = server.get(&format!("{CONFIGS}?include=content")).await.is(200).json();
    assert_eq!(names(&first, "key").len(), 8);
    let token = first["next_page_token"].as_str().expect("a token");
    let second = server.get(&format!("{CONFIGS}?include=content&page_token={token}")).await.json();
    assert_eq!(names(&second, "key"), ["k8"]);
}

#[tokio::test]
async fn parameters_are_checked() {
    let server = Server::new().await;
    server.create("a", "1").await;
    let config = format!("{CONFIGS}/a");
    for query in [
        "page_size=0",
        "page_size=1001",
        "page_size=x",
        "page_size=%2B5",
        "include=all",
        "prefix=A%20b",
        "consistency=eventual",
        "min_revision=-1",
        "min_revision=9223372036854775808",
        "page_size=1&page_size=1",
    ] {
        server.get(&format!("{CONFIGS}?{query}")).await.is_problem(400, "invalid_parameter");
    }
    let problem = server.get(&format!("{CONFIGS}?page_size=1001")).await.json();
    assert_eq!((&problem["parameter"], &problem["limit"]), (&"page_size".into(), &1000.into()));
    server.get(&format!("{CONFIGS}?page_size=1000&prefix=")).await.is(200);
    for query in ["prefix=a", "x", "wait_ms=1"] {
        server.get(&format!("{config}?{query}")).await.is_problem(400, "unknown_parameter");
    }
    let delete = server.send("DELETE", &format!("{config}?dry_run=yes"), &[("if-match", "*")], "").await;
    assert_eq!(delete.is_problem(400, "invalid_parameter")["parameter"], "dry_run");
    server.get("/api/v1/cluster?consistency=stale").await.is_problem(400, "unknown_parameter");
}
