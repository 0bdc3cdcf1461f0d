//! Cross-origin access of listed origins; preflight requests do not count against rate limits.

use crate::support::{Answer, CONFIGS, PROJECT, Server};
use adapter_http::{EdgeRules, Limit, LimitRules};
use axum::body::Body;
use std::sync::atomic::Ordering;

const CONSOLE: &str = "https://console.example";

/// A server that permits one anonymous request, one sign-in and three reads per hour.
async fn strict() -> Server {
    let limit = |requests| Some(Limit { requests, window_seconds: 3600 });
    let limits =
        LimitRules { read: limit(3), anonymous: limit(1), sign_in: limit(1), ..LimitRules::default() };
    Server::behind(EdgeRules { cors_origins: vec![CONSOLE.to_owned()], limits, ..EdgeRules::default() }).await
}

fn readable(answer: &Answer) -> bool {
    answer.header("access-control-allow-origin") == CONSOLE
}

#[tokio::test]
async fn refusals_of_the_edge_are_readable() {
    let server = strict().await;
    let get = async |path: &str, header: (&str, &str)| {
        let answer = server.send("GET", path, &[("origin", CONSOLE), header], "").await;
        assert!(readable(&answer), "{path}: {:?}", answer.headers);
        assert!(!answer.header("x-request-id").is_empty() && !answer.header("x-frame-options").is_empty());
        answer
    };
    let none = ("accept", "*/*");
    get(&format!("{PROJECT}?x={}", "y".repeat(8 * 1024)), none).await.is_problem(414, "uri_too_long");
    get(PROJECT, ("x-large", &"z".repeat(16 * 1024))).await.is_problem(431, "headers_too_large");
    get("/nowhere", none).await.is_problem(404, "route_not_found");
    for _ in 0..3 {
        get(PROJECT, none).await.is(200);
    }
    let limited = get(PROJECT, none).await;
    limited.is_problem(429, "rate_limited");
    let exposed = limited.header("access-control-expose-headers");
    for name in ["retry-after", "ratelimit", "ratelimit-policy"] {
        assert!(exposed.split(',').any(|one| one == name), "{name}: {exposed}");
        assert!(!limited.header(name).is_empty(), "{name}");
    }
    server.world.panics.store(true, Ordering::SeqCst);
    get("/metrics", none).await.is_problem(500, "internal");
    let foreign = server.send("GET", PROJECT, &[("origin", "https://evil.example")], "").await;
    foreign.is_problem(429, "rate_limited");
    assert_eq!(foreign.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn preflights_are_not_counted() {
    let server = strict().await;
    for path in [format!("{CONFIGS}/a"), "/api/v1/auth/login".to_owned(), "/nowhere".to_owned()] {
        for _ in 0..3 {
            let asked = [("origin", CONSOLE), ("access-control-request-method", "PUT")];
            let answer = server.raw("OPTIONS", &path, &asked, Body::empty()).await.is(200);
            assert!(readable(&answer) && !answer.header("x-request-id").is_empty(), "{path}");
            assert_eq!(answer.header("ratelimit"), "", "{path}");
        }
    }
    let json = ("content-type", "application/json");
    let login = async || server.raw("POST", "/api/v1/auth/login", &[json], Body::from("{}")).await;
    login().await.is_problem(422, "invalid_body");
    login().await.is_problem(429, "rate_limited");
    let ask = async || server.raw("GET", PROJECT, &[], Body::empty()).await;
    ask().await.is_problem(401, "unauthenticated");
    ask().await.is_problem(429, "rate_limited");
}
