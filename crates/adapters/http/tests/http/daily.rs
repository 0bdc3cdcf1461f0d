//! Everyday use: unconditional writes, key forms, lists of some keys, and responses.

use crate::support::{Answer, CONFIGS, PROJECT, Server};
use serde_json::{Value, json};

const ANY: &[(&str, &str)] = &[];

impl Server {
    async fn overwrite(&self, key: &str, body: &str) -> Answer {
        self.send("PUT", &format!("{CONFIGS}/{key}?overwrite=true"), ANY, body).await
    }
}

#[tokio::test]
async fn a_put_may_say_that_any_state_is_fine() {
    let server = Server::new().await;
    server.overwrite("a", r#"{"content":1}"#).await.is(201);
    let replaced = server.overwrite("a", r#"{"content":2}"#).await.is(200).json();
    assert_eq!((&replaced["version"], replaced.get("unchanged")), (&json!(2), None));
    let same = server.overwrite("a", r#"{"content": 2, "message": "again"}"#).await.is(200);
    assert_eq!(same.header("etag"), "\"2\"");
    assert_eq!((&same.json()["unchanged"], &same.json()["message"]), (&json!(true), &json!("")));
    let path = format!("{CONFIGS}/a?overwrite=true");
    server
        .send("PUT", &path, &[("if-match", "\"2\"")], r#"{"content":3}"#)
        .await
        .is_problem(400, "invalid_precondition");
    server
        .send("PUT", &format!("{CONFIGS}/a?overwrite=false"), ANY, r#"{"content":3}"#)
        .await
        .is_problem(428, "precondition_required");
    server
        .send("PUT", &format!("{CONFIGS}/a?overwrite=yes"), ANY, r#"{"content":3}"#)
        .await
        .is_problem(400, "invalid_parameter");
    let tried = server
        .send("PUT", &format!("{CONFIGS}/b?overwrite=true&dry_run=true"), ANY, r#"{"content":3}"#)
        .await;
    tried.is(201);
}

#[tokio::test]
async fn versions_are_written_one_way() {
    let server = Server::new().await;
    server.create("a", "1").await;
    for tag in ["\"01\"", "\"+1\"", "\" 1\"", "\"1 \"", "1"] {
        server.put("a", ("if-match", tag), r#"{"content":2}"#).await.is_problem(400, "invalid_precondition");
    }
    for tag in ["\"01\"", "\"+1\"", "\" 1\""] {
        server.send("GET", &format!("{CONFIGS}/a"), &[("if-none-match", tag)], "").await.is(200);
    }
    server.get(&format!("{CONFIGS}/a/history/01")).await.is_problem(400, "invalid_name");
}

/// A weak tag, or one of several, is a version that the reader has.
#[tokio::test]
async fn a_wait_knows_weak_tags_and_lists() {
    let server = Server::new().await;
    server.create("a", "1").await;
    for (key, tags, status) in [
        ("a", "W/\"1\"", 304),
        ("a", "\"7\", \"1\"", 304),
        ("none", "W/\"0\"", 404),
        ("none", "\"7\", \"0\"", 404),
    ] {
        let begun = tokio::time::Instant::now();
        let path = format!("{CONFIGS}/{key}?wait=300ms");
        server.send("GET", &path, &[("if-none-match", tags)], "").await.is(status);
        assert!(begun.elapsed().as_millis() >= 300, "{key} {tags} was answered at once");
    }
}

#[tokio::test]
async fn transactions_may_say_that_any_version_is_fine() {
    let server = Server::new().await;
    server.create("a", "1").await;
    let transact = async |operations: Value| {
        server.post(&format!("{PROJECT}/transactions"), &json!({"operations": operations}).to_string()).await
    };
    let put = |key: &str, content: u64| json!({"op": "put", "environment": "default", "key": key, "content": content, "expected_version": "any"});
    let done = transact(json!([put("a", 1), put("b", 2)])).await.is(200).json();
    let results = &done["results"];
    assert_eq!((&results[0]["version"], &results[0]["unchanged"]), (&json!(1), &json!(true)));
    assert_eq!((&results[1]["version"], results[1].get("unchanged")), (&json!(1), None));
    let delete = json!({"op": "delete", "environment": "default", "key": "a", "expected_version": "any"});
    transact(json!([delete])).await.is(200);
    let check = json!({"op": "check", "environment": "default", "key": "b", "expected_version": "any"});
    assert_eq!(
        transact(json!([check])).await.is_problem(422, "invalid_body")["field"],
        "operations[0].expected_version"
    );
    let mut wrong = put("c", 1);
    for version in [json!("some"), json!(-1), json!(1.5), json!(null)] {
        wrong["expected_version"] = version;
        transact(json!([wrong])).await.is_problem(422, "invalid_body");
    }
}

#[tokio::test]
async fn a_deleted_config_is_listed_and_comes_back() {
    let server = Server::new().await;
    server.create("a%2Fb", "1").await;
    let path = format!("{CONFIGS}/a%2Fb");
    server
        .send("DELETE", &format!("{path}?message=no%20longer%20used"), &[("if-match", "*")], "")
        .await
        .is(204);
    let listed = server.get(&format!("{CONFIGS}?deleted=true")).await.is(200).json();
    let item = &listed["items"][0];
    assert_eq!((&item["key"], &item["version"]), (&json!("a/b"), &json!(2)));
    assert_eq!((&item["deleted"], &item["message"]), (&json!(true), &json!("no longer used")));
    assert_eq!(server.get(CONFIGS).await.is(200).json()["items"], json!([]));
    let back = format!("{path}/rollback");
    server
        .send("POST", &back, &[("if-match", "*")], r#"{"to_version":1}"#)
        .await
        .is_problem(404, "config_not_found");
    let answer = server.send("POST", &back, &[("if-none-match", "*")], r#"{"to_version":1}"#).await.is(201);
    assert_eq!(answer.header("location"), path);
    let history = server.get(&format!("{path}/history/3")).await.is(200).json();
    assert_eq!((&history["kind"], &history["from_version"]), (&json!("rollback"), &json!(1)));
    assert_eq!(server.get(&format!("{CONFIGS}?deleted=true")).await.is(200).json()["items"], json!([]));
    for wrong in ["deleted=true&revision=3", "deleted=true&include=content", "deleted=1"] {
        server.get(&format!("{CONFIGS}?{wrong}")).await.is_problem(400, "invalid_parameter");
    }
}

#[tokio::test]
async fn keys_have_segments_and_case() {
    let server = Server::new().await;
    let made = server.overwrite("Team%2FApp:1@eu+west~2", r#"{"content":1}"#).await.is(201);
    let location = made.header("location").to_owned();
    assert_eq!(location, format!("{CONFIGS}/Team%2FApp:1@eu+west~2"));
    assert_eq!(made.json()["key"], "Team/App:1@eu+west~2");
    server.get(&location).await.is(200);
    server.get(&format!("{CONFIGS}/team%2Fapp:1@eu+west~2")).await.is_problem(404, "config_not_found");
    server.get(&format!("{location}/content")).await.is(200);
    server.overwrite("Team", r#"{"content":1}"#).await.is(201);
    server.overwrite("Teams", r#"{"content":1}"#).await.is(201);
    let listed = server.get(&format!("{CONFIGS}?prefix=Team/")).await.is(200).json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    let listed =
        server.get(&format!("{CONFIGS}?key=Teams&key=Team/App:1@eu%2Bwest~2&key=none")).await.is(200).json();
    let keys: Vec<&str> =
        listed["items"].as_array().expect("items").iter().filter_map(|item| item["key"].as_str()).collect();
    assert_eq!(keys, ["Team/App:1@eu+west~2", "Teams"]);
    let first = server.get(&format!("{CONFIGS}?page_size=1&prefix=Team/&key=Team")).await.is(200).json();
    let token = first["next_page_token"].as_str().expect("more").to_owned();
    let next = server
        .get(&format!("{CONFIGS}?page_size=1&key=Team&prefix=Team%2F&page_token={token}"))
        .await
        .is(200)
        .json();
    assert_eq!(
        (&next["items"][0]["key"], &next["next_page_token"]),
        (&json!("Team/App:1@eu+west~2"), &json!(""))
    );
    server
        .get(&format!("{CONFIGS}?page_size=1&prefix=Team&page_token={token}"))
        .await
        .is_problem(400, "invalid_page_token");
    server.get(&format!("{CONFIGS}?key=a//b")).await.is_problem(400, "invalid_parameter");
    let many = vec!["key=a"; 101].join("&");
    server.get(&format!("{CONFIGS}?{many}")).await.is(200);
    let many: Vec<String> = (0..101).map(|n| format!("key=k{n}")).collect();
    assert_eq!(
        server.get(&format!("{CONFIGS}?{}", many.join("&"))).await.is_problem(400, "invalid_parameter")["limit"],
        100
    );
}

/// Different encodings of one path are the same request.
#[tokio::test]
async fn a_key_in_a_path_has_one_meaning() {
    let server = Server::new().await;
    let put = async |key: &str| {
        let headers = [("idempotency-key", "once"), ("if-none-match", "*")];
        server.send("PUT", &format!("{CONFIGS}/{key}"), &headers, r#"{"content":1}"#).await
    };
    put("a%2Fb").await.is(201);
    assert_eq!(put("a%2fb").await.is(201).header("idempotent-replayed"), "true");
    assert_eq!(put("%61%2Fb").await.is(201).header("idempotent-replayed"), "true");
    put("a%2Fc").await.is_problem(422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_list_has_a_tag_and_can_be_waited_for() {
    let server = Server::new().await;
    server.create("app.a", "1").await;
    let path = format!("{CONFIGS}?prefix=app.");
    let first = server.get(&path).await.is(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let known = [("if-none-match", tag.as_str())];
    server.send("GET", &path, &known, "").await.is(304);
    let begun = tokio::time::Instant::now();
    let same = server.send("GET", &format!("{path}&wait=200ms"), &known, "").await.is(304);
    assert!(begun.elapsed().as_millis() >= 200 && same.header("etag") == tag);
    let strong = [("if-none-match", tag.trim_start_matches("W/"))];
    server.send("GET", &path, &strong, "").await.is(304);
    let waited_path = format!("{path}&wait=10s");
    let waiting = server.send("GET", &waited_path, &known, "");
    let changing = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        server.create("other", "1").await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        server.create("app.b", "1").await;
    };
    let (changed, ()) = tokio::join!(waiting, changing);
    let changed = changed.is(200);
    assert_eq!(changed.json()["items"].as_array().map(Vec::len), Some(2));
    assert_ne!(changed.header("etag"), tag);
    server.get(&format!("{path}&wait=1s&revision=2")).await.is_problem(400, "invalid_parameter");
}

#[tokio::test]
async fn schemas_tell_their_versions_and_their_configs() {
    let server = Server::new().await;
    server.post(&format!("{PROJECT}/schemas"), r#"{"name":"s","schema":{}}"#).await.is(201);
    server
        .send("PUT", &format!("{PROJECT}/schemas/s"), ANY, r#"{"schema":{"required":["n"]}}"#)
        .await
        .is(200);
    let versions = server.get(&format!("{PROJECT}/schemas/s/versions?page_size=1")).await.is(200).json();
    assert_eq!(versions["items"][0]["version"], 2);
    let token = versions["next_page_token"].as_str().expect("more");
    let path = format!("{PROJECT}/schemas/s/versions?page_size=1&page_token={token}");
    assert_eq!(server.get(&path).await.is(200).json()["items"][0]["version"], 1);
    server.create("app%2Fa", r#"{"n":1}"#).await;
    server.create("app%2Fb", r#"{"n":2}"#).await;
    server.create("text", "{}").await;
    let bindings = format!("{PROJECT}/environments/default/bindings");
    let done = server.post(&bindings, r#"{"prefixes":["app/"],"schema":{"name":"s"}}"#).await.is(200).json();
    assert_eq!(done["results"].as_array().map(Vec::len), Some(2));
    let bound = server.get(&format!("{PROJECT}/schemas/s/configs")).await.is(200).json();
    assert_eq!((&bound["items"][0]["key"], &bound["items"][1]["pinned"]), (&json!("app/a"), &json!(null)));
    server
        .post(&bindings, r#"{"keys":["text"],"schema":{"name":"s"}}"#)
        .await
        .is_problem(422, "validation_failed");
    for wrong in [r#"{"schema":null}"#, r#"{"keys":["text"]}"#, r#"{"prefixes":["a b"],"schema":null}"#] {
        server.post(&bindings, wrong).await.is_problem(422, "invalid_body");
    }
    let unknown = server.post(&bindings, r#"{"keys":["text"],"schema":{"name":"nope"}}"#).await;
    assert_eq!(unknown.is_problem(422, "unknown_schema")["detail"], "project demo has no schema nope");
}

#[tokio::test]
async fn answers_name_the_cluster_of_their_revision() {
    let server = Server::new().await;
    let answer = server.get(CONFIGS).await.is(200);
    assert!(!answer.header("guardian-cluster-id").is_empty());
    let refused = server.get("/api/v1/projects/none").await;
    assert!(!refused.headers.contains_key("guardian-cluster-id"));
}

#[tokio::test]
async fn every_change_takes_a_message() {
    let server = Server::new().await;
    let long = "x".repeat(1001);
    for (path, body) in [
        ("/api/v1/projects".to_owned(), r#"{"name":"m"}"#),
        (format!("{PROJECT}/environments"), r#"{"name":"e"}"#),
        (format!("{PROJECT}/schemas"), r#"{"name":"s","schema":{}}"#),
        (format!("{PROJECT}/api-keys"), r#"{"name":"k","permissions":["config:document:read"]}"#),
    ] {
        let refused = server.post(&format!("{path}?message={long}"), body).await;
        assert_eq!(refused.is_problem(400, "invalid_parameter")["limit_bytes"], 1000, "{path}");
        server.post(&format!("{path}?message=why%20not"), body).await.is(201);
    }
    let schema = format!("{PROJECT}/schemas/s?message=gone");
    server.send("DELETE", &schema, &[], "").await.is(204);
    // The message in the body has precedence.
    let put = format!("{CONFIGS}/a?overwrite=true&message=parameter");
    let both = server.send("PUT", &put, &[], r#"{"content":1,"message":"body"}"#).await.is(201);
    assert_eq!(both.json()["message"], "body");
    let one = server.send("PUT", &put, &[], r#"{"content":2}"#).await.is(200);
    assert_eq!(one.json()["message"], "parameter");
}
