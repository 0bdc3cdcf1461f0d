//! Membership changes: requests and responses. The effects are tested on real nodes.

use crate::support::Server;
use application::ports::MemberFault;
use application::testing::Fault;
use serde_json::json;

const MEMBERS: &str = "/api/v1/cluster/members";
const TRANSFER: &str = "/api/v1/cluster/leadership-transfer";
const FOUR: &str = r#"{"id":"4","name":"n4","peer_addr":"h4:9080","api_url":"http://h4:8080/"}"#;

#[tokio::test]
async fn a_member_comes_and_goes_for_good() {
    let server = Server::new().await;
    let added = server.post(MEMBERS, FOUR).await.is(201);
    assert_eq!(added.header("location"), format!("{MEMBERS}/4"));
    assert!(!added.header("guardian-revision").is_empty());
    assert_eq!(added.json()["api_url"], "http://h4:8080");
    server.post(MEMBERS, FOUR).await.is(200);
    server.post(MEMBERS, &FOUR.replace("h4:9080", "h5:9080")).await.is_problem(409, "member_exists");
    let list = server.get(MEMBERS).await.is(200).json();
    let ids: Vec<_> = list["items"].as_array().expect("items").iter().map(|one| one["id"].clone()).collect();
    assert_eq!((ids, &list["next_page_token"]), (vec![json!("1"), json!("4")], &json!("")));
    server.send("DELETE", &format!("{MEMBERS}/4"), &[], "").await.is(204);
    server.send("DELETE", &format!("{MEMBERS}/4"), &[], "").await.is_problem(404, "member_not_found");
    server.post(MEMBERS, FOUR).await.is_problem(409, "member_removed");
    server.send("DELETE", &format!("{MEMBERS}/1"), &[], "").await.is_problem(409, "last_voter");
}

#[tokio::test]
async fn what_is_no_member_is_refused_by_name() {
    let server = Server::new().await;
    let check = async |from: &str, to: &str, code: &str, field: &str| {
        let problem = server.post(MEMBERS, &FOUR.replace(from, to)).await.is_problem(422, code);
        assert_eq!(problem["field"], field, "{to}");
    };
    check("\"4\"", "\"0\"", "invalid_body", "id").await;
    check("\"4\"", "\"04\"", "invalid_body", "id").await;
    check("\"4\"", "4", "invalid_body", "id").await;
    check("\"n4\"", "\"N 4\"", "invalid_body", "name").await;
    check("h4:9080", "h4", "invalid_body", "peer_addr").await;
    check("http://h4", "ftp://h4", "invalid_body", "api_url").await;
    check("http://h4", &format!("http://{}", "h".repeat(256)), "invalid_body", "api_url").await;
    check("\"name\"", "\"nick\"", "unknown_field", "nick").await;
    server.send("DELETE", &format!("{MEMBERS}/x"), &[], "").await.is_problem(400, "invalid_name");
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let server = Server::new().await;
    let check = async |fault: MemberFault, status: u16, code: &str| {
        server.test.node.refuse_members(Some(fault));
        let problem = server.post(MEMBERS, FOUR).await;
        problem.is_problem(status, code);
        assert_eq!(problem.header("retry-after").is_empty(), status != 503 && code != "contended", "{code}");
    };
    check(MemberFault::Exists, 409, "member_exists").await;
    check(MemberFault::TooMany, 403, "quota_exceeded").await;
    check(MemberFault::Unreachable, 503, "member_unreachable").await;
    check(MemberFault::NotJoining, 409, "member_not_joining").await;
    check(MemberFault::Behind, 503, "member_behind").await;
    check(MemberFault::Busy, 409, "contended").await;
    server.test.node.refuse_members(Some(MemberFault::QuorumAtRisk));
    server.send("DELETE", &format!("{MEMBERS}/1"), &[], "").await.is_problem(409, "quorum_at_risk");
    server.test.node.refuse_members(None);
    server.test.node.set_fault(Some(Fault::OutcomeUnknownLost));
    server.post(MEMBERS, FOUR).await.is_problem(504, "outcome_unknown");
    server.test.node.set_fault(Some(Fault::NoLeader));
    server.post(MEMBERS, FOUR).await.is_problem(503, "no_leader");
    server.get(MEMBERS).await.is(200);
}

#[tokio::test]
async fn the_leadership_goes_where_it_can() {
    let server = Server::new().await;
    assert_eq!(server.post(TRANSFER, r#"{"to":"1"}"#).await.is(200).json()["leader_id"], "1");
    server.post(TRANSFER, "{}").await.is_problem(503, "no_successor");
    server.post(TRANSFER, r#"{"to":"one"}"#).await.is_problem(422, "invalid_body");
}

#[tokio::test]
async fn who_moved_the_leadership_is_in_the_audit() {
    let server = Server::of_people().await;
    server.post(TRANSFER, "{}").await.is_problem(503, "no_successor");
    server.post(TRANSFER, r#"{"to":"1"}"#).await.is(200);
    let found = server.get("/api/v1/audit?action=member.lead").await.is(200).json();
    let items = found["items"].as_array().expect("items");
    let seen: Vec<_> = items.iter().map(|one| [&one["actor"], &one["resource"], &one["outcome"]]).collect();
    assert_eq!(seen, [[&json!("api-key:ak-admin"), &json!("1"), &json!("success")]]);
}

#[tokio::test]
async fn only_a_platform_key_with_the_permission_may() {
    let server = Server::new().await;
    let body = r#"{"name":"k","permissions":["cluster:member:read","cluster:member:write"]}"#;
    let key = server.post("/api/v1/projects/demo/api-keys", body).await.is(201).json();
    let key = key["key"].as_str().expect("a secret").to_owned();
    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
    for (method, path, body) in [
        ("POST", MEMBERS, FOUR),
        ("DELETE", "/api/v1/cluster/members/4", ""),
        ("POST", TRANSFER, "{}"),
        ("GET", MEMBERS, ""),
    ] {
        let answer = server.raw(method, path, &headers, axum::body::Body::from(body)).await;
        answer.is_problem(403, "forbidden");
    }
    assert!(server.get(MEMBERS).await.is(200).json()["items"][1].is_null());
}
