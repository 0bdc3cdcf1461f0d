//! API keys: rotation with an overlap, a key's view of itself, and the keys of deactivated users. Also keys
//! of deleted environments and projects whose names are reused.

use crate::support::{Answer, PROJECT, Server};
use application::identity::{Identity, IdentityRules};
use application::ports::identity::{IdentityError, KeyUses};
use async_trait::async_trait;
use axum::body::Body;
use domain::{ApiKeyId, KeyRef, ProjectName, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;

const KEYS: &str = "/api/v1/projects/demo/api-keys";
const ME: &str = "/api/v1/auth/me";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Creates a key of the project; returns its id and its secret.
async fn key(server: &Server, body: &Value) -> (String, String) {
    let made = server.post(KEYS, &body.to_string()).await.is(201).json();
    (text(&made["id"]), text(&made["key"]))
}

async fn by(server: &Server, secret: &str, path: &str) -> Answer {
    server.raw("GET", path, &[("x-api-key", secret)], Body::empty()).await
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_for_a_while() {
    let server = Server::new().await;
    let (id, first) = key(&server, &json!({ "name": "k", "permissions": ["project:project:read"] })).await;
    let rotate = async |query: &str| {
        text(&server.post(&format!("{KEYS}/{id}/rotate{query}"), "").await.is(200).json()["key"])
    };
    let second = rotate("").await;
    by(&server, &first, PROJECT).await.is(200);
    by(&server, &second, PROJECT).await.is(200);
    let told = by(&server, &first, ME).await.is(200).json();
    assert_eq!(told["secret_until"], told["api_key"]["previous_secret_until"]);
    assert!(told["secret_until"].is_string(), "{told}");
    assert_eq!(by(&server, &second, ME).await.is(200).json()["secret_until"], Value::Null);
    server.test.clock.advance(24 * 60 * 60 * 1000 - 1);
    by(&server, &first, PROJECT).await.is(200);
    server.test.clock.advance(1);
    by(&server, &first, PROJECT).await.is_problem(401, "unauthenticated");
    let third = rotate("?overlap_seconds=60").await;
    let fourth = rotate("?overlap_seconds=0").await;
    for ended in [&first, &second, &third] {
        by(&server, ended, PROJECT).await.is_problem(401, "unauthenticated");
    }
    by(&server, &fourth, PROJECT).await.is(200);
    let long = server.post(&format!("{KEYS}/{id}/rotate?overlap_seconds=2592001"), "").await;
    assert_eq!(long.is_problem(400, "invalid_parameter")["parameter"], "overlap_seconds");
}

#[tokio::test]
async fn a_key_is_told_what_it_may_do_and_until_when() {
    let server = Server::new().await;
    let body = json!({
        "name": "k", "permissions": ["config:document:read"], "environments": ["default"],
        "key_prefixes": ["app."], "expires_at": "2099-01-01T00:00:00Z",
    });
    let (id, secret) = key(&server, &body).await;
    let told = by(&server, &secret, ME).await.is(200).json();
    let own = &told["api_key"];
    assert_eq!((&own["id"], &own["project"]), (&json!(id), &json!("demo")));
    assert_eq!(own["permissions"], json!(["config:document:read"]));
    assert_eq!((&own["environments"], &own["key_prefixes"]), (&json!(["default"]), &json!(["app."])));
    assert_eq!(own["expires_at"], "2099-01-01T00:00:00.000Z");
    assert_eq!(told["secret_until"], own["expires_at"]);
}

#[tokio::test]
async fn the_keys_of_somebody_who_is_deactivated_are_told_and_revoked_on_request() {
    let server = Server::of_people().await;
    let id = server.person("ann@example.com", Some(("admin", "projects/demo"))).await;
    let signed = server.login("ann@example.com").await;
    let body = r#"{"name":"k","permissions":["project:key:write","project:project:read"]}"#;
    let first = server.as_person(&signed, "POST", KEYS, body).await.is(201).json();
    let secret = text(&first["key"]);
    let headers = [("x-api-key", secret.as_str()), ("content-type", "application/json")];
    let second =
        server.raw("POST", KEYS, &headers, Body::from(body.replace("\"k\"", "\"l\""))).await.is(201).json();
    let made = format!("/api/v1/users/{id}/api-keys");
    let listed = server.get(&made).await.is(200).json();
    let ids = |keys: &Value| -> Vec<String> {
        let mut ids: Vec<String> =
            keys.as_array().expect("a list").iter().map(|key| text(&key["id"])).collect();
        ids.sort();
        ids
    };
    let mut both = vec![text(&first["id"]), text(&second["id"])];
    both.sort();
    assert_eq!(ids(&listed["left"]), both, "those that were made with the key too");
    let by_maker = server.get(&format!("{KEYS}?created_by=user:{id}")).await.is(200).json();
    assert_eq!(ids(&by_maker["items"]), [text(&first["id"])]);

    let gone = server.send("DELETE", &format!("/api/v1/users/{id}"), &[], "").await.is(200).json();
    assert_eq!((&gone["api_keys"]["revoked"], ids(&gone["api_keys"]["left"])), (&json!(0), both));
    by(&server, &secret, PROJECT).await.is(200);
    let body = r#"{"status":"deactivated","revoke_api_keys":true}"#;
    let gone = server.send("PATCH", &format!("/api/v1/users/{id}"), &[], body).await.is(200).json();
    assert_eq!(gone["api_keys"], json!({ "revoked": 2, "left": [], "more": 0 }));
    by(&server, &secret, PROJECT).await.is_problem(401, "unauthenticated");
    let (user, alone) = (format!("/api/v1/users/{id}"), r#"{"revoke_api_keys":true}"#);
    let wrong = server.send("PATCH", &user, &[], alone).await;
    assert_eq!(wrong.is_problem(422, "invalid_body")["field"], "revoke_api_keys");
}

#[tokio::test]
async fn an_environment_that_was_created_again_shows_nothing_of_the_first() {
    let server = Server::new().await;
    let prod = format!("{PROJECT}/environments/prod");
    let create = async || server.post(&format!("{PROJECT}/environments"), r#"{"name":"prod"}"#).await.is(201);
    create().await;
    let narrow = json!({ "name": "k", "permissions": ["config:document:read"], "environments": ["prod"] });
    let (_, secret) = key(&server, &narrow).await;
    let config = format!("{prod}/configs/a");
    let put = async |content: &str| {
        let body = format!(r#"{{"content":{{"v":"{content}"}}}}"#);
        server.send("PUT", &config, &[("if-none-match", "*")], &body).await.is(201)
    };
    let made = put("canary").await;
    let revision = made.header("guardian-revision").to_owned();
    by(&server, &secret, &config).await.is(200);
    server.send("DELETE", &config, &[("if-match", "*")], "").await.is(204);
    server.send("DELETE", &prod, &[], "").await.is(204);
    create().await;
    by(&server, &secret, &config).await.is_problem(403, "forbidden");
    let (_, secret) = key(&server, &narrow).await;
    for path in [
        format!("{config}/history"),
        format!("{config}/history/1"),
        format!("{config}?version=1"),
        format!("{config}?revision={revision}"),
        format!("{config}/diff"),
    ] {
        assert_eq!(by(&server, &secret, &path).await.status, 404, "{path}");
    }
    let listed = by(&server, &secret, &format!("{prod}/configs?revision={revision}&include=content")).await;
    assert_eq!(listed.is(200).json()["items"], json!([]));
    put("new").await;
    let history = by(&server, &secret, &format!("{config}/history")).await.is(200).json();
    assert_eq!(history["items"].as_array().map(Vec::len), Some(1), "{history}");
    by(&server, &secret, &format!("{config}/history/1")).await.is_problem(404, "version_not_found");
}

#[tokio::test]
async fn exports_and_readings_of_the_audit_are_audited() {
    let server = Server::of_people().await;
    server.get(&format!("{PROJECT}/export")).await.is(200);
    server.get(&format!("{PROJECT}/environments/default/export")).await.is(200);
    server.get(&format!("{PROJECT}/audit?outcome=denied")).await.is(200);
    server.send("GET", "/api/v1/audit", &[("accept", "text/csv")], "").await.is(200);
    for (action, resource) in [
        ("project.export", "demo"),
        ("environment.export", "demo/default"),
        ("audit.read", "demo"),
        ("audit.export", "platform"),
    ] {
        let query = format!("/api/v1/audit?action={action}&resource={resource}");
        let found = server.get(&query).await.is(200).json();
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{action}: {found}");
    }
}

#[tokio::test]
async fn a_key_shows_when_it_was_last_used() {
    let server = Server::of_people().await;
    let (id, secret) = key(&server, &json!({ "name": "k", "permissions": ["project:project:read"] })).await;
    let (other, _) = key(&server, &json!({ "name": "l", "permissions": ["project:project:read"] })).await;
    let used = async |id: &str| {
        let read = server.get(&format!("{KEYS}/{id}")).await.is(200).json();
        let listed = server.get(KEYS).await.is(200).json();
        let items = listed["items"].as_array().expect("a list");
        let listed = items.iter().find(|item| item["id"] == id).expect("it is listed");
        assert_eq!(read["last_used_at"], listed["last_used_at"]);
        read["last_used_at"].clone()
    };
    assert_eq!(used(&id).await, Value::Null);
    by(&server, &secret, PROJECT).await.is(200);
    let first = text(&used(&id).await);
    assert_eq!(used(&other).await, Value::Null);
    server.test.clock.advance(299_000);
    by(&server, &secret, PROJECT).await.is(200);
    assert_eq!(used(&id).await, first, "it is exact to five minutes");
    server.test.clock.advance(1000);
    by(&server, &secret, PROJECT).await.is(200);
    let second = text(&used(&id).await);
    assert!(second > first, "{second}");
}

#[tokio::test]
async fn uses_of_keys_reach_the_other_nodes_and_survive_an_outage() {
    let server = Server::of_people().await;
    let (id, secret) = key(&server, &json!({ "name": "k", "permissions": ["project:project:read"] })).await;
    let people = server.people();
    people.people.set_unavailable(true);
    by(&server, &secret, PROJECT).await.is(200);
    let path = format!("{KEYS}/{id}");
    assert_eq!(server.get(&path).await.is(200).json()["last_used_at"], Value::Null);
    people.identity.key_uses.save().await.expect_err("there is no database");
    people.people.set_unavailable(false);
    let elsewhere = Identity::new(&server.test.ports, people.ports.clone(), IdentityRules::default());
    let project = ProjectName::parse("demo").expect("a name");
    let keys: Vec<_> = server.test.node.state().api_keys(Some(&project)).cloned().collect();
    assert_eq!(elsewhere.key_uses.last(&keys).await, [None]);
    assert_eq!(
        people.identity.key_uses.save().await.expect("it is back"),
        2,
        "the key, and the administrator's"
    );
    assert_eq!(people.identity.key_uses.save().await.expect("nothing is left"), 0);
    let used = elsewhere.key_uses.last(&keys).await;
    assert!(used[0].is_some(), "{used:?}");
}

/// A store that never responds.
struct Silent;

#[async_trait]
impl KeyUses for Silent {
    async fn save(&self, _: &[(KeyRef, Timestamp)]) -> Result<(), IdentityError> {
        std::future::pending().await
    }

    async fn last(
        &self,
        _: Option<&ProjectName>,
        _: &ApiKeyId,
        _: &ApiKeyId,
    ) -> Result<Vec<(ApiKeyId, Timestamp)>, IdentityError> {
        std::future::pending().await
    }

    async fn prune(&self, _: Timestamp, _: u32) -> Result<u64, IdentityError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn api_keys_wait_a_second_for_their_last_use() {
    let mut server = Server::of_people().await;
    let (id, _) = key(&server, &json!({ "name": "k", "permissions": ["project:project:read"] })).await;
    server.replace_ports(|ports| ports.key_uses = Arc::new(Silent));
    for path in [KEYS.to_owned(), format!("{KEYS}/{id}")] {
        let began = tokio::time::Instant::now();
        server.get(&path).await.is(200);
        assert!(began.elapsed() < std::time::Duration::from_millis(1100), "{path}: {:?}", began.elapsed());
    }
}
