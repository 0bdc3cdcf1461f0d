//! Responses to changes reveal stored values only to callers that may read them: each permission, each
//! response.

use crate::support::{CONFIGS, PROJECT, Server};
use axum::body::Body;
use domain::Permission;
use serde_json::json;

/// Stored values, and the permission to read each.
const CANARIES: [(&str, Permission); 5] = [
    ("canary-document", Permission::DocumentRead),
    ("canary-schema", Permission::SchemaRead),
    ("canary-rule", Permission::SchemaRead),
    ("canary-key", Permission::KeyRead),
    ("canary-project", Permission::ProjectRead),
];
/// Members that reveal properties of a stored config or schema.
const MEMBERS: [(&str, Permission); 4] = [
    ("updated_by", Permission::DocumentRead),
    ("updated_at", Permission::DocumentRead),
    ("used_by", Permission::SchemaRead),
    ("bound_documents\":1", Permission::SchemaRead),
];

/// A change: method, path below the project, precondition, body.
type Try<'a> = (&'a str, &'a str, Option<(&'a str, &'a str)>, &'a str);

async fn world() -> Server {
    let server = Server::new().await;
    server.send("PATCH", PROJECT, &[], r#"{"display_name":"canary-project"}"#).await.is(200);
    server.create("plain", r#"{"v":"canary-document"}"#).await;
    let schema =
        |name: &str, schema: serde_json::Value| json!({ "name": name, "schema": schema }).to_string();
    let schemas = format!("{PROJECT}/schemas");
    server.post(&schemas, &schema("free", json!({"title": "canary-schema"}))).await.is(201);
    let rule = json!({"title": "canary-schema", "required": ["canary-rule"]});
    server.post(&schemas, &schema("bound", rule)).await.is(201);
    let body = r#"{"content":{"canary-rule":"canary-document"},"schema":{"name":"bound"}}"#;
    server.put("bound", ("if-none-match", "*"), body).await.is(201);
    server
}

/// Creates a key of the project with this permission only; returns its secret.
async fn key(server: &Server, name: &str, permission: Permission) -> (String, String) {
    let body = json!({ "name": name, "permissions": [permission.as_str()] }).to_string();
    let made = server.post(&format!("{PROJECT}/api-keys"), &body).await.is(201).json();
    (made["key"].as_str().expect("a secret").to_owned(), made["id"].as_str().expect("an id").to_owned())
}

#[tokio::test]
async fn nobody_is_quoted_what_they_may_not_read() {
    let server = world().await;
    let (_, id) = key(&server, "canary-key", Permission::ProjectRead).await;
    let rotate = format!("/api-keys/{id}/rotate?dry_run=true");
    let revoke = format!("/api-keys/{id}?dry_run=true");
    let put = |key: &str, version: u64| {
        format!(
            r#"{{"operations":[{{"op":"put","environment":"default","key":"{key}","content":{{"v":1}},
                "expected_version":{version}}}]}}"#
        )
    };
    let (fits, conflicts, breaks) = (put("plain", 1), put("plain", 9), put("bound", 1));
    let delete =
        r#"{"operations":[{"op":"delete","environment":"default","key":"plain","expected_version":9}]}"#;
    let (any, old) = (Some(("if-match", "*")), Some(("if-match", "\"9\"")));
    let absent = Some(("if-none-match", "*"));
    let content = r#"{"content":{"v":1}}"#;
    let (narrower, wider) = (r#"{"schema":{"required":["other"]}}"#, r#"{"schema":{}}"#);
    let config = "/environments/default/configs";
    let (plain, bound) = (format!("{config}/plain"), format!("{config}/bound"));
    let (plain_dry, bound_dry) = (format!("{plain}?dry_run=true"), format!("{bound}?dry_run=true"));
    let (rollback, restore) = (format!("{plain}/rollback"), "/environments/default/rollback".to_owned());
    let tries: Vec<Try<'_>> = vec![
        ("PUT", &plain_dry, any, content),
        ("PUT", &plain, old, content),
        ("PUT", &plain, absent, content),
        ("PUT", &bound_dry, any, content),
        ("PUT", &bound, old, content),
        ("PATCH", &plain_dry, any, "{}"),
        ("DELETE", &plain_dry, any, ""),
        ("DELETE", &plain, old, ""),
        ("POST", &rollback, any, r#"{"to_version":1}"#),
        ("POST", &restore, None, r#"{"to_revision":1}"#),
        ("POST", "/transactions?dry_run=true", None, &fits),
        ("POST", "/transactions", None, &conflicts),
        ("POST", "/transactions", None, &breaks),
        ("POST", "/transactions", None, delete),
        ("PUT", "/schemas/bound?dry_run=true", any, wider),
        ("PUT", "/schemas/bound?dry_run=true", any, narrower),
        ("PUT", "/schemas/bound", old, wider),
        ("PUT", "/schemas/bound", any, narrower),
        ("POST", "/schemas", None, r#"{"name":"free","schema":{}}"#),
        ("DELETE", "/schemas/bound", any, ""),
        ("DELETE", "/schemas/free?dry_run=true", any, ""),
        ("DELETE", "/schemas/free", old, ""),
        ("POST", &rotate, None, ""),
        ("DELETE", &revoke, None, ""),
        ("PATCH", "?dry_run=true", None, r#"{"retention":{"versions":5}}"#),
        ("DELETE", "?dry_run=true", None, ""),
        ("POST", "/environments", None, r#"{"name":"default"}"#),
        ("DELETE", "/environments/default", None, ""),
    ];
    let mut answered = 0;
    for permission in Permission::ALL {
        let (secret, _) = key(&server, "single", *permission).await;
        for (method, path, guard, body) in &tries {
            let kind = if *method == "PATCH" && path.contains("configs") {
                "application/merge-patch+json"
            } else {
                "application/json"
            };
            let mut headers = vec![("x-api-key", secret.as_str())];
            headers.extend(guard.iter());
            if !body.is_empty() {
                headers.push(("content-type", kind));
            }
            let path = format!("{PROJECT}{path}");
            let answer = server.raw(method, &path, &headers, Body::from((*body).to_owned())).await;
            answered += u32::from(answer.status != 403);
            let text = String::from_utf8_lossy(&answer.body);
            let may = permission.as_str();
            // The caller may see the result of its own change; a refusal describes stored values.
            let members: &[_] = if answer.status.is_client_error() { &MEMBERS } else { &[] };
            for (canary, right) in CANARIES.iter().chain(members) {
                let quoted = text.contains(canary) && right != permission;
                assert!(!quoted, "{method} {path} with {may} alone quotes {canary}: {text}");
            }
        }
    }
    assert!(answered > 20, "{answered} answers: the keys are refused whatever they ask");
}

/// Callers with the read permission see the values.
#[tokio::test]
async fn who_may_read_is_quoted() {
    let server = world().await;
    let tried = server.put("plain?dry_run=true", ("if-match", "*"), r#"{"content":{"v":1}}"#).await.is(200);
    assert_eq!(tried.json()["effects"][0]["before"]["v"], "canary-document");
    let refused = server.put("plain", ("if-match", "\"9\""), r#"{"content":{"v":1}}"#).await;
    assert_eq!(refused.is_problem(412, "version_conflict")["current_version"], 1);
    let read_write =
        json!({ "name": "rw", "permissions": ["config:document:read", "config:document:write"] });
    let made = server.post(&format!("{PROJECT}/api-keys"), &read_write.to_string()).await.is(201).json();
    let secret = made["key"].as_str().expect("a secret").to_owned();
    let headers =
        [("x-api-key", secret.as_str()), ("if-match", "\"9\""), ("content-type", "application/json")];
    let refused = server
        .raw("PUT", &format!("{CONFIGS}/plain"), &headers, Body::from(r#"{"content":{"v":1}}"#))
        .await
        .is_problem(412, "version_conflict");
    assert_eq!((&refused["current_version"], refused["updated_by"].is_string()), (&json!(1), true));
}

/// A replayed response needs the read permission again.
#[tokio::test]
async fn a_repeated_request_needs_the_right_to_read_again() {
    const MERGE: &str = "application/merge-patch+json";
    let bindings = format!("{PROJECT}/environments/default/bindings");
    let config = format!("{CONFIGS}/a");
    for (method, path, kind, body) in [
        ("PATCH", &config, MERGE, r#"{"w":1}"#),
        ("PUT", &config, "application/json", r#"{"content":{"v":"canary-document"}}"#),
        ("POST", &bindings, "application/json", r#"{"keys":["a"],"schema":{"name":"s"}}"#),
    ] {
        let server = Server::of_people().await;
        server.create("a", r#"{"v":"canary-document"}"#).await;
        server.post(&format!("{PROJECT}/schemas"), r#"{"name":"s","schema":{}}"#).await.is(201);
        let id = server.person("ann@example.com", Some(("editor", "projects/demo"))).await;
        let send = async |signed: &serde_json::Value| {
            let bearer = format!("Bearer {}", signed["access_token"].as_str().expect("a token"));
            let mut headers =
                vec![("authorization", bearer.as_str()), ("content-type", kind), ("idempotency-key", "once")];
            if method != "POST" {
                headers.push(("if-match", "*"));
            }
            server.raw(method, path, &headers, Body::from(body)).await
        };
        let signed = server.login("ann@example.com").await;
        send(&signed).await.is(200);
        assert_eq!(send(&signed).await.is(200).header("idempotent-replayed"), "true", "{method} {path}");
        let role = r#"{"permissions":["config:document:write","config:schema:read"]}"#;
        server.send("PUT", "/api/v1/roles/writer", &[], role).await.is(200);
        let member = format!("{PROJECT}/members/{id}");
        server.send("PUT", &member, &[], r#"{"role":"writer"}"#).await.is(200);
        let signed = server.login("ann@example.com").await;
        send(&signed).await.is_problem(403, "forbidden");
    }
}
