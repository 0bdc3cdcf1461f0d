//! Behaviour of every request: ids, limits, unknown routes, panics, metrics, probes.

use crate::support::{CONFIGS, PROJECT, Server};
use axum::body::Body;
use std::sync::atomic::Ordering;

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let server = Server::new().await;
    let sent = server.send("GET", PROJECT, &[("x-request-id", "abc:1.2_3-4")], "").await.is(200);
    assert_eq!(sent.header("x-request-id"), "abc:1.2_3-4");
    let minted = server.send("GET", "/nowhere", &[("x-request-id", "not ok")], "").await;
    minted.is_problem(404, "route_not_found");
    assert!(minted.header("x-request-id").starts_with("req-9-"));
    let long = "x".repeat(129);
    let answer = server.send("GET", PROJECT, &[("x-request-id", &long)], "").await.is(200);
    assert_ne!(answer.header("x-request-id"), long);
}

#[tokio::test]
async fn unknown_methods_and_routes() {
    let server = Server::new().await;
    let answer = server.send("PUT", PROJECT, &[], "{}").await;
    answer.is_problem(405, "method_not_allowed");
    for method in ["GET", "PATCH", "DELETE"] {
        assert!(answer.header("allow").contains(method), "{}", answer.header("allow"));
    }
    server.send("BREW", "/livez", &[], "").await.is_problem(405, "method_not_allowed");
    server.get("/api/v1/nothing").await.is_problem(404, "route_not_found");
    server.get("/").await.is_problem(404, "route_not_found");
}

#[tokio::test]
async fn what_arrives_is_bounded() {
    let server = Server::new().await;
    let uri = format!("{PROJECT}?x={}", "y".repeat(8 * 1024));
    assert_eq!(server.get(&uri).await.is_problem(414, "uri_too_long")["limit_bytes"], 8 * 1024);
    let large = "z".repeat(16 * 1024);
    let answer = server.send("GET", PROJECT, &[("x-large", &large)], "").await;
    assert_eq!(answer.is_problem(431, "headers_too_large")["limit_bytes"], 16 * 1024);
}

#[tokio::test]
async fn a_repeated_request_has_the_first_answer() {
    let server = Server::new().await;
    let headers = [("idempotency-key", "k"), ("if-none-match", "*")];
    let path = format!("{CONFIGS}/a");
    let put = || server.send("PUT", &path, &headers, r#"{"content":1}"#);
    let first = put().await.is(201);
    let again = put().await.is(201);
    assert_eq!(first.body, again.body);
    assert_eq!(again.headers.get("idempotent-replayed").map(http::HeaderValue::as_bytes), Some(&b"true"[..]));
    let other = server.send("PUT", &path, &headers, r#"{"content":2}"#).await;
    other.is_problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_panic_is_a_problem() {
    let server = Server::new().await;
    assert_eq!(server.get("/metrics").await.is(200).body, b"up 1\n");
    server.world.panics.store(true, Ordering::SeqCst);
    let problem = server.get("/metrics").await.is_problem(500, "internal");
    assert!(!problem.to_string().contains("asked for it"));
    server.get(PROJECT).await.is(200);
}

#[tokio::test]
async fn the_observer_sees_templates_only() {
    let server = Server::new().await;
    server.world.observed.lock().expect("no panics").clear();
    server.get(&format!("{CONFIGS}/some-key")).await;
    server.get("/made/up").await;
    server.send("BREW", "/livez", &[], "").await;
    let template = "/api/v1/projects/{project}/environments/{environment}/configs/{key}";
    let expected = [
        ("GET".to_owned(), template.to_owned(), 404, Some("config_not_found")),
        ("GET".to_owned(), "unmatched".to_owned(), 404, Some("route_not_found")),
        ("OTHER".to_owned(), "/livez".to_owned(), 405, Some("method_not_allowed")),
    ];
    assert_eq!(*server.world.observed.lock().expect("no panics"), expected);
    assert_eq!(server.world.in_flight.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn probes_need_no_sign_in() {
    let server = Server::new().await;
    let probe = async |path: &str| server.raw("GET", path, &[], Body::empty()).await;
    for path in ["/livez", "/live", "/readyz", "/ready", "/startupz", "/health", "/metrics"] {
        probe(path).await.is(200);
    }
    assert_eq!(probe("/readyz").await.json()["checks"][0]["name"], "leader");
    assert!(probe("/metrics").await.header("content-type").starts_with("text/plain; version=0.0.4"));
    server.world.unhealthy.store(true, Ordering::SeqCst);
    for (path, code) in [("/livez", "not_live"), ("/readyz", "not_ready"), ("/health", "not_started")] {
        probe(path).await.is_problem(503, code);
    }
    assert_eq!(probe("/ready").await.json()["checks"][0]["ok"], false);
}
