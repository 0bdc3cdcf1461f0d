//! Refused imports: invalid files, and keys without permission.

use crate::import_export::{LIMITS, NDJSON, bound, config, end, export, header, keys, rest, rich, send};
use crate::shared::project;
use serde_json::json;

#[tokio::test]
async fn bad_files_are_refused_by_line() {
    let project = project().await;
    let head = header(&project);
    let check = async |lines: &[&str], line: u64, code: &str| {
        let file = lines.join("\n");
        let problem = send(&project, "", file.clone()).await.refused(422, "import_refused");
        assert_eq!(
            (&problem["refused"][0]["line"], &problem["refused"][0]["code"]),
            (&json!(line), &json!(code)),
            "{file}"
        );
    };
    let good = config("good", &json!(1));
    check(&[&head, &good, "{"], 3, "invalid_json").await;
    check(&[&head, "", &good, "{\"none\":{}}"], 4, "invalid_body").await;
    check(&[&head, &good, &head], 3, "invalid_body").await;
    check(&[&head, &end(0, 0, 0), &good], 3, "invalid_body").await;
    check(&[&head, &good, &good], 3, "config_repeated").await;
    check(&[&head, &good, &end(1, 0, 1)], 3, "invalid_body").await;
    check(&[&head, &config("Bad Key", &json!(1))], 2, "invalid_name").await;
    check(&[&head, &bound("b", &json!(1))], 2, "unknown_schema").await;
    let duplicate = good.replace("\"content\":1", "\"content\":{\"a\":1,\"a\":2}");
    check(&[&head, &duplicate], 2, "invalid_json").await;
    let deep = good.replace("\"content\":1", &format!("\"content\":{}{}", "[".repeat(65), "]".repeat(65)));
    check(&[&head, &deep], 2, "nesting_too_deep").await;
    let large = config("large", &json!("x".repeat(1024 * 1024)));
    check(&[&head, &large], 2, "document_too_large").await;
    let elsewhere = good.replace("default", "nowhere");
    check(&[&head, &elsewhere], 2, "environment_not_found").await;
    let no_schema = LIMITS.replace("{\"type\":\"integer\"}", "{\"type\":\"whole\"}");
    check(&[&head, &no_schema, &bound("b", &json!(1))], 2, "invalid_schema").await;
    assert!(keys(&project).await.is_empty());

    send(&project, "", "").await.refused(422, "invalid_body");
    send(&project, "", good.clone()).await.refused(422, "invalid_body");
    send(&project, "", head.replace("\"format\":1", "\"format\":2")).await.refused(422, "invalid_body");
    send(&project, "", "x".repeat(2 * 1024 * 1024 + 100_000)).await.refused(413, "body_too_large");
    send(&project, "?mode=all", head.clone()).await.refused(400, "invalid_parameter");
    let path = project.path("/import");
    let keyed = project.client.post(&path).header("Idempotency-Key", "k").text(NDJSON, head.clone());
    keyed.send().await.refused(400, "invalid_idempotency_key");
    project.client.post(&path).json(&json!({})).send().await.refused(415, "unsupported_media_type");
    let nowhere = project.client.post("/api/v1/projects/no-such-project/import").text(NDJSON, head.clone());
    nowhere.send().await.refused(404, "project_not_found");
}

#[tokio::test]
async fn a_key_moves_only_what_it_may() {
    let source = rich().await;
    let file = export(&source).await;
    let scoped = json!({ "name": "k", "environments": ["prod"], "permissions": ["config:document:read",
        "config:document:write", "config:schema:read", "project:environment:read"] });
    let (_, client) = source.create_key(&scoped).await;
    let own = source.through(client);
    own.client.get(&own.path("/export")).send().await.refused(403, "forbidden");
    own.client.get(&own.path("/environments/default/export")).send().await.refused(403, "forbidden");
    let prod = own.client.get(&own.path("/environments/prod/export")).send().await.is(200).text().to_owned();
    send(&own, "", prod).await.is(200);
    let problem = send(&own, "", file.clone()).await.refused(422, "import_refused");
    assert_eq!((&problem["total"], &problem["refused"][0]["code"]), (&json!(2), &json!("forbidden")));
    let reader =
        source.key_with(&["config:document:read", "config:schema:read", "project:environment:read"]).await;
    assert_eq!(rest(&export(&reader).await), rest(&file));
    // A read-only key occupies no import slot.
    send(&reader, "?mode=replace", file.clone()).await.refused(403, "forbidden");
    assert_eq!(rest(&export(&source).await), rest(&file));
}
