//! `GET …/diff`: the difference between two versions of a config.

use crate::shared::{everywhere, project};
use serde_json::json;

#[tokio::test]
async fn versions_are_compared() {
    let project = project().await;
    let text = |document: &str| format!("{{\"content\": {document}}}");
    let (path, kind) = (project.config("a"), "application/json");
    let first = text(r#"{"price":1.10,"big":18446744073709551616,"list":[1,2,3]}"#);
    project.client.put(&path).if_absent().text(kind, first).send().await.is(201);
    let second = text(r#"{"price":1.1,"big":18446744073709551617,"list":[1,3]}"#);
    project.client.put(&path).if_match(1).text(kind, second).send().await.is(200);
    project.client.delete(&path).if_match(2).send().await.is(204);
    for client in everywhere().await {
        let diff = client.get(&format!("{path}/diff?to=2")).send().await.is(200);
        // Compared as text: a JSON parser would round the numbers.
        let expected = r#""patch":[{"op":"replace","path":"/price","value":1.1},{"op":"replace","path":"/big","value":18446744073709551617},{"op":"remove","path":"/list/1"}]"#;
        assert!(diff.text().contains(expected), "{}", diff.text());
        let lines = diff.json()["text"].as_str().expect("a text").to_owned();
        assert!(lines.contains("-  \"price\": 1.10,\n") && lines.contains("+  \"price\": 1.1,\n"), "{lines}");
        let gone = client.get(&format!("{path}/diff")).send().await.is(200).json();
        assert_eq!((&gone["from"], &gone["to"], &gone["to_exists"]), (&json!(2), &json!(3), &json!(false)));
        assert_eq!(gone["patch"], json!([{ "op": "replace", "path": "", "value": null }]));
        let all = client.get(&format!("{path}/diff?from=0&to=1")).send().await.is(200).json();
        assert_eq!(all["from_exists"], false);
        client.get(&format!("{path}/diff?from=4")).send().await.refused(404, "version_not_found");
    }
}
