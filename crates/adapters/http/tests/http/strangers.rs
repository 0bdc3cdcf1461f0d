//! Rate limits by address for requests that are not authenticated, with or without an invalid credential.

use crate::support::{Answer, PASSWORD, PROJECT, Server};
use adapter_http::{EdgeRules, Limit, LimitRules};
use application::identity::IdentityRules;
use axum::body::Body;
use serde_json::Value;

/// An invalid credential.
const JUNK: (&str, &str) = ("authorization", "x");

/// Routes without a rate limit.
const PROBES: [&str; 4] = ["/livez", "/metrics", "/readyz", "/startupz"];

/// A server that permits one anonymous request and one sign-in per hour and address.
async fn strict() -> Server {
    let limit = Some(Limit { requests: 1, window_seconds: 3600 });
    let limits = LimitRules { anonymous: limit, sign_in: limit, ..LimitRules::default() };
    let edge = EdgeRules { trusted_proxies: 1, limits, ..EdgeRules::default() };
    let mut server = Server::of_people_by(IdentityRules::default(), edge).await;
    server.unchecked = true;
    server
}

async fn ask(server: &Server, method: &str, path: &str, from: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("x-forwarded-for", from)];
    all.extend_from_slice(headers);
    server.raw(method, path, &all, Body::empty()).await
}

#[tokio::test]
async fn every_refusal_of_a_stranger_is_counted() {
    let server = strict().await;
    let check = async |from: &str, method: &str, headers: &[(&str, &str)], status: u16, code: &str| {
        ask(&server, method, PROJECT, from, headers).await.is_problem(status, code);
        ask(&server, method, PROJECT, from, headers).await.is_problem(429, "rate_limited");
    };
    let cookie = ("cookie", "__Host-guardian_session=x");
    check("192.0.2.1", "GET", &[JUNK], 401, "unauthenticated").await;
    check("192.0.2.2", "GET", &[("authorization", "Bearer x")], 401, "unauthenticated").await;
    check("192.0.2.3", "GET", &[("x-api-key", "a"), ("x-api-key", "b")], 400, "conflicting_credentials")
        .await;
    check("192.0.2.4", "GET", &[cookie], 401, "unauthenticated").await;
    check("192.0.2.5", "PATCH", &[cookie], 403, "csrf_failed").await;
    check("192.0.2.6", "GET", &[], 401, "unauthenticated").await;
    server.people().identity.audit.flush().await.expect("written");
    let denied = server.get("/api/v1/audit?outcome=denied").await.is(200).json();
    assert_eq!(
        denied["items"].as_array().map(Vec::len),
        Some(5),
        "one record each, none of what was too much"
    );
}

#[tokio::test]
async fn a_credential_that_nobody_checks_is_worth_nothing() {
    let server = strict().await;
    let paths =
        ["/openapi.yaml", "/docs", "/docs/app.js", "/.well-known/jwks.json", "/api/v1/auth/providers"];
    for (at, path) in paths.into_iter().chain(["/nowhere"]).enumerate() {
        let from = format!("198.51.100.{at}");
        let first = ask(&server, "GET", path, &from, &[JUNK]).await;
        assert!(matches!(first.status.as_u16(), 200 | 404), "{path}: {}", first.status);
        ask(&server, "GET", path, &from, &[JUNK]).await.is_problem(429, "rate_limited");
    }
    ask(&server, "PUT", PROJECT, "203.0.113.1", &[JUNK]).await.is_problem(405, "method_not_allowed");
    ask(&server, "PUT", PROJECT, "203.0.113.1", &[JUNK]).await.is_problem(429, "rate_limited");
    let head = ask(&server, "HEAD", PROJECT, "203.0.113.2", &[JUNK]).await;
    assert_eq!(head.status, 401);
}

#[tokio::test]
async fn no_operation_is_free_for_strangers() {
    let server = strict().await;
    let document: Value = serde_json::from_str(&adapter_http::openapi_json()).expect("JSON");
    let mut at: u16 = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in ["GET", "PUT", "POST", "DELETE", "PATCH"] {
            let operation = &item[method.to_lowercase()];
            if operation.is_null() || PROBES.contains(&path.as_str()) {
                continue;
            }
            at += 1;
            let from = format!("10.0.{}.{}", at / 256, at % 256);
            let path = path.replace("{version}", "1").replace("{member}", "1").replace(['{', '}'], "");
            let first = ask(&server, method, &path, &from, &[JUNK]).await;
            assert_ne!(first.status, 429, "{method} {path}");
            let second = ask(&server, method, &path, &from, &[JUNK]).await;
            assert_eq!(second.status, 429, "{method} {path}: the first was not counted ({})", first.status);
        }
    }
    assert!(at > 80, "{at} operations");
}

#[tokio::test]
async fn junk_from_an_address_refuses_nobody_who_is_known_there() {
    let sign_in = Some(Limit { requests: 5, window_seconds: 3600 });
    let edge = EdgeRules {
        trusted_proxies: 1,
        limits: LimitRules { sign_in, ..LimitRules::default() },
        ..EdgeRules::default()
    };
    let server = Server::of_people_by(IdentityRules::default(), edge).await;
    for name in ["ann", "new"] {
        server.person(&format!("{name}@example.com"), None).await;
    }
    let from = [("x-forwarded-for", "192.0.2.9"), ("content-type", "application/json")];
    let post = async |path: &str, body: String| {
        server.raw("POST", &format!("/api/v1/auth/{path}"), &from, Body::from(body)).await
    };
    let login = async |email: &str, password: &str| {
        post("login", format!(r#"{{"email":"{email}","password":"{password}"}}"#)).await
    };
    let signed = login("ann@example.com", PASSWORD).await.is(200).json();
    let refresh = async |token: &str| post("refresh", format!(r#"{{"refresh_token":"{token}"}}"#)).await;
    let mut limited = 0;
    for n in 0..20 {
        limited += usize::from(refresh(&format!("made-up-{n}")).await.status == 429);
        limited += usize::from(login(&format!("random-{n}@example.com"), "wrong").await.status == 429);
    }
    assert!(limited >= 30, "{limited}");
    refresh(signed["refresh_token"].as_str().expect("a token")).await.is(200);
    login("ann@example.com", PASSWORD).await.is(200);
    login("new@example.com", PASSWORD).await.is_problem(429, "rate_limited");
}
