//! The edge: common headers, origins, proxies and rate limits.

use crate::support::{CONFIGS, PROJECT, Server};
use adapter_http::{EdgeRules, Limit, LimitRules};
use axum::body::Body;
use std::time::Duration;

const ALWAYS: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("referrer-policy", "no-referrer"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[tokio::test]
async fn every_answer_is_hardened() {
    let server = Server::new().await;
    for path in [PROJECT, "/livez", "/nowhere", "/api/v1/cluster/members"] {
        let answer = server.get(path).await;
        for (name, value) in ALWAYS {
            assert_eq!(answer.header(name), value, "{path} {name}");
        }
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
    }
    let unknown = server.raw("GET", PROJECT, &[], Body::empty()).await;
    unknown.is_problem(401, "unauthenticated");
    assert_eq!(unknown.header("x-frame-options"), "DENY");
    // The page needs its own script and style.
    let page = server.get("/docs").await.is(200);
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(page.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn https_is_only_believed_of_trusted_proxies() {
    let header = [("x-forwarded-proto", "https")];
    let direct = Server::new().await;
    assert_eq!(direct.send("GET", PROJECT, &header, "").await.header("strict-transport-security"), "");
    let behind = Server::behind(EdgeRules { trusted_proxies: 1, ..EdgeRules::default() }).await;
    let answer = behind.send("GET", PROJECT, &header, "").await.is(200);
    assert_eq!(answer.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
    assert_eq!(behind.get(PROJECT).await.header("strict-transport-security"), "");
}

#[tokio::test]
async fn only_listed_origins_may_read() {
    let cors_origins = vec!["https://console.example".to_owned()];
    let server = Server::behind(EdgeRules { cors_origins, ..EdgeRules::default() }).await;
    let check = async |origin: &str, allowed: &str| {
        let answer = server.send("GET", PROJECT, &[("origin", origin)], "").await.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
        let asked = [("origin", origin), ("access-control-request-method", "PUT")];
        let answer = server.raw("OPTIONS", &format!("{CONFIGS}/a"), &asked, Body::empty()).await.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed, "{origin}");
    };
    check("https://console.example", "https://console.example").await;
    check("https://console.example.evil", "").await;
    check("null", "").await;
    assert_eq!(server.get(PROJECT).await.header("access-control-allow-credentials"), "");
}

fn limits(change: impl FnOnce(&mut LimitRules)) -> EdgeRules {
    let mut limits = LimitRules::default();
    change(&mut limits);
    EdgeRules { trusted_proxies: 1, limits, ..EdgeRules::default() }
}

#[tokio::test(start_paused = true)]
async fn a_principal_may_ask_so_much() {
    let limit = Limit { requests: 2, window_seconds: 10 };
    let server = Server::behind(limits(|rules| rules.read = Some(limit))).await;
    let first = server.get(PROJECT).await.is(200);
    assert_eq!(first.header("ratelimit-policy"), "\"read\";q=2;w=10");
    assert_eq!(first.header("ratelimit"), "\"read\";r=1;t=5");
    server.get(PROJECT).await.is(200);
    let refused = server.get(PROJECT).await;
    refused.is_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.header("ratelimit"), "\"read\";r=0;t=5");
    // Changes are another class, other keys have other buckets, and probes are not counted.
    server.create("a", "1").await;
    server.get("/livez").await.is(200);
    tokio::time::advance(Duration::from_secs(5)).await;
    server.get(PROJECT).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_counted_by_address() {
    let limit = Limit { requests: 1, window_seconds: 60 };
    let server = Server::behind(limits(|rules| rules.anonymous = Some(limit))).await;
    let ask = async |headers: &[(&str, &str)]| server.raw("GET", PROJECT, headers, Body::empty()).await;
    ask(&[("x-forwarded-for", "192.0.2.1")]).await.is_problem(401, "unauthenticated");
    // Entries of the client do not change its address, and an invalid key does not either.
    let more = ask(&[("x-forwarded-for", "9.9.9.9, 192.0.2.1")]).await;
    more.is_problem(429, "rate_limited");
    assert_eq!(more.header("ratelimit-policy"), "\"anonymous\";q=1;w=60");
    let wrong = [("x-forwarded-for", "192.0.2.1"), ("x-api-key", "gdn_sk_wrong")];
    ask(&wrong).await.is_problem(429, "rate_limited");
    ask(&[("x-forwarded-for", "192.0.2.2")]).await.is_problem(401, "unauthenticated");
    ask(&[("x-forwarded-for", "2001:db8::1")]).await.is_problem(401, "unauthenticated");
    ask(&[("x-forwarded-for", "2001:db8::2")]).await.is_problem(429, "rate_limited");
    // An authenticated caller is not limited by anonymous requests from the same address.
    let known = [("x-forwarded-for", "192.0.2.1")];
    server.send("GET", PROJECT, &known, "").await.is(200);
}
