//! Cluster state, and permissions for membership changes.

use crate::shared::{cluster, everywhere, project};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_node_shows_the_same_cluster() {
    let cluster = cluster().await;
    let leader = cluster.leader().await;
    let mut ids = BTreeSet::new();
    let mut views = Vec::new();
    for client in everywhere().await {
        let answer = client.get("/api/v1/cluster").send().await.is(200);
        let view = answer.json();
        assert_eq!(view["revision"], answer.revision());
        assert_eq!(view["audit_head"].as_str().map(str::len), Some(64));
        ids.insert(view["node_id"].as_str().expect("an id").to_owned());
        views.push(view);
    }
    assert_eq!(ids.len(), 3);
    for view in &views {
        assert_eq!(view["cluster_id"], views[0]["cluster_id"]);
        assert_eq!(view["leader_id"], views[leader]["node_id"]);
        let members = view["members"].as_array().expect("members");
        let shown: BTreeSet<_> =
            members.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(shown, ids);
        assert!(members.iter().all(|one| one["voter"] == true && one["reachable"] == true), "{view}");
        let urls: BTreeSet<_> = members.iter().map(|one| one["api_url"].as_str().expect("a URL")).collect();
        assert_eq!(urls, (0..3).map(|at| cluster.node(at).url()).collect());
        let leaders: Vec<_> = members.iter().filter(|one| one["role"] == "leader").collect();
        assert_eq!((leaders.len(), &leaders[0]["id"]), (1, &view["leader_id"]));
    }
}

const MEMBERS: &str = "/api/v1/cluster/members";
const TRANSFER: &str = "/api/v1/cluster/leadership-transfer";

#[tokio::test]
async fn the_list_of_members_is_that_of_the_cluster() {
    for client in everywhere().await {
        let list = client.get(MEMBERS).send().await.is(200).json();
        let items = list["items"].as_array().expect("items").clone();
        let view = client.get("/api/v1/cluster").send().await.is(200).json();
        let of = |items: &[serde_json::Value], field: &str| -> Vec<String> {
            items.iter().map(|one| one[field].as_str().expect("a text").to_owned()).collect()
        };
        let members = view["members"].as_array().expect("members");
        for field in ["id", "name", "peer_addr", "api_url"] {
            assert_eq!(of(&items, field), of(members, field), "{field}");
        }
        assert_eq!(list["next_page_token"], "");
    }
}

#[tokio::test]
async fn members_are_changed_by_platform_keys_only() {
    let project = project().await;
    let body = json!({ "name": "k", "permissions": ["cluster:member:read", "cluster:member:write"] });
    let (_, scoped) = project.create_key(&body).await;
    let new =
        json!({ "id": "77", "name": "n77", "peer_addr": "127.0.0.1:1", "api_url": "http://127.0.0.1:2" });
    let own = project.client.get("/api/v1/cluster").send().await.json()["node_id"].clone();
    let own = own.as_str().expect("an id").to_owned();
    for (client, status, code) in
        [(scoped, 403, "forbidden"), (project.client.anonymous(), 401, "unauthenticated")]
    {
        client.get(MEMBERS).send().await.refused(status, code);
        client.post(MEMBERS).json(&new).send().await.refused(status, code);
        client.delete(&format!("{MEMBERS}/{own}")).send().await.refused(status, code);
        client.post(TRANSFER).json(&json!({ "to": own })).send().await.refused(status, code);
    }
}

#[tokio::test]
async fn what_cannot_be_a_member_is_refused() {
    let client = project().await.client;
    let list = client.get(MEMBERS).send().await.json();
    let there = list["items"][0].clone();
    let new =
        json!({ "id": "77", "name": "n77", "peer_addr": "127.0.0.1:1", "api_url": "http://127.0.0.1:2" });
    let with = |field: &str, value: &serde_json::Value| {
        let mut body = new.clone();
        body[field] = value.clone();
        body
    };
    for field in ["id", "name", "peer_addr", "api_url"] {
        client.post(MEMBERS).json(&with(field, &there[field])).send().await.refused(409, "member_exists");
        client
            .post(MEMBERS)
            .json(&with(field, &json!("no such thing")))
            .send()
            .await
            .refused(422, "invalid_body");
    }
    let same = json!({ "id": there["id"], "name": there["name"], "peer_addr": there["peer_addr"],
        "api_url": there["api_url"] });
    assert_eq!(client.post(MEMBERS).json(&same).send().await.is(200).json()["voter"], true);
    client.post(MEMBERS).json(&new).send().await.refused(503, "member_unreachable");
    client.delete(&format!("{MEMBERS}/0")).send().await.refused(400, "invalid_name");
    client.delete(&format!("{MEMBERS}/77")).send().await.refused(404, "member_not_found");
    client.post(TRANSFER).json(&json!({ "to": "77" })).send().await.refused(404, "member_not_found");
    client.post(TRANSFER).json(&json!({ "whom": "77" })).send().await.refused(422, "unknown_field");
}
