//! Import slots: which requests occupy one, and for how long.

use crate::support::{Answer, PROJECT, Server};
use axum::body::Body;
use futures::StreamExt;
use futures::stream::{iter, pending};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const IMPORT: &str = "/api/v1/projects/demo/import";
const HEAD: &str = "{\"export\":{\"format\":1,\"project\":\"demo\",\"revision\":1}}\n";

/// A body with this text that then stalls.
fn stalled(text: &'static str) -> Body {
    Body::from_stream(iter([Ok::<_, Infallible>(text)]).chain(pending()))
}

async fn send(server: &Server, key: &str, body: Body) -> Answer {
    let headers = [("x-api-key", key), ("content-type", "application/x-ndjson")];
    server.raw("POST", IMPORT, &headers, body).await
}

#[tokio::test(start_paused = true)]
async fn without_the_right_nothing_is_waited_for() {
    let server = Server::of_people().await;
    let body = r#"{"name":"k","permissions":["config:document:read"]}"#;
    let key = server.post(&format!("{PROJECT}/api-keys"), body).await.is(201).json();
    let key = key["key"].as_str().expect("a secret");
    let since = Instant::now();
    let refused = async || send(&server, key, stalled("")).await.is_problem(403, "forbidden");
    futures::join!(refused(), refused(), refused(), refused(), refused());
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    server.people().identity.audit.flush().await.expect("written");
    let denied = server.get("/api/v1/audit?outcome=denied").await.is(200).json();
    assert_eq!(denied["items"].as_array().map(Vec::len), Some(1), "equal refusals are folded");
    assert_eq!(denied["items"][0]["detail"]["operation"], "import_project");
}

#[tokio::test(start_paused = true)]
async fn who_has_sent_nothing_holds_no_turn() {
    let server = Server::new().await;
    let key = server.test.admin_secret.as_str();
    let silent =
        async || send(&server, key, stalled("{\"export\":")).await.is_problem(408, "request_timeout");
    let good = async || {
        sleep(Duration::from_secs(1)).await;
        let since = Instant::now();
        send(&server, key, Body::from(HEAD)).await.is(200);
        assert_eq!(since.elapsed(), Duration::ZERO);
    };
    futures::join!(silent(), silent(), silent(), silent(), good());
}

#[tokio::test(start_paused = true)]
async fn the_first_line_is_not_long_in_coming() {
    let server = Server::new().await;
    let since = Instant::now();
    let byte = |at: usize| async move {
        sleep(Duration::from_secs(20)).await;
        Ok::<_, Infallible>(&HEAD[at..=at])
    };
    let dribbled = Body::from_stream(iter(0..HEAD.len()).then(byte));
    send(&server, &server.test.admin_secret, dribbled).await.is_problem(408, "request_timeout");
    assert!(since.elapsed() < Duration::from_secs(33), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_project_has_one_turn_and_leaves_the_others_to_the_others() {
    let server = Server::new().await;
    let key = server.test.admin_secret.as_str();
    server.post("/api/v1/projects", r#"{"name":"other"}"#).await.is(201);
    let stalled = async || timeout(Duration::from_secs(20), send(&server, key, stalled(HEAD))).await.is_err();
    let late = async || {
        sleep(Duration::from_secs(1)).await;
        send(&server, key, Body::from(HEAD)).await.is_problem(503, "overloaded");
    };
    let beside = async || {
        sleep(Duration::from_secs(1)).await;
        let headers = [("x-api-key", key), ("content-type", "application/x-ndjson")];
        server.raw("POST", &IMPORT.replace("demo", "other"), &headers, Body::from(HEAD)).await.is(200);
    };
    let (held, (), ()) = futures::join!(stalled(), late(), beside());
    assert!(held);
    send(&server, key, Body::from(HEAD)).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn who_sends_next_to_nothing_loses_the_turn() {
    let server = Server::new().await;
    let since = Instant::now();
    // The first line, and then a byte every 20 s.
    let rest = iter(0..1000).then(|_| async {
        sleep(Duration::from_secs(20)).await;
        Ok::<_, Infallible>(" ")
    });
    let dribbled = Body::from_stream(iter([Ok::<_, Infallible>(HEAD)]).chain(rest));
    send(&server, &server.test.admin_secret, dribbled).await.is_problem(408, "request_timeout");
    assert!(since.elapsed() < Duration::from_secs(100), "{:?}", since.elapsed());
}
