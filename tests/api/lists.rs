//! Lists: prefixes, pages, and the common revision of all pages.

use crate::shared::{everywhere, project};
use e2e::Project;
use serde_json::{Value, json};

fn keys(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["key"].as_str().expect("a key")).collect()
}

/// Lists four keys with the prefix.
async fn check_prefix(prefix: &str, expected: &[&str]) {
    let project = project().await;
    for key in ["a", "a.b", "ab", "b"] {
        project.create_config(key, &json!(key)).await;
    }
    let items = project.all(&project.configs(&format!("?prefix={prefix}"))).await;
    assert_eq!(keys(&items), expected, "{prefix}");
}

#[tokio::test]
async fn prefixes_select() {
    check_prefix("", &["a", "a.b", "ab", "b"]).await;
    check_prefix("a", &["a", "a.b", "ab"]).await;
    check_prefix("a.", &["a.b"]).await;
    check_prefix("c", &[]).await;
}

#[tokio::test]
async fn documents_come_when_asked_for() {
    let project = project().await;
    project.create_config("a", &json!({ "n": 1 })).await;
    let without = project.all(&project.configs("")).await;
    assert!(without[0].get("content").is_none());
    let with = project.all(&project.configs("?include=content")).await;
    assert_eq!(with[0]["content"], json!({ "n": 1 }));
}

#[tokio::test]
async fn all_pages_show_the_first_pages_moment() {
    let project = project().await;
    for n in 0..9 {
        project.create_config(&format!("k{n}"), &json!("old")).await;
    }
    let list = project.configs("?include=content&page_size=2");
    let first = project.client.get(&list).send().await.is(200);
    let (revision, mut items) = (first.revision(), first.json()["items"].as_array().expect("items").clone());
    let mut token = first.json()["next_page_token"].as_str().expect("a token").to_owned();
    let clients = everywhere().await;
    for round in 0.. {
        disturb(&project, round).await;
        let client = &clients[round % clients.len()];
        let page = client.get(&format!("{list}&page_token={token}")).send().await.is(200);
        assert_eq!(page.revision(), revision, "every page is of the first page's revision");
        items.extend(page.json()["items"].as_array().expect("items").iter().cloned());
        page.json()["next_page_token"].as_str().expect("a token").clone_into(&mut token);
        if token.is_empty() {
            break;
        }
    }
    let expected: Vec<String> = (0..9).map(|n| format!("k{n}")).collect();
    assert_eq!(keys(&items), expected);
    assert!(items.iter().all(|item| item["content"] == "old"), "{items:?}");
    let now = project.all(&project.configs("?include=content")).await;
    assert!(now.iter().any(|item| item["content"] == "new"));
}

/// Changes, adds and deletes configs that the list has not shown yet.
async fn disturb(project: &Project, round: usize) {
    project.write("k8", &json!("new")).await;
    project.create_config(&format!("k7.new{round}"), &json!("new")).await;
    if round == 0 {
        project.client.delete(&project.config("k6")).if_any().send().await.is(204);
    }
}

#[tokio::test]
async fn page_tokens_belong_to_one_list() {
    let project = project().await;
    for key in ["a", "b"] {
        project.create_config(key, &json!(1)).await;
    }
    let page = project.client.get(&project.configs("?page_size=1")).send().await.is(200).json();
    let token = page["next_page_token"].as_str().expect("a token");
    let ask = |path: String| project.client.get(&path).send();
    ask(project.configs(&format!("?prefix=a&page_token={token}"))).await.refused(400, "invalid_page_token");
    ask(project.path(&format!("/schemas?page_token={token}"))).await.refused(400, "invalid_page_token");
    ask(project.configs("?page_token=garbage")).await.refused(400, "invalid_page_token");
}

#[tokio::test]
async fn page_sizes_have_bounds() {
    let project = project().await;
    for size in ["0", "1001", "-1", "x", ""] {
        let answer = project.client.get(&project.configs(&format!("?page_size={size}"))).send().await;
        assert_eq!(answer.refused(400, "invalid_parameter")["parameter"], "page_size");
    }
    project.client.get(&project.configs("?page_size=1000")).send().await.is(200);
}
