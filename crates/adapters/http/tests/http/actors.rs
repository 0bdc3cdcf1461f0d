//! Email addresses of actors in the history and in the audit.

use crate::support::{Answer, CONFIGS, PROJECT, Server};
use application::ports::identity::{Emails, IdentityError, VisibleEmails};
use async_trait::async_trait;
use axum::body::Body;
use domain::{Email, UserId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SCHEMA: &str = r#"{"name":"s","schema":{"type":"object"}}"#;

/// The paths of all responses in the project that name actors with addresses; the audit is last.
fn in_project() -> [String; 4] {
    [
        format!("{CONFIGS}/a/history"),
        format!("{CONFIGS}/a/history/1"),
        format!("{PROJECT}/schemas/s/versions"),
        format!("{PROJECT}/audit?action=config.*"),
    ]
}

/// The actors in a response: id and address of each.
fn actors(answer: &Answer) -> Vec<(String, Value)> {
    let body = answer.json();
    let items = body["items"].as_array().cloned().unwrap_or_else(|| vec![body]);
    let text = |item: &Value| item["actor"].as_str().or(item["created_by"].as_str()).map(str::to_owned);
    items.iter().map(|item| (text(item).expect("an actor"), item["actor_email"].clone())).collect()
}

/// Writes a config and a schema as the editor `ed@example.com`, and another version with an administrator's
/// API key. Returns the editor's sign-in.
async fn written(server: &Server) -> Value {
    server.person("ed@example.com", Some(("editor", "projects/demo"))).await;
    let ed = server.login("ed@example.com").await;
    let config = format!("{CONFIGS}/a");
    server.as_person(&ed, "POST", &format!("{PROJECT}/schemas"), SCHEMA).await.is(201);
    let bearer = format!("Bearer {}", ed["access_token"].as_str().expect("a token"));
    let headers =
        [("authorization", bearer.as_str()), ("if-none-match", "*"), ("content-type", "application/json")];
    server.raw("PUT", &config, &headers, Body::from(r#"{"content":1}"#)).await.is(201);
    server.put("a", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    while server.people().identity.projector.run().await.expect("the changes are in the audit") {}
    ed
}

/// Creates an API key of the project with these permissions.
async fn key(server: &Server, permissions: &[&str]) -> String {
    let body = json!({ "name": "k", "permissions": permissions }).to_string();
    let made = server.post(&format!("{PROJECT}/api-keys"), &body).await.is(201).json();
    made["key"].as_str().expect("a secret").to_owned()
}

/// Requests each path; checks that the editor's address is present or absent.
async fn check(ask: impl AsyncFn(&str) -> Answer, paths: &[String], shown: bool) {
    for path in paths {
        let answer = ask(path).await.is(200);
        let found = actors(&answer);
        let of_users: Vec<_> = found.iter().filter(|(actor, _)| actor.starts_with("user:")).collect();
        assert!(!of_users.is_empty(), "{path}: {found:?}");
        let expected = if shown { json!("ed@example.com") } else { Value::Null };
        assert!(of_users.iter().all(|(_, email)| *email == expected), "{path}: {found:?}");
        let others = found.iter().filter(|(actor, _)| !actor.starts_with("user:"));
        assert!(others.into_iter().all(|(_, email)| email.is_null()), "{path}: {found:?}");
    }
}

#[tokio::test]
async fn an_actor_has_an_address_where_the_caller_may_see_it() {
    let server = Server::of_people().await;
    let ed = written(&server).await;
    let paths = in_project();
    let on_platform = ["/api/v1/audit?action=config.*".to_owned()];
    check(async |path| server.get(path).await, &paths, true).await;
    check(async |path| server.get(path).await, &on_platform, true).await;
    check(async |path| server.as_person(&ed, "GET", path, "").await, &paths[..3], true).await;
    server.person("vi@example.com", Some(("viewer", "projects/demo"))).await;
    let vi = server.login("vi@example.com").await;
    check(async |path| server.as_person(&vi, "GET", path, "").await, &paths[..3], false).await;
    server.person("ad@example.com", Some(("admin", "projects/demo"))).await;
    let ad = server.login("ad@example.com").await;
    check(async |path| server.as_person(&ad, "GET", path, "").await, &paths, true).await;

    let reads = ["config:document:read", "config:schema:read", "audit:record:read"];
    let with_key = async |secret: &str, path: &str| {
        server.raw("GET", path, &[("x-api-key", secret)], Body::empty()).await
    };
    let plain = key(&server, &reads).await;
    check(async |path| with_key(&plain, path).await, &paths, false).await;
    let seeing = key(&server, &[reads.as_slice(), &["project:member:read"]].concat()).await;
    check(async |path| with_key(&seeing, path).await, &paths, true).await;
    // A removed member is not listed.
    let gone = format!("{PROJECT}/members/{}", ed["user"]["id"].as_str().expect("an id"));
    server.send("DELETE", &gone, &[], "").await.is(204);
    check(async |path| with_key(&seeing, path).await, &paths, false).await;
    check(async |path| server.get(path).await, &paths, true).await;
}

#[tokio::test]
async fn without_the_database_the_history_names_ids() {
    let server = Server::of_people().await;
    written(&server).await;
    let paths = in_project();
    server.people().people.set_unavailable(true);
    check(async |path| server.get(path).await, &paths[..3], false).await;
    server.people().people.set_unavailable(false);
    check(async |path| server.get(path).await, &paths[..3], true).await;
}

/// A store that never responds.
struct Silent;

#[async_trait]
impl Emails for Silent {
    async fn emails(
        &self,
        _: &BTreeSet<UserId>,
        _: &VisibleEmails,
    ) -> Result<BTreeMap<UserId, Email>, IdentityError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn the_history_waits_a_second_for_addresses() {
    let mut server = Server::of_people().await;
    written(&server).await;
    server.replace_ports(|ports| ports.emails = Arc::new(Silent));
    let began = tokio::time::Instant::now();
    check(async |path| server.get(path).await, &in_project()[..1], false).await;
    assert!(began.elapsed() < std::time::Duration::from_millis(1100), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_stale_answer_and_a_file_name_ids() {
    let server = Server::of_people().await;
    written(&server).await;
    let stale = async |path: &str| server.get(&format!("{path}?consistency=stale")).await;
    check(stale, &in_project()[..3], false).await;
    for kind in ["text/csv", "application/x-ndjson"] {
        let headers = [("accept", kind)];
        let file = server.send("GET", "/api/v1/audit?action=config.*", &headers, "").await.is(200);
        let text = String::from_utf8(file.body.clone()).expect("UTF-8");
        assert!(text.contains("user:") && !text.contains('@'), "{text}");
    }
}

#[tokio::test]
async fn a_node_without_users_names_ids() {
    let server = Server::new().await;
    server.create("a", "1").await;
    let found = actors(&server.get(&format!("{CONFIGS}/a/history")).await.is(200));
    assert_eq!(found, [("api-key:ak-admin".to_owned(), Value::Null)]);
}
