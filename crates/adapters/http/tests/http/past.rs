//! Reads of earlier states and comparison of versions.

use crate::support::{Answer, CONFIGS, Server};
use serde_json::{Value, json};

/// Creates versions 1 and 2, a deletion, and version 4, a second apart. Returns the revision of version 1.
async fn history(server: &Server) -> u64 {
    let revision = |answer: &Answer| answer.header("guardian-revision").parse::<u64>().expect("a number");
    let first = revision(&server.create("a", r#"{"n":1.10}"#).await);
    server.test.clock.advance(1000);
    server.put("a", ("if-match", "*"), r#"{"content":{"n":1.20}}"#).await.is(200);
    server.test.clock.advance(1000);
    server.send("DELETE", &format!("{CONFIGS}/a"), &[("if-match", "*")], "").await.is(204);
    server.test.clock.advance(1000);
    server.create("a", "[4]").await;
    first
}

#[tokio::test]
async fn a_config_is_read_as_it_was() {
    let server = Server::new().await;
    let first = history(&server).await;
    for (query, version) in [
        ("version=1".to_owned(), 1),
        ("version=4".to_owned(), 4),
        (format!("revision={first}"), 1),
        (format!("revision={}", first + 1), 2),
        ("at=2026-01-01T00:00:00Z".to_owned(), 1),
        ("at=2026-01-01T01:00:00.999%2B01:00".to_owned(), 1),
        ("at=2026-01-01T00:00:01.5Z".to_owned(), 2),
        ("at=2026-01-01T00:00:03Z".to_owned(), 4),
    ] {
        for path in ["a", "a/content"] {
            let path = format!("{CONFIGS}/{path}?{query}");
            let found = server.get(&path).await.is(200);
            assert_eq!(found.header("etag"), format!("\"{version}\""), "{path}");
            assert_eq!(found.header("cache-control"), "private, no-cache", "{path}");
            server.send("GET", &path, &[("if-none-match", &format!("\"{version}\""))], "").await.is(304);
        }
    }
    let future = server.get(&format!("{CONFIGS}/a?at=9999-12-31T23:59:59Z")).await;
    assert_eq!(future.is_problem(400, "future_revision")["parameter"], "at");
    let found = server.get(&format!("{CONFIGS}/a?revision={first}")).await.is(200);
    assert_eq!(found.header("guardian-revision"), first.to_string());
    assert_eq!(found.json()["version"], 1);
    let bare = server.get(&format!("{CONFIGS}/a/content?version=1")).await.is(200);
    assert_eq!(bare.body, br#"{"n":1.10}"#);
}

#[tokio::test]
async fn where_there_was_nothing_nothing_is_shown() {
    let server = Server::new().await;
    let first = history(&server).await;
    let read = async |query: String| server.get(&format!("{CONFIGS}/a?{query}")).await;
    read("version=3".to_owned()).await.is_problem(404, "config_not_found");
    read("version=5".to_owned()).await.is_problem(404, "version_not_found");
    read(format!("revision={}", first - 1)).await.is_problem(404, "config_not_found");
    read(format!("revision={}", first + 2)).await.is_problem(404, "config_not_found");
    read("at=2026-01-01T00:00:02Z".to_owned()).await.is_problem(404, "config_not_found");
    read("at=1970-01-01T00:00:00Z".to_owned()).await.is_problem(404, "config_not_found");
    let problem = read("revision=99".to_owned()).await.is_problem(400, "future_revision");
    assert_eq!((&problem["parameter"], &problem["revision"]), (&json!("revision"), &json!(99)));
    assert_eq!(problem["newest_revision"], first + 3);
    read("revision=99&consistency=stale".to_owned()).await.is_problem(503, "behind");
    let list = server.get(&format!("{CONFIGS}?revision=99")).await;
    list.is_problem(400, "future_revision");
}

#[tokio::test]
async fn questions_about_the_past_are_checked() {
    let server = Server::new().await;
    history(&server).await;
    for (query, parameter) in [
        ("version=0", "version"),
        ("version=x", "version"),
        ("version=%2B1", "version"),
        ("revision=0", "revision"),
        ("revision=9223372036854775808", "revision"),
        ("at=2026-01-01", "at"),
        ("at=2026-01-01T00:00:00+01:00", "at"),
        ("at=", "at"),
        ("at=9999-12-31T23:59:59-01:00", "at"),
        ("version=1&revision=1", "revision"),
        ("at=2026-01-01T00:00:00Z&version=1", "version"),
        ("revision=1&at=2026-01-01T00:00:00Z", "at"),
        ("version=1&version=1", "version"),
    ] {
        for path in ["a", "a/content"] {
            let answer = server.get(&format!("{CONFIGS}/{path}?{query}")).await;
            assert_eq!(answer.is_problem(400, "invalid_parameter")["parameter"], parameter, "{query}");
        }
        if !query.contains("version=") {
            let answer = server.get(&format!("{CONFIGS}?{query}")).await;
            assert_eq!(answer.is_problem(400, "invalid_parameter")["parameter"], parameter, "{query}");
        }
    }
    server.get(&format!("{CONFIGS}?version=1")).await.is_problem(400, "unknown_parameter");
    server.get(&format!("{CONFIGS}/a/history?revision=1")).await.is_problem(400, "unknown_parameter");
}

#[tokio::test]
async fn an_environment_is_listed_as_it_was() {
    let server = Server::new().await;
    for key in ["a", "b", "c"] {
        server.create(key, "1").await;
    }
    let then = server.test.node.state().revision().0;
    server.test.clock.advance(1000);
    server.put("a", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    server.send("DELETE", &format!("{CONFIGS}/b"), &[("if-match", "*")], "").await.is(204);
    server.create("d", "2").await;
    let moments = [(format!("revision={then}"), Some(then)), ("at=2026-01-01T00:00:00Z".to_owned(), None)];
    for (moment, revision) in moments {
        let list = format!("{CONFIGS}?include=content&page_size=2&{moment}");
        let first = server.get(&list).await.is(200);
        let token = first.json()["next_page_token"].as_str().expect("a token").to_owned();
        server.put("c", ("if-match", "*"), r#"{"content":3}"#).await.is(200);
        let second = server.get(&format!("{list}&page_token={token}")).await.is(200);
        let header = "guardian-revision";
        assert_eq!(first.header(header), second.header(header), "all pages show the same");
        assert!(revision.is_none_or(|revision| first.header(header) == revision.to_string()));
        let items = [first.json()["items"].clone(), second.json()["items"].clone()];
        let items: Vec<&Value> = items.iter().flat_map(|items| items.as_array().expect("items")).collect();
        let shown: Vec<_> = items.iter().map(|item| (&item["key"], &item["content"])).collect();
        let one = json!(1);
        assert_eq!(shown, [(&json!("a"), &one), (&json!("b"), &one), (&json!("c"), &one)]);
        assert_eq!(second.json()["next_page_token"], "");
        // A token is bound to the moment of its list.
        for other in [format!("{CONFIGS}?page_size=2"), format!("{CONFIGS}?revision={}", then + 1)] {
            let refused = server.get(&format!("{other}&page_token={token}")).await;
            refused.is_problem(400, "invalid_page_token");
        }
    }
    let prefixed = server.get(&format!("{CONFIGS}?prefix=b&revision={then}")).await.is(200).json();
    assert_eq!(prefixed["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn versions_are_compared() {
    let server = Server::new().await;
    history(&server).await;
    let diff = async |query: &str| server.get(&format!("{CONFIGS}/a/diff{query}")).await;
    let found = diff("?from=1&to=2").await.is(200).json();
    let text = "--- version 1\n+++ version 2\n@@ -1,3 +1,3 @@\n {\n-  \"n\": 1.10\n+  \"n\": 1.20\n }\n";
    assert_eq!(
        found,
        json!({
            "from": 1, "to": 2, "from_exists": true, "to_exists": true,
            "patch": [{"op": "replace", "path": "/n", "value": 1.2}], "text": text, "text_truncated": false
        })
    );
    let bare = diff("?from=1&to=2").await.is(200);
    assert!(String::from_utf8_lossy(&bare.body).contains(r#""value":1.20}"#), "the text of numbers is kept");
    let found = diff("").await.is(200).json();
    assert_eq!((&found["from"], &found["to"], &found["from_exists"]), (&json!(3), &json!(4), &json!(false)));
    assert_eq!(found["patch"], json!([{"op": "replace", "path": "", "value": [4]}]));
    let found = diff("?to=1").await.is(200).json();
    assert_eq!((&found["from"], &found["from_exists"]), (&json!(0), &json!(false)));
    let found = diff("?from=2&to=3").await.is(200).json();
    assert_eq!(found["patch"], json!([{"op": "replace", "path": "", "value": null}]));
    assert_eq!(found["to_exists"], false);
    let same = diff("?from=2&to=2").await.is(200).json();
    assert_eq!((&same["patch"], &same["text"]), (&json!([]), &json!("")));
    diff("?to=5").await.is_problem(404, "version_not_found");
    diff("?from=5").await.is_problem(404, "version_not_found");
    assert_eq!(diff("?to=0").await.is_problem(400, "invalid_parameter")["parameter"], "to");
    diff("?from=-1").await.is_problem(400, "invalid_parameter");
    server.get(&format!("{CONFIGS}/never/diff")).await.is_problem(404, "config_not_found");
}
