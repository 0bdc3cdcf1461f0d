//! Documents are stored byte for byte: every client reads what was written.

use crate::shared::{cluster, project};

/// Writes the document; reads it from every node, current and from history.
async fn check(document: &str) {
    let project = project().await;
    let body = format!("{{\"content\": {document} }}");
    let path = project.config("doc");
    project.client.put(&path).if_absent().text("application/json", body).send().await.is(201);
    let cluster = cluster().await;
    for at in 0..cluster.size() {
        let bare = cluster.client(at).get(&format!("{path}/content")).send().await.is(200);
        assert_eq!(bare.text(), document);
        let whole = cluster.client(at).get(&path).send().await.is(200);
        assert!(whole.text().contains(&format!("\"content\":{document}")), "{}", whole.text());
        let old = cluster.client(at).get(&format!("{path}/history/1")).send().await.is(200);
        assert!(old.text().contains(&format!("\"content\":{document}")), "{}", old.text());
    }
}

#[tokio::test]
async fn numbers_keep_every_digit() {
    check("12345678901234567890123456789012345678901234567890").await;
    check("[0.1000,1e3,1E+3,-0,0.30000000000000004,9007199254740993]").await;
}

#[tokio::test]
async fn members_keep_their_order() {
    check(r#"{"z":1,"a":{"y":2,"b":3}}"#).await;
}

#[tokio::test]
async fn text_keeps_its_escapes() {
    check(r#"["\u00e9","é","\/","\ud83d\ude00","  two  spaces  ","\"[{"]"#).await;
}

#[tokio::test]
async fn any_json_is_a_document() {
    check("null").await;
    check("true").await;
    check("\"\"").await;
    check("[]").await;
    check("{}").await;
}

#[tokio::test]
async fn the_deepest_document_passes() {
    check(&format!("{}{}", "[".repeat(64), "]".repeat(64))).await;
}

#[tokio::test]
async fn the_largest_document_passes() {
    check(&format!("\"{}\"", "x".repeat(1024 * 1024 - 2))).await;
}
