//! Users: sign-in, refresh, sign-out, roles, and their audit records.

use crate::support::{CONFIGS, PASSWORD, PROJECT, Server};
use adapter_http::EdgeRules;
use application::identity::{IdentityRules, RegistrationMode};
use axum::body::Body;
use domain::Digest;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_person_signs_in_goes_on_and_out() {
    let server = Server::of_people().await;
    let id = server.person("Ada@Example.com", Some(("viewer", "projects/demo"))).await;
    let signed = server.login("ada@example.com").await;
    assert_eq!(signed["token_type"], "Bearer");
    assert_eq!(signed["expires_in"], 900);
    assert_eq!(signed["user"]["id"], id.as_str());
    let me = server.as_person(&signed, "GET", "/api/v1/auth/me", "").await.is(200).json();
    assert_eq!(me["user"]["email"], "ada@example.com");
    assert_eq!((&me["grants"][0]["role"], &me["grants"][0]["project"]), (&"viewer".into(), &"demo".into()));
    server.as_person(&signed, "GET", PROJECT, "").await.is(200);

    let refresh = async |token: &str| {
        let body = format!(r#"{{"refresh_token":"{token}"}}"#);
        server.raw("POST", "/api/v1/auth/refresh", &[JSON], Body::from(body)).await
    };
    let first = signed["refresh_token"].as_str().expect("a token");
    let next = refresh(first).await.is(200).json();
    assert_ne!(next["refresh_token"], signed["refresh_token"]);
    server.as_person(&next, "GET", PROJECT, "").await.is(200);
    let sessions = server.as_person(&next, "GET", "/api/v1/auth/sessions", "").await.is(200).json();
    assert_eq!(sessions["items"][0]["present"], true);
    // A late reuse of a refresh token indicates a copy: the session is revoked.
    server.test.clock.advance(60_000);
    refresh(first).await.is_problem(401, "session_over");
    server.as_person(&next, "GET", PROJECT, "").await.is_problem(401, "unauthenticated");

    let again = server.login("ada@example.com").await;
    server.as_person(&again, "POST", "/api/v1/auth/logout", "").await.is(204);
    server.as_person(&again, "GET", PROJECT, "").await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn wrong_and_unknown_are_answered_alike() {
    let server = Server::of_people().await;
    server.person("ada@example.com", None).await;
    let answer = async |email: &str| {
        let body = format!(r#"{{"email":"{email}","password":"wrong wrong wrong"}}"#);
        let answer = server.raw("POST", "/api/v1/auth/login", &[JSON], Body::from(body)).await;
        let mut problem = answer.is_problem(401, "sign_in_failed");
        problem["instance"] = "".into();
        (problem, answer.headers.len())
    };
    assert_eq!(answer("ada@example.com").await, answer("bob@example.com").await);
}

#[tokio::test]
async fn an_invited_editor_edits_and_a_viewer_does_not() {
    let rules = IdentityRules { registration: RegistrationMode::Invitation, ..IdentityRules::default() };
    let server = Server::of_people_by(rules, EdgeRules::default()).await;
    server.create("a", "1").await;
    let body = r#"{"email":"ed@example.com","role":{"role":"editor","project":"demo"}}"#;
    let invited = server.post("/api/v1/invitations", body).await.is(201).json();
    assert!(server.get("/api/v1/invitations").await.is(200).json()["items"][0].get("token").is_none());
    let token = invited["token"].as_str().expect("a token");
    let register =
        format!(r#"{{"email":"ed@example.com","name":"Ed","password":"{PASSWORD}","invitation":"{token}"}}"#);
    let ed = server.raw("POST", "/api/v1/auth/register", &[JSON], Body::from(register)).await.is(201).json();
    let signed = server.login("ed@example.com").await;
    let put = async |signed: &serde_json::Value| {
        server.as_person(signed, "PUT", &format!("{CONFIGS}/a"), r#"{"content":2}"#).await
    };
    put(&signed).await.is(200);

    let path = format!("{PROJECT}/members/{}", ed["id"].as_str().expect("an id"));
    assert_eq!(server.get(&path).await.is(200).json()["email"], "ed@example.com");
    server.send("PUT", &path, &[], r#"{"role":"viewer"}"#).await.is(200);
    // The earlier token is invalid, and the next one has the new role.
    put(&signed).await.is_problem(401, "unauthenticated");
    let signed = server.login("ed@example.com").await;
    put(&signed).await.is_problem(403, "forbidden");
    server.as_person(&signed, "GET", &format!("{CONFIGS}/a"), "").await.is(200);
    server.send("DELETE", &path, &[], "").await.is(204);
    server.get(&path).await.is_problem(404, "member_not_found");
}

#[tokio::test]
async fn a_project_is_taken_from_the_organisation_in_the_path_only() {
    let server = Server::of_people().await;
    for name in ["acme", "globex"] {
        let path = format!("/api/v1/organisations/{name}");
        server.send("PUT", &path, &[], r#"{"label":"O"}"#).await.is(200);
    }
    let (acme, globex) =
        ("/api/v1/organisations/acme/projects/demo", "/api/v1/organisations/globex/projects/demo");
    server.send("PUT", globex, &[], "").await.is(204);
    server.send("DELETE", acme, &[], "").await.is_problem(404, "project_not_found");
    let owned = server.get("/api/v1/organisations/globex/projects").await.is(200).json();
    assert_eq!(owned["items"][0]["project"], "demo");
    server.send("DELETE", globex, &[], "").await.is(204);
}

#[tokio::test]
async fn the_first_administrator_comes_in_once() {
    let rules = IdentityRules { bootstrap: Some(Digest::of(&[b"once"])), ..IdentityRules::default() };
    let server = Server::of_people_by(rules, EdgeRules::default()).await;
    let body = |token: &str, email: &str| {
        let text =
            format!(r#"{{"token":"{token}","email":"{email}","name":"Root","password":"{PASSWORD}"}}"#);
        Body::from(text)
    };
    let bootstrap = async |body: Body| server.raw("POST", "/api/v1/auth/bootstrap", &[JSON], body).await;
    assert!(bootstrap(body("other", "a@example.com")).await.status.is_client_error());
    bootstrap(body("once", "a@example.com")).await.is(201);
    assert!(bootstrap(body("once", "b@example.com")).await.status.is_client_error());
    let signed = server.login("a@example.com").await;
    server.as_person(&signed, "GET", "/api/v1/users", "").await.is(200);
    let me = signed["user"]["id"].as_str().expect("an id");
    let path = format!("/api/v1/users/{me}");
    server.send("DELETE", &path, &[], "").await.is_problem(409, "last_administrator");
}

#[tokio::test]
async fn refusals_are_in_the_audit() {
    let server = Server::of_people().await;
    server.person("vi@example.com", Some(("viewer", "projects/demo"))).await;
    let signed = server.login("vi@example.com").await;
    let path = format!("{PROJECT}/api-keys");
    server.as_person(&signed, "GET", &path, "").await.is_problem(403, "forbidden");
    server.raw("GET", PROJECT, &[("x-api-key", "gdn_sk_wrong")], Body::empty()).await.is(401);
    server.people().identity.audit.flush().await.expect("written");
    let denied = server.get("/api/v1/audit?outcome=denied").await.is(200).json();
    let found = denied["items"].as_array().expect("items").iter();
    let seen: Vec<_> = found.map(|one| (one["resource"].as_str(), one["actor"].as_str())).collect();
    let me = format!("user:{}", signed["user"]["id"].as_str().expect("an id"));
    assert!(seen.contains(&(Some(path.as_str()), Some(me.as_str()))), "{denied}");
    assert!(seen.contains(&(Some(PROJECT), Some("anonymous"))), "{denied}");
    // A viewer may not read the audit; a project administrator may read that of the project.
    server.as_person(&signed, "GET", &format!("{PROJECT}/audit"), "").await.is_problem(403, "forbidden");
    assert_eq!(server.get("/api/v1/audit/verification").await.is(200).json()["intact"], true);
}

#[tokio::test]
async fn the_audit_is_a_file_too() {
    let server = Server::of_people().await;
    let agent = "=HYPERLINK(\"http://evil\")";
    for _ in 0..3 {
        let body = r#"{"email":"no@example.com","password":"wrong wrong wrong"}"#;
        let headers = [JSON, ("user-agent", agent)];
        server.raw("POST", "/api/v1/auth/login", &headers, Body::from(body)).await.is(401);
    }
    server.people().identity.audit.flush().await.expect("written");
    let csv = server.send("GET", "/api/v1/audit", &[("accept", "text/csv")], "").await.is(200);
    let text = String::from_utf8(csv.body.clone()).expect("UTF-8");
    assert!(
        text.starts_with("number,at,actor,") && text.contains(r#""'=HYPERLINK(""http://evil"")""#),
        "{text}"
    );
    let lines = server.send("GET", "/api/v1/audit", &[("accept", "application/x-ndjson")], "").await.is(200);
    let lines = String::from_utf8(lines.body.clone()).expect("UTF-8");
    // The audit now contains the first file's record, which the second file has in place of its header row.
    assert_eq!(lines.lines().count(), text.lines().count());
    assert!(lines.contains("audit.export"), "{lines}");
    server
        .send("GET", "/api/v1/audit", &[("accept", "image/png")], "")
        .await
        .is_problem(406, "not_acceptable");

    let first = server.get("/api/v1/audit?page_size=2&action=auth.*").await.is(200).json();
    let token = first["next_page_token"].as_str().expect("a token");
    let rest =
        server.get(&format!("/api/v1/audit?page_size=2&action=auth.*&page_token={token}")).await.is(200);
    assert_eq!(rest.json()["items"].as_array().map(Vec::len), Some(1));
    let other = server.get(&format!("/api/v1/audit?page_size=2&action=role.*&page_token={token}")).await;
    other.is_problem(400, "invalid_page_token");
}

#[tokio::test]
async fn no_control_character_is_looked_for_or_kept() {
    let server = Server::of_people().await;
    for parameter in ["actor", "action", "resource"] {
        for path in ["/api/v1/audit".to_owned(), format!("{PROJECT}/audit")] {
            for value in ["%00", "auth.%00*", "%0A", "%C2%85"] {
                let answer = server.get(&format!("{path}?{parameter}={value}")).await;
                assert_eq!(answer.is_problem(400, "invalid_parameter")["parameter"], parameter);
            }
        }
    }
    server.person("ada@example.com", None).await;
    let body = format!(
        r#"{{"email":"ada@example.com","password":"{PASSWORD}","device":"A\u0000da's\n \u0085phone"}}"#
    );
    let headers = [JSON, ("user-agent", "a\tprogram")];
    let signed = server.raw("POST", "/api/v1/auth/login", &headers, Body::from(body)).await.is(200).json();
    let sessions = server.as_person(&signed, "GET", "/api/v1/auth/sessions", "").await.is(200).json();
    let kept = &sessions["items"][0];
    assert_eq!((&kept["device"], &kept["user_agent"]), (&"Ada's phone".into(), &"aprogram".into()));
}

#[tokio::test]
async fn without_people_the_rest_goes_on() {
    let server = Server::new().await;
    server.get(PROJECT).await.is(200);
    server.get("/api/v1/users").await.is_problem(503, "identity_unavailable");
    let body = Body::from(r#"{"email":"a@example.com","password":"wrong wrong wrong"}"#);
    let login = server.raw("POST", "/api/v1/auth/login", &[JSON], body).await;
    login.is_problem(503, "identity_unavailable");
    assert_eq!(login.header("retry-after"), "1");
}
