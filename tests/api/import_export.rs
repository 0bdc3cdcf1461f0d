//! Export of a project and import into another: exact, fully validated, repeatable.

use crate::shared::{everywhere, project};
use e2e::{Answer, Project};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

pub const NDJSON: &str = "application/x-ndjson";
/// Number of documents of the large round trip; `GUARDIAN_IMPORT_DOCUMENTS=10000` is the long variant.
const DOCUMENTS: usize = 1000;

/// The first line of a file of this project.
pub fn header(project: &Project) -> String {
    format!("{{\"export\":{{\"format\":1,\"project\":\"{}\",\"revision\":1}}}}", project.name)
}

fn line(key: &str, schema: &str, content: &Value) -> String {
    format!(
        "{{\"config\":{{\"environment\":\"default\",\"key\":\"{key}\",\"schema\":{schema},\"content\":{content}}}}}"
    )
}

/// A config without a schema.
pub fn config(key: &str, content: &Value) -> String {
    line(key, "null", content)
}

/// A config that follows the schema `limits`.
pub fn bound(key: &str, content: &Value) -> String {
    line(key, "{\"name\":\"limits\"}", content)
}

/// The last line of a file.
pub fn end(environments: usize, schemas: usize, configs: usize) -> String {
    format!("{{\"end\":{{\"environments\":{environments},\"schemas\":{schemas},\"configs\":{configs}}}}}")
}

const DEFAULT: &str = r#"{"environment":{"name":"default"}}"#;
pub const LIMITS: &str =
    r#"{"schema":{"name":"limits","version":1,"mode":"strict","schema":{"type":"integer"}}}"#;

pub async fn send(project: &Project, query: &str, file: impl Into<Vec<u8>>) -> Answer {
    project.client.post(&project.path(&format!("/import{query}"))).text(NDJSON, file).send().await
}

async fn import(project: &Project, query: &str, lines: &[String]) -> Answer {
    send(project, query, lines.join("\n")).await
}

/// The export of the project.
pub async fn export(project: &Project) -> String {
    let answer = project.client.get(&project.path("/export")).send().await.is(200);
    assert_eq!(answer.header("content-type"), Some(NDJSON));
    answer.text().to_owned()
}

/// A file without its first line, which names the project and the revision.
pub fn rest(file: &str) -> &str {
    file.split_once('\n').map_or("", |(_, rest)| rest)
}

fn counts(answer: &Value, kind: &str) -> [u64; 4] {
    ["created", "updated", "unchanged", "deleted"].map(|name| answer[kind][name].as_u64().expect("a count"))
}

/// The keys of the environment `default`.
pub async fn keys(project: &Project) -> Vec<String> {
    let items = project.all(&project.configs("")).await;
    items.iter().map(|item| item["key"].as_str().expect("a key").to_owned()).collect()
}

/// Documents that change if numbers or strings are decoded and encoded again.
const AWKWARD: [(&str, &str); 7] = [
    ("numbers", "{\"big\":12345678901234567890123,\"float\":1.50,\"tiny\":1E-7,\"minus\":-0,\"e\":1e5}"),
    ("unicode", "{\"é\":\"\\u00e9 é 😀 \\ud83d\\ude00 \\u0000 \u{2028}\",\"\":\"\\/ \\n\"}"),
    ("order", "{\"z\":1,\"a\":2,\"m\":{\"b\":[],\"a\":{}}}"),
    ("null", "null"),
    ("text", "\"line\\nbreak\""),
    ("false", "false"),
    (
        "deep",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    ),
];

/// A project with two environments, schemas with several versions, and documents of every kind.
pub async fn rich() -> Project {
    let project = project().await;
    project.client.post(&project.path("/environments")).json(&json!({ "name": "prod" })).send().await.is(201);
    project.create_schema("limits", &json!({ "type": "integer" })).await;
    project.create_schema("unused", &json!(true)).await;
    project.create_bound("follows", "limits", &json!(1)).await;
    let pinned = json!({ "content": 7, "schema": { "name": "limits", "version": 1 } });
    project.client.put(&project.config("pinned")).if_absent().json(&pinned).send().await.is(201);
    let second = json!({ "schema": { "maximum": 5.0, "type": "integer" } });
    project.client.put(&project.path("/schemas/limits")).json(&second).send().await.is(200);
    let third = json!({ "schema": { "type": "integer", "maximum": 6 } });
    project.client.put(&project.path("/schemas/limits")).json(&third).send().await.is(200);
    for (key, text) in AWKWARD {
        let path = project.path(&format!("/environments/prod/configs/{key}"));
        let body = format!("{{\"content\":{text}}}");
        project.client.put(&path).if_absent().text("application/json", body).send().await.is(201);
    }
    project.create_config("gone", &json!(1)).await;
    project.client.delete(&project.config("gone")).if_any().send().await.is(204);
    project
}

#[tokio::test]
async fn a_round_trip_is_exact() {
    let source = rich().await;
    let file = export(&source).await;
    let first: Value = serde_json::from_str(file.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["export"]["format"], &first["export"]["project"]), (&json!(1), &json!(source.name)));
    assert!(AWKWARD.iter().all(|(_, text)| file.contains(&format!("\"content\":{text}}}}}\n"))), "{file}");
    assert_eq!(file.lines().last(), Some(end(2, 4, 9).as_str()));

    let target = project().await;
    let target = target.through(everywhere().await.swap_remove(1));
    let report = send(&target, "", file.clone()).await.is(200);
    assert!(report.header("guardian-revision").is_some());
    let report = report.json();
    assert_eq!(counts(&report, "environments"), [1, 0, 1, 0]);
    assert_eq!(counts(&report, "schemas"), [2, 2, 0, 0]);
    assert_eq!(counts(&report, "configs"), [9, 0, 0, 0]);
    assert_eq!(rest(&export(&target).await), rest(&file));

    let again = send(&target, "", file.clone()).await.is(200).json();
    assert_eq!(counts(&again, "environments"), [0, 0, 2, 0]);
    assert_eq!(counts(&again, "schemas"), [0, 0, 4, 0]);
    assert_eq!(counts(&again, "configs"), [0, 0, 9, 0]);
    assert_eq!(target.read("follows").await["version"], 1);
    let history = target.all(&format!("{}/history", target.config("follows"))).await;
    assert_eq!((history.len(), &history[0]["kind"]), (1, &json!("import")));
    assert!(history[0]["message"].as_str().is_some_and(|text| text.contains(&source.name)));
    target.client.put(&target.config("pinned")).if_any().json(&json!({ "content": 9 })).send().await.is(200);
    let followed = json!({ "content": 9 });
    target
        .client
        .put(&target.config("follows"))
        .if_any()
        .json(&followed)
        .send()
        .await
        .refused(422, "validation_failed");
}

#[tokio::test]
async fn many_documents_go_round() {
    let source = project().await;
    let documents = std::env::var("GUARDIAN_IMPORT_DOCUMENTS").ok().and_then(|text| text.parse().ok());
    let documents: usize = documents.unwrap_or(DOCUMENTS);
    let mut lines = vec![header(&source), DEFAULT.to_owned(), LIMITS.to_owned()];
    lines.extend((0..documents).map(|n| bound(&format!("key-{n:06}"), &json!(n))));
    lines.push(end(1, 1, documents));
    let report = import(&source, "?mode=create", &lines).await.is(200).json();
    assert_eq!(counts(&report, "configs"), [documents as u64, 0, 0, 0]);
    let file = export(&source).await;
    assert_eq!(rest(&file), format!("{}\n", lines[1..].join("\n")).as_str());
    let target = project().await;
    send(&target, "?mode=replace", file.clone()).await.is(200);
    assert_eq!(rest(&export(&target).await), rest(&file));
    let empty = [header(&target), DEFAULT.to_owned(), end(1, 0, 0)];
    let report = import(&target, "?mode=replace", &empty).await.is(200).json();
    assert_eq!(counts(&report, "configs"), [0, 0, 0, documents as u64]);
    assert_eq!(counts(&report, "schemas"), [0, 0, 0, 1]);
    assert_eq!(rest(&export(&target).await), format!("{}\n", empty[1..].join("\n")).as_str());
}

#[tokio::test]
async fn no_invalid_document_gets_in() {
    let project = project().await;
    let mut lines = vec![header(&project), LIMITS.to_owned()];
    lines.extend((0..300).map(|n| bound(&format!("key-{n:03}"), &json!(n))));
    lines[150] = bound("key-148", &json!("not a number"));
    lines[160] = bound("key-158", &json!(1.5));
    let problem = import(&project, "", &lines).await.refused(422, "import_refused");
    assert_eq!(problem["total"], 2);
    let refused = &problem["refused"];
    assert_eq!((&refused[0]["line"], &refused[0]["code"]), (&json!(151), &json!("validation_failed")));
    assert_eq!((&refused[1]["line"], &refused[1]["errors"][0]["keyword"]), (&json!(161), &json!("type")));
    assert_eq!(counts(&problem["report"], "configs"), [0, 0, 0, 0]);
    assert!(keys(&project).await.is_empty() && project.all(&project.path("/schemas")).await.is_empty());

    // The same with an existing schema, and with one that the file would make stricter.
    project.create_schema("limits", &json!({ "type": "integer" })).await;
    import(&project, "", &lines).await.refused(422, "import_refused");
    project.create_bound("large", "limits", &json!(1000)).await;
    let tight = r#"{"schema":{"name":"limits","version":2,"mode":"strict","schema":{"maximum":9}}}"#;
    let problem = import(&project, "", &[header(&project), tight.to_owned()]).await;
    let problem = problem.refused(422, "import_refused");
    assert_eq!(problem["refused"][0]["code"], "schema_breaks_documents");
    assert_eq!(keys(&project).await, ["large"]);
}

#[tokio::test]
async fn modes_treat_what_is_there_differently() {
    let project = project().await;
    project.create_schema("limits", &json!({ "type": "integer" })).await;
    for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
        project.create_config(key, &json!(value)).await;
    }
    let lines = |b: i32| {
        let (a, b, d) = (config("a", &json!(1)), config("b", &json!(b)), config("d", &json!(4)));
        vec![header(&project), DEFAULT.to_owned(), a, b, d, end(1, 0, 3)]
    };
    let problem = import(&project, "?mode=create", &lines(20)).await.refused(422, "import_refused");
    assert_eq!((&problem["refused"][0]["line"], &problem["total"]), (&json!(4), &json!(1)));
    assert_eq!(problem["refused"][0]["code"], "version_conflict");
    let report = import(&project, "?mode=create", &lines(2)).await.is(200).json();
    assert_eq!(counts(&report, "configs"), [1, 0, 2, 0]);
    let report = import(&project, "?mode=merge", &lines(21)).await.is(200).json();
    assert_eq!(counts(&report, "configs"), [0, 1, 2, 0]);
    assert_eq!(project.read("b").await["version"], 2);
    assert_eq!(keys(&project).await, ["a", "b", "c", "d"]);

    let tried = import(&project, "?mode=replace&dry_run=true", &lines(22)).await.is(200);
    assert_eq!(tried.header("guardian-dry-run"), Some("true"));
    let tried = tried.json();
    assert_eq!((counts(&tried, "configs"), counts(&tried, "schemas")), ([0, 1, 2, 1], [0, 0, 0, 1]));
    let names: Vec<_> = tried["effects"].as_array().expect("a list").iter().map(|e| &e["action"]).collect();
    assert_eq!(names, ["update", "delete", "delete"]);
    assert_eq!(keys(&project).await.len(), 4);

    let mut cut = lines(22);
    cut.pop();
    let problem = import(&project, "?mode=replace", &cut).await.refused(422, "import_refused");
    assert_eq!(problem["refused"][0]["field"], "end");
    cut.push(end(1, 0, 4));
    import(&project, "?mode=replace", &cut).await.refused(422, "import_refused");
    assert_eq!((keys(&project).await.len(), project.read("b").await["version"].clone()), (4, json!(2)));
    let report = import(&project, "?mode=replace", &lines(22)).await.is(200).json();
    assert_eq!((counts(&report, "configs"), counts(&report, "schemas")), ([0, 1, 2, 1], [0, 0, 0, 1]));
    assert_eq!(keys(&project).await, ["a", "b", "d"]);
}

#[tokio::test]
async fn schemas_with_another_history_are_met_halfway() {
    let project = project().await;
    let version = |version: u64, schema: &Value| {
        let schema = json!({ "name": "limits", "version": version, "mode": "strict", "schema": schema });
        json!({ "schema": schema }).to_string()
    };
    let (one, two, three) = (json!({ "minimum": 1 }), json!({ "minimum": 2 }), json!({ "minimum": 3 }));
    project.create_schema("limits", &one).await;
    project.create_bound("there", "limits", &json!(5)).await;
    let pin = |key: &str, version: u64| {
        let schema = json!({ "name": "limits", "version": version });
        json!({ "config": { "environment": "default", "key": key, "schema": schema, "content": 9 } })
            .to_string()
    };
    // The file has other version numbers; an existing version with the same content is matched.
    let file = [header(&project), version(4, &one), version(5, &two), pin("p", 4), pin("q", 5)];
    let report = import(&project, "", &file).await.is(200).json();
    assert_eq!(counts(&report, "schemas"), [0, 1, 1, 0]);
    assert_eq!(
        (&project.read("p").await["schema"]["version"], &project.read("q").await["schema"]["version"]),
        (&json!(1), &json!(2))
    );
    // An unknown old version is skipped, and no config can be pinned to it.
    let file = [header(&project), version(1, &three), version(2, &two), pin("p", 1)];
    let problem = import(&project, "", &file).await.refused(422, "import_refused");
    assert_eq!(
        (&problem["refused"][0]["line"], &problem["refused"][0]["code"]),
        (&json!(4), &json!("unknown_schema"))
    );
    let report = import(&project, "", &file[..3]).await.is(200).json();
    assert_eq!(counts(&report, "schemas"), [0, 0, 2, 0]);
    // The last version in the file becomes the newest, even if it existed before.
    let file = [header(&project), version(1, &one)];
    import(&project, "?mode=create", &file).await.refused(422, "import_refused");
    import(&project, "", &file).await.is(200);
    let read = project.client.get(&project.path("/schemas/limits")).send().await.is(200).json();
    assert_eq!((&read["version"], &read["schema"]), (&json!(3), &one));
}

#[tokio::test]
async fn an_environment_goes_with_its_schemas() {
    let source = rich().await;
    let path = |name: &str| source.path(&format!("/environments/{name}/export"));
    let file = source.client.get(&path("default")).send().await.is(200).text().to_owned();
    assert!(
        file.contains("\"limits\"") && !file.contains("\"unused\"") && !file.contains("\"prod\""),
        "{file}"
    );
    let target = project().await;
    target.create_config("other", &json!(1)).await;
    target.client.post(&target.path("/environments")).json(&json!({ "name": "prod" })).send().await.is(201);
    let report = send(&target, "?mode=replace", file.clone()).await.is(200).json();
    assert_eq!((counts(&report, "configs"), counts(&report, "environments")), ([2, 0, 0, 1], [0, 0, 1, 0]));
    let other = file.replace("{\"environment\":\"default\",\"key\"", "{\"environment\":\"prod\",\"key\"");
    let problem = send(&target, "", other).await.refused(422, "import_refused");
    assert_eq!(problem["refused"][0]["field"], "environment");
    source.client.get(&path("none")).send().await.refused(404, "environment_not_found");
}

/// Changes made before an import broke off stay, and the same file completes it.
#[tokio::test]
async fn an_import_that_broke_off_goes_on() {
    let project = project().await;
    let document = json!("x".repeat(1_000_000));
    let mut lines = vec![header(&project)];
    lines.extend((0..40).map(|n| config(&format!("key-{n:03}"), &document)));
    lines.push(end(0, 0, 40));
    let file = lines.join("\n");
    // The sender pauses in the middle until the first documents exist, and then disconnects.
    let address = project.client.url().trim_start_matches("http://").to_owned();
    let mut sender = TcpStream::connect(&address).await.expect("the node listens");
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {address}\r\nX-API-Key: {}\r\nContent-Type: {NDJSON}\r\n\
         Content-Length: {}\r\n\r\n",
        project.path("/import"),
        project.client.key().expect("a key"),
        file.len()
    );
    sender.write_all(head.as_bytes()).await.expect("the node reads");
    sender.write_all(&file.as_bytes()[..file.len() / 2]).await.expect("the node reads");
    let there = async || (!keys(&project).await.is_empty()).then_some(());
    e2e::until("the first documents are there", Duration::from_secs(20), there).await;
    drop(sender);
    let before = keys(&project).await.len() as u64;
    assert!((1..40).contains(&before), "{before}");
    let report = send(&project, "", file).await.is(200).json();
    let [created, updated, unchanged, _] = counts(&report, "configs");
    assert_eq!((created + unchanged, updated), (40, 0));
    assert!(unchanged >= before, "{report}");
    let history = project.all(&format!("{}/history", project.config("key-000"))).await;
    assert_eq!(history.len(), 1);
}
