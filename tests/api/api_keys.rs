//! API keys: the secret is shown once, revocation applies on every node at once, expiry.

use crate::shared::{cluster, everywhere, project};
use e2e::{Project, TestClient, until};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads a config; returns status and code.
async fn reads(client: &TestClient, path: &str) -> (u16, String) {
    let answer = client.get(path).send().await;
    (answer.status, answer.code())
}

/// The RFC 3339 time this many seconds from now, computed without a calendar library: a day has 86,400 s.
fn in_seconds(seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs() + seconds;
    let (days, rest) = (now / 86_400, now % 86_400);
    // Days to civil date, after Howard Hinnant's algorithm.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest % 3600 / 60, rest % 60)
}

async fn check_refused(project: &Project, body: Value, status: u16, code: &str) {
    project.client.post(&project.path("/api-keys")).json(&body).send().await.refused(status, code);
}

#[tokio::test]
async fn the_secret_is_shown_once() {
    let project = project().await;
    let body = json!({ "name": "reader", "permissions": ["config:document:read"] });
    let (made, _) = project.create_key(&body).await;
    let secret = made["key"].as_str().expect("a secret");
    assert!(secret.starts_with("gdn_") && secret.len() >= 40, "the form of a key");
    assert!(secret.starts_with(made["prefix"].as_str().expect("a prefix")));
    let one = project.path(&format!("/api-keys/{}", made["id"].as_str().expect("an id")));
    for path in [one, project.path("/api-keys")] {
        let answer = project.client.get(&path).send().await.is(200);
        assert!(!answer.text().contains(secret), "{path} shows the secret");
        assert!(answer.text().contains("reader"));
    }
    for node in 0..cluster().await.size() {
        assert!(!cluster().await.node(node).log_text().contains(secret), "the log shows the secret");
    }
}

#[tokio::test]
async fn both_headers_take_a_key() {
    let project = project().await;
    let (_, client) =
        project.create_key(&json!({ "name": "k", "permissions": ["project:project:read"] })).await;
    client.get(&project.path("")).send().await.is(200);
    let anonymous = client.anonymous();
    anonymous.get(&project.path("")).header("X-API-Key", cluster().await.admin_key()).send().await.is(200);
    let two = client.get(&project.path("")).header("X-API-Key", "gdn_key_other").send().await;
    two.refused(400, "conflicting_credentials");
}

#[tokio::test]
async fn without_a_valid_key_there_is_nothing() {
    let project = project().await;
    let path = project.path("");
    let anonymous = project.client.anonymous();
    let answer = anonymous.get(&path).send().await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    answer.refused(401, "unauthenticated");
    for wrong in ["x", "gdn_key_0123456789abcdefghijABCDEFGHIJxyzXYZ", ""] {
        project.client.with_key(wrong).get(&path).send().await.refused(401, "unauthenticated");
    }
    anonymous.get(&path).header("Authorization", "Basic YTpi").send().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_every_node_at_once() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let path = project.config("a");
    for revoker in everywhere().await {
        let body = json!({ "name": "k", "permissions": ["config:document:read", "config:document:write"] });
        let (made, client) = project.create_key(&body).await;
        let secret = made["key"].as_str().expect("a secret");
        let with_key: Vec<_> = everywhere().await.iter().map(|node| node.with_key(secret)).collect();
        for client in &with_key {
            assert_eq!(reads(client, &path).await.0, 200);
        }
        let one = project.path(&format!("/api-keys/{}", made["id"].as_str().expect("an id")));
        revoker.delete(&one).send().await.is(204);
        for client in &with_key {
            assert_eq!(reads(client, &path).await, (401, "unauthenticated".to_owned()));
            let write = client.put(&path).if_any().json(&json!({ "content": 2 })).send().await;
            write.refused(401, "unauthenticated");
        }
        drop(client);
        revoker.get(&one).send().await.refused(404, "api_key_not_found");
        revoker.delete(&one).send().await.refused(404, "api_key_not_found");
    }
    assert_eq!(project.read("a").await["version"], 1);
}

#[tokio::test]
async fn an_expired_key_is_refused() {
    let project = project().await;
    project.create_config("a", &json!(1)).await;
    let body = json!({ "name": "k", "permissions": ["config:document:read"], "expires_at": in_seconds(4) });
    let (made, client) = project.create_key(&body).await;
    assert!(made["expires_at"].is_string());
    let path = project.config("a");
    assert_eq!(reads(&client, &path).await.0, 200);
    until("the key expires", Duration::from_secs(15), async || {
        (reads(&client, &path).await.0 == 401).then_some(())
    })
    .await;
    let past =
        json!({ "name": "k", "permissions": ["config:document:read"], "expires_at": "2020-01-01T00:00:00Z" });
    check_refused(&project, past, 422, "invalid_body").await;
}

#[tokio::test]
async fn what_a_key_may_do_must_make_sense() {
    let project = project().await;
    let read = ["config:document:read"];
    check_refused(&project, json!({ "name": "k", "permissions": [] }), 422, "invalid_body").await;
    check_refused(&project, json!({ "name": "k", "permissions": ["config:*"] }), 422, "invalid_body").await;
    check_refused(&project, json!({ "name": "", "permissions": read }), 422, "invalid_body").await;
    check_refused(&project, json!({ "permissions": read }), 422, "invalid_body").await;
    check_refused(
        &project,
        json!({ "name": "k", "permissions": read, "role": "admin" }),
        422,
        "unknown_field",
    )
    .await;
    let prefix = json!({ "name": "k", "permissions": read, "key_prefixes": ["!"] });
    check_refused(&project, prefix, 422, "invalid_body").await;
    let when = json!({ "name": "k", "permissions": read, "expires_at": "soon" });
    check_refused(&project, when, 422, "invalid_body").await;
    let many: Vec<String> = (0..65).map(|n| format!("e{n}")).collect();
    let many = json!({ "name": "k", "permissions": read, "environments": many });
    check_refused(&project, many, 422, "invalid_body").await;
}

#[tokio::test]
async fn a_rotated_key_has_another_secret() {
    let project = project().await;
    let body = json!({ "name": "ci", "permissions": ["config:document:read", "project:key:read", "project:key:write"] });
    let (made, old) = project.create_key(&body).await;
    let path = project.path(&format!("/api-keys/{}/rotate", made["id"].as_str().expect("an id")));
    let tried = project.client.post(&format!("{path}?dry_run=true")).send().await.is(200).json();
    assert_eq!(tried["key"], "");
    old.get(&project.configs("")).send().await.is(200);
    let now = format!("{path}?overlap_seconds=0");
    let rotated = project.client.post(&now).send().await.is(200).json();
    assert_eq!((&rotated["id"], &rotated["permissions"]), (&made["id"], &made["permissions"]));
    assert_ne!(rotated["key"], made["key"]);
    let new = old.with_key(rotated["key"].as_str().expect("shown"));
    for client in everywhere().await {
        let at = |secret: &TestClient| {
            client.with_key(secret.key().expect("a key")).get(&project.configs("")).send()
        };
        at(&new).await.is(200);
        at(&old).await.refused(401, "unauthenticated");
    }
    // A key may rotate itself, but no key with more permissions.
    let again = new.post(&now).send().await.is(200).json();
    let newest = old.with_key(again["key"].as_str().expect("shown"));
    new.get(&project.configs("")).send().await.refused(401, "unauthenticated");
    let (strong, _) =
        project.create_key(&json!({ "name": "x", "permissions": ["config:document:write"] })).await;
    let path = project.path(&format!("/api-keys/{}/rotate", strong["id"].as_str().expect("an id")));
    newest.post(&path).send().await.refused(403, "grant_exceeds_own");
    let gone = project.path("/api-keys/nothing/rotate");
    project.client.post(&gone).send().await.refused(404, "api_key_not_found");
}
