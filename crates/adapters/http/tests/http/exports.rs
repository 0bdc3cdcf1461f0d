//! Limits of export files: number, and clients that stop reading.

use crate::support::{PROJECT, Server};
use application::ports::Clock;
use application::ports::identity::{AuditOutcome, NewAuditRecord};
use axum::body::Body;
use futures::StreamExt;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

const EXPORT: &str = "/api/v1/projects/demo/export";

/// A server whose project has an export of this many megabytes.
async fn holding(megabytes: usize) -> Server {
    let mut server = Server::new().await;
    server.unchecked = true;
    for at in 0..megabytes {
        server.create(&format!("key-{at}"), &format!("\"{}\"", "x".repeat(1_000_000))).await;
    }
    server
}

/// Creates another key with all permissions in the project; returns the secret.
async fn key(server: &Server, name: &str) -> String {
    let permissions = r#"["config:document:read","config:schema:read","project:environment:read"]"#;
    let body = format!(r#"{{"name":"{name}","permissions":{permissions}}}"#);
    let key = server.post(&format!("{PROJECT}/api-keys"), &body).await.is(201).json();
    key["key"].as_str().expect("a secret").to_owned()
}

/// Requests a file and does not read the body.
async fn open(server: &Server, path: &str, key: &str, accept: &str) -> (StatusCode, Body) {
    let request = Request::get(path).header("x-api-key", key).header("accept", accept);
    let request = request.body(Body::empty()).expect("a request");
    let (head, body) =
        server.router.clone().oneshot(request).await.expect("the router never fails").into_parts();
    (head.status, body)
}

async fn export(server: &Server, key: &str) -> (StatusCode, Body) {
    open(server, EXPORT, key, "*/*").await
}

#[tokio::test(start_paused = true)]
async fn who_stops_reading_loses_the_place_and_sees_it() {
    let server = holding(1).await;
    let admin = server.test.admin_secret.clone();
    let (status, unread) = export(&server, &admin).await;
    assert_eq!(status, 200);
    let (_, begun) = export(&server, &admin).await;
    let mut begun = begun.into_data_stream();
    begun.next().await.expect("a part").expect("whole");
    let third = server.get(EXPORT).await;
    third.is_problem(503, "overloaded");
    assert_eq!(third.header("retry-after"), "1");
    tokio::time::sleep(Duration::from_secs(29)).await;
    server.get(EXPORT).await.is_problem(503, "overloaded");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let whole = server.get(EXPORT).await.is(200);
    assert!(String::from_utf8_lossy(&whole.body).contains("\n{\"end\":"), "all of it came");
    unread.collect().await.expect_err("a broken transfer, not a short file");
    let rest: Vec<_> = StreamExt::collect(begun).await;
    assert!(rest.last().expect("something").is_err(), "a broken transfer, not a short file");
}

#[tokio::test(start_paused = true)]
async fn a_principal_and_a_project_leave_places_to_others() {
    let server = holding(1).await;
    let (mut bodies, key_a, key_b) = (Vec::new(), key(&server, "a").await, key(&server, "b").await);
    for _ in 0..2 {
        let (status, body) = export(&server, &key_a).await;
        assert_eq!(status, 200);
        bodies.push(body);
    }
    assert_eq!(export(&server, &key_a).await.0, 503);
    assert_eq!(export(&server, &key_b).await.0, 503, "of the same project");
    server.post("/api/v1/projects", r#"{"name":"other"}"#).await.is(201);
    server.get("/api/v1/projects/other/export").await.is(200);
    // An unauthorised caller occupies no slot and is refused.
    let body = r#"{"name":"c","permissions":["config:document:write"]}"#;
    let made = server.post(&format!("{PROJECT}/api-keys"), body).await.is(201).json();
    assert_eq!(export(&server, made["key"].as_str().expect("a secret")).await.0, 403);
    // A complete read and a disconnect both release the slot at once.
    bodies.pop().expect("a body").collect().await.expect("all of it");
    server.get(EXPORT).await.is(200);
    server.get(EXPORT).await.is(200);
    bodies.clear();
    tokio::task::yield_now().await;
    assert_eq!(export(&server, &key_b).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_for_ever() {
    let server = holding(6).await;
    let since = Instant::now();
    let (_, body) = export(&server, &server.test.admin_secret).await;
    let mut body = body.into_data_stream();
    let broken = loop {
        tokio::time::sleep(Duration::from_secs(25)).await;
        match body.next().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken, "the whole file came in {:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_mins(32), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_audit_is_held_to_the_same() {
    let mut server = Server::of_people().await;
    server.unchecked = true;
    let record = NewAuditRecord {
        at: server.test.clock.now(),
        actor: "system".to_owned(),
        address: String::new(),
        user_agent: "x".repeat(200),
        action: "test.fill".to_owned(),
        resource: "r".to_owned(),
        project: None,
        outcome: AuditOutcome::Success,
        request_id: "req-fill".to_owned(),
        trace_id: String::new(),
        revision: None,
        detail: "{}".to_owned(),
    };
    server.people().ports.audit.append(&vec![record; 600]).await.expect("written");
    let admin = server.test.admin_secret.clone();
    let file = async || open(&server, "/api/v1/audit", &admin, "text/csv").await;
    let (first, second) = (file().await, file().await);
    assert_eq!((first.0, second.0), (StatusCode::OK, StatusCode::OK));
    assert_eq!(file().await.0, 503);
    server.get(EXPORT).await.is_problem(503, "overloaded");
    tokio::time::sleep(Duration::from_secs(31)).await;
    first.1.collect().await.expect_err("a broken transfer, not a short file");
    let headers = [("accept", "application/x-ndjson")];
    let whole = server.send("GET", "/api/v1/audit", &headers, "").await.is(200);
    assert!(String::from_utf8_lossy(&whole.body).lines().count() >= 600);
}

/// A running export is aborted when its API key is revoked.
#[tokio::test(start_paused = true)]
async fn an_export_ends_when_its_key_is_revoked() {
    let server = holding(3).await;
    let secret = key(&server, "leaked").await;
    let (status, body) = export(&server, &secret).await;
    assert_eq!(status, 200);
    let mut body = body.into_data_stream();
    body.next().await.expect("a part").expect("whole");
    let keys = server.get(&format!("{PROJECT}/api-keys")).await.is(200).json();
    let id = keys["items"][0]["id"].as_str().expect("an id").to_owned();
    server.send("DELETE", &format!("{PROJECT}/api-keys/{id}"), &[], "").await.is(204);
    let rest: Vec<_> = StreamExt::collect(body).await;
    assert!(rest.last().expect("something").is_err(), "a broken transfer, not a short file");
    let bytes: usize = rest.iter().filter_map(|part| part.as_ref().ok()).map(bytes::Bytes::len).sum();
    assert!(bytes < 2_000_000, "{bytes} bytes came after the key was revoked");
}
