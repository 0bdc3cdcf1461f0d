//! Sign-out of browsers: the session is found by any remaining cookie, and the cookies are deleted.

use crate::browsers::{ACCESS, Browser, REFRESH, browser, taken};
use crate::support::{Answer, PROJECT, Server};
use axum::body::Body;

const STATE: &str = "__Host-guardian_state";
const LOGOUT: &str = "/api/v1/auth/logout";
const SESSIONS: &str = "/api/v1/auth/sessions";
const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
const OTHER: (&str, &str) = ("sec-fetch-site", "cross-site");
/// Longer than the lifetime of an access token.
const TOKEN_OVER_MS: i64 = 16 * 60 * 1000;
/// Longer than the idle timeout of a session.
const SESSION_OVER_MS: i64 = 31 * 60 * 1000;

async fn ada() -> (Server, Browser) {
    let server = Server::of_people().await;
    server.person("ada@example.com", Some(("viewer", "projects/demo"))).await;
    let browser = browser(&server, "ada@example.com").await;
    (server, browser)
}

/// The browser with its refresh cookie only, as after the access cookie's expiry.
fn later(browser: &Browser) -> Browser {
    let kept = browser.cookies.split("; ").filter(|pair| pair.starts_with(REFRESH));
    Browser { cookies: kept.collect(), csrf: browser.csrf.clone() }
}

async fn refresh(server: &Server, browser: &Browser) -> Answer {
    browser.send(server, "POST", "/api/v1/auth/refresh", &[OWN], "{}").await
}

#[tokio::test]
async fn a_browser_signs_out_long_after_its_token() {
    for keeps_both in [true, false] {
        let (server, mut browser) = ada().await;
        server.test.clock.advance(TOKEN_OVER_MS);
        if !keeps_both {
            browser = later(&browser);
        }
        let csrf = ("x-csrf-token", browser.csrf.as_str());
        let refused = browser.send(&server, "POST", LOGOUT, &[OTHER, csrf], "").await;
        refused.is_problem(403, "csrf_failed");
        let silent = browser.send(&server, "POST", LOGOUT, &[csrf], "").await;
        silent.is_problem(403, "csrf_failed");
        assert_eq!((taken(&refused).len(), taken(&silent).len()), (0, 0), "another site signs nobody out");
        let out = browser.send(&server, "POST", LOGOUT, &[OWN, csrf], "").await.is(204);
        assert_eq!(taken(&out), [ACCESS, REFRESH]);
        refresh(&server, &browser).await.is_problem(401, "session_over");
        // A repeated sign-out succeeds.
        let again = later(&browser).send(&server, "POST", LOGOUT, &[OWN], "").await.is(204);
        assert_eq!(taken(&again), [ACCESS, REFRESH]);
        let records = server.get("/api/v1/audit?action=auth.logout").await.is(200).json();
        assert_eq!(records["items"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn a_token_whose_rights_changed_signs_out_too() {
    let (server, browser) = ada().await;
    let other = self::browser(&server, "ada@example.com").await;
    let csrf = ("x-csrf-token", other.csrf.as_str());
    other.send(&server, "DELETE", &format!("{SESSIONS}?keep_present=true"), &[OWN, csrf], "").await.is(200);
    // All earlier tokens are refused, including that of the session that stays.
    other.send(&server, "GET", PROJECT, &[], "").await.is(401);
    let out = other.send(&server, "POST", LOGOUT, &[OWN, csrf], "").await.is(204);
    assert_eq!(taken(&out), [ACCESS, REFRESH]);
    refresh(&server, &other).await.is_problem(401, "session_over");
    refresh(&server, &browser).await.is_problem(401, "session_over");
}

#[tokio::test]
async fn a_browser_is_out_whatever_fails() {
    let (server, browser) = ada().await;
    server.people().people.set_unavailable(true);
    let csrf = ("x-csrf-token", browser.csrf.as_str());
    let failed = browser.send(&server, "POST", LOGOUT, &[OWN, csrf], "").await;
    failed.is_problem(503, "identity_unavailable");
    assert_eq!(taken(&failed), [ACCESS, REFRESH]);
    let stranger = server.raw("POST", LOGOUT, &[OWN], Body::empty()).await;
    stranger.is_problem(401, "unauthenticated");
    assert!(taken(&stranger).is_empty());
}

#[tokio::test]
async fn a_session_that_is_over_takes_its_cookies() {
    let (server, browser) = ada().await;
    server.test.clock.advance(SESSION_OVER_MS);
    let over = refresh(&server, &browser).await;
    over.is_problem(401, "session_over");
    assert_eq!(taken(&over), [ACCESS, REFRESH]);
    // A client without cookies gets none.
    let json = ("content-type", "application/json");
    let body = r#"{"refresh_token":"nonsense"}"#;
    let plain = server.raw("POST", "/api/v1/auth/refresh", &[json], Body::from(body)).await;
    plain.is_problem(401, "session_over");
    assert!(taken(&plain).is_empty());
}

#[tokio::test]
async fn ending_ones_own_session_takes_its_cookies() {
    let (server, first) = ada().await;
    let second = browser(&server, "ada@example.com").await;
    let sessions = first.send(&server, "GET", SESSIONS, &[], "").await.is(200).json();
    let id = |present: bool| {
        let found = sessions["items"].as_array().expect("items").iter().find(|one| one["present"] == present);
        found.expect("a session")["id"].as_str().expect("an id").to_owned()
    };
    let csrf = ("x-csrf-token", first.csrf.as_str());
    let other = first.send(&server, "DELETE", &format!("{SESSIONS}/{}", id(false)), &[OWN, csrf], "").await;
    assert!(taken(&other.is(204)).is_empty(), "one's own goes on");
    refresh(&server, &second).await.is_problem(401, "session_over");
    let first = Browser::new(&refresh(&server, &first).await.is(200));
    let csrf = ("x-csrf-token", first.csrf.as_str());
    let own = first.send(&server, "DELETE", &format!("{SESSIONS}/{}", id(true)), &[OWN, csrf], "").await;
    assert_eq!(taken(&own.is(204)), [ACCESS, REFRESH]);

    let third = browser(&server, "ada@example.com").await;
    let csrf = ("x-csrf-token", third.csrf.as_str());
    let all = third.send(&server, "DELETE", SESSIONS, &[OWN, csrf], "").await.is(200);
    assert_eq!(taken(&all), [ACCESS, REFRESH]);
}

#[tokio::test]
async fn a_sign_in_that_came_back_is_forgotten() {
    let server = Server::of_people().await;
    let start = "/api/v1/auth/providers/corp/begin?mode=cookie";
    let callback = "/api/v1/auth/providers/corp/callback";
    for (answer, status, code) in [
        ("&code=wrong", 401, "provider_refused"),
        ("&error=access_denied", 401, "provider_refused"),
        ("&code=silent", 503, "provider_unavailable"),
    ] {
        let begun = server.raw("POST", start, &[], Body::empty()).await.is(200);
        let location = begun.json()["location"].as_str().expect("a place").to_owned();
        let state = location.split_once("state=").expect("a state").1;
        let cookie = begun.header("set-cookie").split(';').next().expect("a pair").to_owned();
        let headers = [("cookie", cookie.as_str())];
        // A response for another sign-in does not affect the pending one.
        let foreign =
            server.raw("GET", &format!("{callback}?state=x{answer}"), &headers, Body::empty()).await;
        foreign.is_problem(401, "provider_refused");
        assert!(taken(&foreign).is_empty());
        let back = format!("{callback}?state={state}{answer}");
        let failed = server.raw("GET", &back, &headers, Body::empty()).await;
        failed.is_problem(status, code);
        assert_eq!(taken(&failed), [STATE], "{answer}");
    }
}
