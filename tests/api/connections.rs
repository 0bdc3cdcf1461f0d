//! Behaviour at the connection level: host header, early refusal of bodies, access log.

use crate::shared::cluster;
use e2e::until;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends text to the first node; returns the response text until the node closes or is silent.
async fn exchange(text: &str) -> String {
    let url = cluster().await.node(0).url();
    let address = url.strip_prefix("http://").expect("plain HTTP");
    let mut connection = TcpStream::connect(address).await.expect("a connection");
    connection.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let patience = Duration::from_secs(5);
    while let Ok(Ok(read @ 1..)) = tokio::time::timeout(patience, connection.read(&mut buffer)).await {
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_names_one_host() {
    let get = |hosts: &str| format!("GET /livez HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
    for bad in ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n", "Host: a b\r\n"] {
        let answer = exchange(&get(bad)).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("invalid_host"), "{bad:?}: {answer}");
    }
    assert!(exchange(&get("Host: a\r\n")).await.starts_with("HTTP/1.1 200"));
    assert!(exchange("GET /livez HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 200"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let key = cluster().await.admin_key();
    let put = |length: usize, kind: &str| {
        format!(
            "PUT /api/v1/projects/nowhere/environments/default/configs/a HTTP/1.1\r\nHost: h\r\nX-API-Key: {key}\r\n\
             If-None-Match: *\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    for (length, kind, status) in [(100_000_000, "application/json", "413"), (10, "text/plain", "415")] {
        let answer = exchange(&put(length, kind)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert!(exchange(&put(2, "application/json")).await.starts_with("HTTP/1.1 100"), "this one may be sent");
}

#[tokio::test]
async fn each_request_has_a_line_in_the_access_log() {
    let (node, key) = (cluster().await.node(0), cluster().await.admin_key());
    let id = "access-line-1";
    let request = format!(
        "GET /api/v1/projects?secret_parameter=1 HTTP/1.1\r\nHost: h\r\nX-API-Key: {key}\r\nX-Request-ID: {id}\r\n\
         Connection: close\r\n\r\n"
    );
    assert!(exchange(&request).await.starts_with("HTTP/1.1 400"), "the parameter is unknown");
    let is_it = |line: &&str| line.contains(id) && line.contains("\"target\":\"access\"");
    let line = until("the line is written", Duration::from_secs(10), async || {
        node.log_text().lines().find(is_it).map(str::to_owned)
    })
    .await;
    for part in [
        "\"principal\":\"api-key:admin\"",
        "\"method\":\"GET\"",
        "\"route\":\"/api/v1/projects\"",
        "\"status\":400",
        "\"code\":\"unknown_parameter\"",
        "\"node\":\"n1\"",
        "\"duration_ms\":",
        "\"bytes\":",
    ] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
    assert!(!line.contains("secret_parameter"), "{line}");
}
