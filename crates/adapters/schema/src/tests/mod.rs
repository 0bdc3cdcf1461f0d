//! What the engine accepts, refuses and reports. Hostile input is tested in files of its own.

mod attacks;
mod exact;
mod hostile;
mod references;
mod suite;

use crate::JsonSchemaEngine;
use application::ports::{Freshness, Offered, SchemaEngine, SchemaFault, StateReader as _, Violation};
use application::testing::{SingleNode, contract};
use domain::{Content, Dialect, ProjectName, SchemaId, SchemaName};

fn content(text: &str) -> Content {
    Content::from_compact(text).expect("the text is small")
}

fn id(name: &str) -> SchemaId {
    let project = ProjectName::parse("contract-schema").expect("a name");
    SchemaId { project, name: SchemaName::parse(name).expect("a name") }
}

/// Compiles a schema in an empty project.
async fn offered(schema: &str) -> Result<Offered, SchemaFault> {
    let view = SingleNode::new().view(Freshness::STALE).await.expect("there is no fault");
    JsonSchemaEngine::new().compile(&id("own"), &content(schema), &view).await
}

/// The violations of a refused schema; empty if it is accepted.
async fn refusals(schema: &str) -> Vec<Violation> {
    match offered(schema).await {
        Ok(_) => Vec::new(),
        Err(SchemaFault::Invalid(violations)) => violations,
        Err(other) => panic!("unexpected {other:?}"),
    }
}

#[track_caller]
fn assert_refused(schema: &str, violations: &[Violation], pointer: &str, message: &str) {
    let found = violations.iter().any(|v| v.pointer == pointer && v.message.contains(message));
    assert!(found, "{schema:.200}: expected {message:?} at {pointer:?}, got {violations:#?}");
}

async fn check_refused(schema: &str, pointer: &str, message: &str) {
    assert_refused(schema, &refusals(schema).await, pointer, message);
}

async fn violations(schema: &str, document: &str) -> Vec<Violation> {
    let compiled = offered(schema).await.unwrap_or_else(|fault| panic!("{schema:.200}: {fault:?}"));
    compiled.validator.violations(&content(document)).await.expect("the check ends")
}

async fn check(schema: &str, document: &str, valid: bool) {
    let found = violations(schema, document).await;
    assert_eq!(found.is_empty(), valid, "{schema:.200} on {document:.200}: {found:?}");
}

async fn check_dialect(uri: &str, dialect: Dialect, rule: &str, good: &str, bad: &str) {
    let rest = uri.split_once(':').expect("an address").1;
    for (scheme, end) in [("http", ""), ("http", "#"), ("https", ""), ("https", "#")] {
        let schema = format!("{{\"$schema\":\"{scheme}:{rest}{end}\",{rule}}}");
        assert_eq!(offered(&schema).await.expect("a schema").dialect, dialect, "{schema}");
        check(&schema, good, true).await;
        check(&schema, bad, false).await;
    }
}

/// One rule for each dialect that other dialects interpret differently.
#[tokio::test]
async fn every_dialect_has_its_own_rules() {
    let draft = |number: u8| format!("http://json-schema.org/draft-0{number}/schema");
    let exclusive = "\"minimum\":1,\"exclusiveMinimum\":true";
    check_dialect(&draft(4), Dialect::Draft4, exclusive, "2", "1").await;
    check_dialect(&draft(6), Dialect::Draft6, "\"const\":1,\"if\":false,\"else\":false", "1", "2").await;
    check_dialect(&draft(7), Dialect::Draft7, "\"if\":{\"const\":1},\"then\":false", "2", "1").await;
    let uri = "https://json-schema.org/draft/2019-09/schema";
    let rule = "\"items\":[{\"type\":\"string\"}],\"unevaluatedItems\":false";
    check_dialect(uri, Dialect::Draft201909, rule, "[\"a\"]", "[\"a\",1]").await;
    let uri = "https://json-schema.org/draft/2020-12/schema";
    let rule = "\"prefixItems\":[{\"type\":\"string\"}],\"items\":false";
    check_dialect(uri, Dialect::Draft202012, rule, "[\"a\"]", "[\"a\",1]").await;
    assert_eq!(offered("{}").await.expect("a schema").dialect, Dialect::Draft202012);
}

#[tokio::test]
async fn unknown_dialects_are_refused() {
    for uri in ["\"http://json-schema.org/draft-03/schema#\"", "\"https://example.com/mine\"", "7", "\"\""] {
        check_refused(&format!("{{\"$schema\":{uri}}}"), "/$schema", "dialect").await;
    }
    let inner = "{\"$defs\":{\"a\":{\"$id\":\"urn:a\",\"$schema\":\"urn:mine\"}}}";
    check_refused(inner, "/$defs/a/$schema", "dialect").await;
}

#[tokio::test]
async fn what_is_no_schema_is_refused_with_its_place() {
    check_refused("{\"type\":12}", "/type", "12").await;
    check_refused("{\"properties\":{\"a\":{\"minLength\":-1}}}", "/properties/a/minLength", "-1").await;
    check_refused("{\"required\":\"a\"}", "/required", "").await;
    check_refused("12", "", "object or a boolean").await;
    check_refused("{\"$ref\":1}", "/$ref", "").await;
    check_refused("{\"$ref\":\"#/$defs/none\"}", "/$ref", "no schema in this document").await;
    check_refused("{\"$ref\":\"#none\"}", "/$ref", "no schema in this document").await;
    check_refused("{\"pattern\":\"(\"}", "/pattern", "").await;
    check("true", "1", true).await;
    check("false", "1", false).await;
}

#[tokio::test]
async fn violations_say_where_and_why() {
    let schema = "{\"properties\":{\"a/b\":{\"items\":{\"type\":\"integer\"}}},\"required\":[\"c\"]}";
    let found = violations(schema, "{\"a/b\":[1,\"x\"]}").await;
    let told = |pointer: &str, schema_pointer: &str, keyword: &str| {
        let same = |v: &&Violation| v.pointer == pointer && v.schema_pointer == schema_pointer;
        assert_eq!(found.iter().find(same).map(|v| v.keyword.as_str()), Some(keyword), "{found:#?}");
    };
    told("/a~1b/1", "/properties/a~1b/items/type", "type");
    told("", "/required", "required");
    assert_eq!(found.len(), 2);
    let (many, long) = (format!("[{}1]", "1,".repeat(5000)), format!("\"{}\"", "é".repeat(300_000)));
    assert_eq!(violations("{\"items\":{\"type\":\"string\"}}", &many).await.len(), 100);
    let found = violations("{\"maxLength\":1}", &long).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].message.chars().count() <= 200, "{}", found[0].message);
}

#[tokio::test]
async fn formats_are_asserted() {
    for dialect in ["draft-04", "draft-07"] {
        let schema =
            format!("{{\"$schema\":\"http://json-schema.org/{dialect}/schema#\",\"format\":\"ipv4\"}}");
        check(&schema, "\"10.0.0.1\"", true).await;
        check(&schema, "\"10.0.0.256\"", false).await;
    }
    check("{\"format\":\"date-time\"}", "\"2026-11-21T09:00:00Z\"", true).await;
    check("{\"format\":\"date-time\"}", "\"yesterday\"", false).await;
    check("{\"format\":\"idn-email\"}", "\"f\u{fc}r@b\u{fc}cher.example\"", true).await;
    check("{\"format\":\"idn-email\"}", "\"no address\"", false).await;
    check("{\"format\":\"house-number\"}", "\"no such format is ignored\"", true).await;
}

#[tokio::test]
async fn references_within_the_document_work() {
    let tree = "{\"properties\":{\"v\":{\"type\":\"integer\"},\"kids\":{\"items\":{\"$ref\":\"#\"}}}}";
    check(tree, "{\"kids\":[{\"v\":1,\"kids\":[{\"v\":2}]}]}", true).await;
    check(tree, "{\"kids\":[{\"v\":1,\"kids\":[{\"v\":\"2\"}]}]}", false).await;
    let anchor = "{\"$ref\":\"#a\",\"$defs\":{\"x\":{\"$anchor\":\"a\",\"type\":\"string\"}}}";
    check(anchor, "1", false).await;
    let embedded = "{\"$id\":\"https://a.example/root\",\"$ref\":\"part#/$defs/n\",\"$defs\":{\"p\":\
                    {\"$id\":\"part\",\"$defs\":{\"n\":{\"type\":\"number\"}}}}}";
    check(embedded, "1", true).await;
    check(embedded, "\"1\"", false).await;
    let escaped = "{\"$ref\":\"#/$defs/a~1b%25\",\"$defs\":{\"a/b%\":{\"type\":\"null\"}}}";
    check(escaped, "null", true).await;
    check(escaped, "1", false).await;
    let meta = "{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}";
    check(meta, "{\"type\":\"string\"}", true).await;
    check(meta, "{\"type\":12}", false).await;
    let dynamic =
        "{\"$dynamicAnchor\":\"n\",\"type\":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#n\"}}";
    check(dynamic, "{\"a\":{\"b\":{}}}", true).await;
    check(dynamic, "{\"a\":{\"b\":1}}", false).await;
}

/// Data that resembles a reference or a pattern is not interpreted.
#[tokio::test]
async fn data_is_not_read_as_schema() {
    let remote = "{\"$ref\":\"http://127.0.0.1:9/x\",\"pattern\":\"(?=a)\"}";
    for keyword in ["const", "default", "x-note"] {
        check(&format!("{{\"{keyword}\":{remote}}}"), remote, true).await;
    }
    for keyword in ["enum", "examples"] {
        check(&format!("{{\"{keyword}\":[{remote}]}}"), remote, true).await;
    }
    let named = "{\"properties\":{\"$ref\":{\"type\":\"string\"},\"pattern\":{\"type\":\"integer\"}}}";
    check(named, "{\"$ref\":\"http://127.0.0.1:9/x\",\"pattern\":1}", true).await;
    check(named, "{\"$ref\":1}", false).await;
}

/// Committed versions are read from the archive, compiled once, and cached while the archive fails.
#[tokio::test]
async fn committed_versions_are_kept() {
    let node = SingleNode::new();
    contract::check_all(&node, &node).await;
    let state = node.state();
    let id = state.schemas(&id("own").project).next().expect("the contract registers a schema").id.clone();
    let engine = JsonSchemaEngine::new();
    let second = domain::SchemaVersion(2);
    let validator = engine.committed(&id, second, &**node.archive()).await.expect("it compiles");
    assert!(validator.violations(&content("{}")).await.expect("it ends").is_empty());
    assert!(!validator.violations(&content("1")).await.expect("it ends").is_empty());
    let missing = engine.committed(&id, domain::SchemaVersion(9), &**node.archive()).await;
    assert!(matches!(missing, Err(SchemaFault::Missing(_, 9))));
    node.archive().set_broken(true);
    assert!(engine.committed(&id, second, &**node.archive()).await.is_ok());
    let first = engine.committed(&id, domain::SchemaVersion(1), &**node.archive()).await;
    assert!(matches!(first, Err(SchemaFault::Archive(_))));
}
