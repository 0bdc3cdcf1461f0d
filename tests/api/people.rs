//! Users on real nodes with a shared database: sign-in, invitation, roles, refusals, and their audit records.

use crate::shared::{BOOTSTRAP_TOKEN, admin, cluster, everywhere, project};
use e2e::{Answer, Project, TestClient, until};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::OnceCell;

const PASSWORD: &str = "seven quiet otters by the river";
static FIRST: OnceCell<()> = OnceCell::const_new();

async fn post(client: &TestClient, path: &str, body: &Value) -> Answer {
    client.post(path).json(body).send().await
}

/// Signs in at this node; returns the response and a client with the access token.
async fn sign_in(node: &TestClient, email: &str) -> (Value, TestClient) {
    let body = json!({ "email": email, "password": PASSWORD, "device": "test" });
    let signed = post(&node.anonymous(), "/api/v1/auth/login", &body).await.is(200).json();
    let client = node.with_key(signed["access_token"].as_str().expect("a token"));
    (signed, client)
}

/// The first administrator, signed in.
async fn root() -> TestClient {
    let node = admin().await;
    FIRST
        .get_or_init(async || {
            let body = json!({ "token": BOOTSTRAP_TOKEN, "email": "root@example.org", "name": "Root",
                "password": PASSWORD });
            post(&node.anonymous(), "/api/v1/auth/bootstrap", &body).await.is(201);
            let again = post(&node.anonymous(), "/api/v1/auth/bootstrap", &body).await;
            again.refused(403, "registration_closed");
        })
        .await;
    sign_in(&node, "root@example.org").await.1
}

/// Invites and registers a user with a role in the project; returns the id.
async fn invited(root: &TestClient, project: &Project, email: &str, role: &str) -> String {
    let body = json!({ "email": email, "role": { "role": role, "project": project.name } });
    let invitation = post(root, "/api/v1/invitations", &body).await.is(201).json();
    let body = json!({ "email": email, "name": "Somebody", "password": PASSWORD,
        "invitation": invitation["token"] });
    let user = post(&root.anonymous(), "/api/v1/auth/register", &body).await.is(201).json();
    post(&root.anonymous(), "/api/v1/auth/register", &body).await.refused(403, "registration_closed");
    user["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_editor_is_invited_edits_becomes_a_viewer_and_is_refused_everywhere_at_once() {
    let (root, project) = (root().await, project().await);
    project.create_config("a", &json!(1)).await;
    let id = invited(&root, &project, "ed@example.org", "editor").await;
    let (_, ed) = sign_in(&everywhere().await[1], "ed@example.org").await;
    project.through(ed.clone()).write("a", &json!(2)).await;
    let shown = project.read("a").await;
    assert_eq!(shown["updated_by"], format!("user:{id}"));
    // An editor may read neither the members nor another project.
    ed.get(&project.path("/members")).send().await.refused(403, "forbidden");
    let other = crate::shared::project().await;
    ed.get(&other.path("")).send().await.refused(403, "forbidden");
    let path = project.path(&format!("/members/{id}"));
    root.put(&path).json(&json!({ "role": "viewer" })).send().await.is(200);
    // The request returned after the cluster applied the change: every node refuses the old token.
    for node in everywhere().await {
        let old = node.with_key(ed.key().expect("a token"));
        let read = || old.get(&project.config("a")).send();
        until("the node to know", Duration::from_secs(5), async || {
            (read().await.status == 401).then_some(())
        })
        .await;
        read().await.refused(401, "unauthenticated");
    }
    let (_, vi) = sign_in(&everywhere().await[2], "ed@example.org").await;
    let own = project.through(vi.clone());
    assert_eq!(own.read("a").await["content"], 2);
    let put = vi.put(&own.config("a")).if_any().json(&json!({ "content": 3 }));
    put.send().await.refused(403, "forbidden");

    // Sign-ins, changes and refusals are in one audit chain.
    let wanted = ["auth.login", "auth.register", "config.put"];
    let mine = format!("/api/v1/audit?actor=user:{id}&page_size=1000");
    until("the audit to tell", Duration::from_secs(20), async || {
        let records = root.get(&mine).send().await.is(200).json();
        let actions: Vec<_> =
            records["items"].as_array()?.iter().filter_map(|one| one["action"].as_str()).collect();
        let refused = records["items"].as_array()?.iter().any(|one| one["outcome"] == "denied");
        (refused && wanted.iter().all(|action| actions.contains(action))).then_some(())
    })
    .await;
    assert_eq!(root.get("/api/v1/audit/verification").send().await.is(200).json()["intact"], true);
    let of_project = root.get(&project.path("/audit?action=config.put")).send().await.is(200).json();
    assert_eq!(of_project["items"].as_array().map(Vec::len), Some(2), "each change once: {of_project}");
    for record in of_project["items"].as_array().expect("records") {
        assert_eq!(record["address"], "127.0.0.1", "{record}");
        assert_eq!(record["trace_id"].as_str().map(str::len), Some(32), "{record}");
    }
}

#[tokio::test]
async fn one_of_many_refreshes_at_once_survives_and_a_copy_ends_the_session() {
    let (root, project) = (root().await, project().await);
    invited(&root, &project, "ria@example.org", "viewer").await;
    let nodes = everywhere().await;
    let (signed, _) = sign_in(&nodes[0], "ria@example.org").await;
    let first = signed["refresh_token"].clone();
    let refresh = |node: TestClient, token: Value| async move {
        post(&node.anonymous(), "/api/v1/auth/refresh", &json!({ "refresh_token": token })).await
    };
    let many = (0..50).map(|n| tokio::spawn(refresh(nodes[n % nodes.len()].clone(), first.clone())));
    let mut next = Vec::new();
    for answer in many.collect::<Vec<_>>() {
        let answer = answer.await.expect("an answer").is(200).json();
        next.push(answer["refresh_token"].as_str().expect("a token").to_owned());
    }
    next.sort_unstable();
    next.dedup();
    assert_eq!(next.len(), 1, "the same client asks again within the grace: one successor for all");
    let second = refresh(nodes[1].clone(), json!(next[0])).await.is(200).json();
    // A token two generations old indicates a copy.
    refresh(nodes[2].clone(), first).await.refused(401, "session_over");
    refresh(nodes[0].clone(), second["refresh_token"].clone()).await.refused(401, "session_over");
    let old = nodes[1].with_key(second["access_token"].as_str().expect("a token"));
    until("the node to know", Duration::from_secs(5), async || {
        (old.get("/api/v1/auth/me").send().await.status == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let root = root().await;
    let answers = async |email: &str| {
        let body = json!({ "email": email, "password": "not the password at all" });
        let mut problem =
            post(&root.anonymous(), "/api/v1/auth/login", &body).await.refused(401, "sign_in_failed");
        problem["instance"] = json!("");
        problem
    };
    assert_eq!(answers("root@example.org").await, answers("nobody@example.org").await);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let root = root().await;
    let me = root.get("/api/v1/auth/me").send().await.is(200).json();
    let id = me["user"]["id"].as_str().expect("an id");
    let user = format!("/api/v1/users/{id}");
    root.delete(&user).send().await.refused(422, "invalid_body");
    admin().await.delete(&user).send().await.refused(409, "last_administrator");
    let by_key = admin().await.delete(&format!("/api/v1/members/{id}")).send().await;
    by_key.refused(409, "last_administrator");
}

#[tokio::test]
async fn no_secret_is_in_logs_metrics_or_answers_of_others() {
    let root = root().await;
    let (signed, _) = sign_in(&admin().await, "root@example.org").await;
    let secrets = [
        PASSWORD,
        BOOTSTRAP_TOKEN,
        signed["refresh_token"].as_str().expect("a token"),
        signed["access_token"].as_str().expect("a token"),
        cluster().await.admin_key(),
    ];
    let metrics = root.get("/metrics").send().await.is(200).text().to_owned();
    let people = root.get("/api/v1/users").send().await.is(200).text().to_owned();
    let audit = root.get("/api/v1/audit?page_size=1000").send().await.is(200).text().to_owned();
    for at in 0..cluster().await.size() {
        let log = cluster().await.node(at).log_text();
        for (what, text) in [("log", &log), ("metrics", &metrics), ("people", &people), ("audit", &audit)] {
            for secret in secrets {
                assert!(!text.contains(secret), "{what} of node {at}");
            }
        }
    }
    assert!(metrics.contains("guardian_sign_ins_total{outcome=\"success\"}"), "{metrics}");
}
