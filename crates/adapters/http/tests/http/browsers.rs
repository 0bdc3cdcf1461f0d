//! Browser sessions: cookies that scripts cannot read, and protection against cross-site requests.

use crate::support::{Answer, PASSWORD, PROJECT, Server};
use axum::body::Body;
use std::fmt::Write as _;

const JSON: (&str, &str) = ("content-type", "application/json");

pub const ACCESS: &str = "__Host-guardian_session";
pub const REFRESH: &str = "__Host-guardian_refresh";

/// The names of the cookies that a response deletes.
pub fn taken(answer: &Answer) -> Vec<String> {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().expect("ASCII"));
    let gone = set.filter(|text| text.contains("Max-Age=0;")).filter_map(|text| text.split_once("=; "));
    gone.map(|(name, _)| name.to_owned()).collect()
}

/// The cookies of a signed-in browser.
pub struct Browser {
    pub cookies: String,
    pub csrf: String,
}

impl Browser {
    pub fn new(answer: &Answer) -> Self {
        let mut cookies = String::new();
        for value in answer.headers.get_all("set-cookie") {
            let text = value.to_str().expect("ASCII");
            for part in ["; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
                assert!(text.contains(part), "{text}");
            }
            assert!(text.starts_with("__Host-") && !text.contains("Domain"), "{text}");
            write!(cookies, "{}; ", text.split(';').next().expect("a pair")).expect("a string takes all");
        }
        let body = answer.json();
        assert!(body.get("access_token").is_none() && body.get("refresh_token").is_none(), "{body}");
        Self { cookies, csrf: body["csrf_token"].as_str().expect("a token").to_owned() }
    }

    pub async fn send(
        &self,
        server: &Server,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all = vec![("cookie", self.cookies.as_str()), JSON];
        all.extend_from_slice(headers);
        server.raw(method, path, &all, Body::from(body.to_owned())).await
    }
}

/// Signs a user in with cookies.
pub async fn browser(server: &Server, email: &str) -> Browser {
    let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
    let path = "/api/v1/auth/login?mode=cookie";
    let headers = [JSON, ("sec-fetch-site", "same-origin")];
    Browser::new(&server.raw("POST", path, &headers, Body::from(body)).await.is(200))
}

#[tokio::test]
async fn a_page_changes_what_another_site_cannot() {
    let server = Server::of_people().await;
    server.person("ada@example.com", Some(("admin", "projects/demo"))).await;
    let browser = browser(&server, "ada@example.com").await;
    let csrf = ("x-csrf-token", browser.csrf.as_str());
    let own = ("sec-fetch-site", "same-origin");
    let path = format!("{PROJECT}/environments");
    let check = async |name: &str, headers: &[(&str, &str)], passes: bool| {
        let answer = browser.send(&server, "POST", &path, headers, &format!(r#"{{"name":"{name}"}}"#)).await;
        if passes {
            answer.is(201).json()
        } else {
            answer.is_problem(403, "csrf_failed")
        };
    };
    browser.send(&server, "GET", PROJECT, &[], "").await.is(200);
    check("a", &[own], false).await;
    check("a", &[own, ("x-csrf-token", "0000")], false).await;
    check("a", &[("sec-fetch-site", "cross-site"), csrf], false).await;
    check("a", &[("origin", "https://evil.example"), ("host", "guardian.example"), csrf], false).await;
    check("a", &[own, csrf], true).await;
    check("b", &[("origin", "https://guardian.example"), ("host", "guardian.example"), csrf], true).await;
    check("c", &[csrf], true).await;
    // A page can read its CSRF token again; other sessions have other tokens.
    let me = browser.send(&server, "GET", "/api/v1/auth/me", &[], "").await.is(200).json();
    assert_eq!(me["csrf_token"], browser.csrf.as_str());
    let other = self::browser(&server, "ada@example.com").await;
    check("d", &[own, ("x-csrf-token", other.csrf.as_str())], false).await;
    // A credential in a header is sent by a script, so no CSRF token is needed.
    let key = ("x-api-key", server.test.admin_secret.as_str());
    browser.send(&server, "POST", &path, &[key], r#"{"name":"e"}"#).await.is(201);
}

#[tokio::test]
async fn a_browser_goes_on_and_out() {
    let server = Server::of_people().await;
    server.person("ada@example.com", Some(("viewer", "projects/demo"))).await;
    let first = browser(&server, "ada@example.com").await;
    let refresh = async |browser: &Browser, site: &str| {
        browser.send(&server, "POST", "/api/v1/auth/refresh", &[("sec-fetch-site", site)], "{}").await
    };
    refresh(&first, "cross-site").await.is_problem(403, "csrf_failed");
    let silent = first.send(&server, "POST", "/api/v1/auth/refresh", &[], "{}").await;
    silent.is_problem(403, "csrf_failed");
    let next = Browser::new(&refresh(&first, "same-origin").await.is(200));
    assert_ne!(next.csrf, first.csrf);
    next.send(&server, "GET", PROJECT, &[], "").await.is(200);
    let headers = [("sec-fetch-site", "same-origin"), ("x-csrf-token", next.csrf.as_str())];
    let out = next.send(&server, "POST", "/api/v1/auth/logout", &headers, "").await.is(204);
    assert_eq!(taken(&out), [ACCESS, REFRESH]);
    next.send(&server, "GET", PROJECT, &[], "").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn another_site_signs_nobody_in() {
    let server = Server::of_people().await;
    server.person("ada@example.com", None).await;
    let body = format!(r#"{{"email":"ada@example.com","password":"{PASSWORD}"}}"#);
    let headers = [JSON, ("sec-fetch-site", "cross-site")];
    let answer = server.raw("POST", "/api/v1/auth/login?mode=cookie", &headers, Body::from(body)).await;
    answer.is_problem(403, "csrf_failed");
    assert!(answer.headers.get("set-cookie").is_none());
}
