//! References between the schemas of a project.

use super::*;
use application::ports::View;
use application::testing::EPOCH_MS;
use domain::{
    Actor, Command, DisplayName, Outcome, RequestId, Revision, SchemaMode, SchemaUse, SchemaVersion, Stamped,
    Timestamp,
};

/// A project whose schemas are registered as the use cases register them.
struct Registry {
    node: SingleNode,
    engine: JsonSchemaEngine,
}

impl Registry {
    fn new() -> Self {
        let registry = Self { node: SingleNode::new(), engine: JsonSchemaEngine::new() };
        let name = id("own").project;
        registry.apply(Command::CreateProject { name, display_name: DisplayName::default() });
        registry
    }

    fn apply(&self, command: Command) {
        let outcome = self.node.apply(&Stamped {
            command,
            actor: Actor::System,
            request_id: RequestId::parse("req").expect("an id"),
            at: Timestamp(EPOCH_MS),
            idempotency: None,
            person: None,
            provenance: domain::Provenance::default(),
        });
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }

    async fn view(&self) -> View {
        self.node.view(Freshness::STALE).await.expect("there is no fault")
    }

    async fn offer(&self, name: &str, schema: &str) -> Result<Offered, SchemaFault> {
        self.engine.compile(&id(name), &content(schema), &self.view().await).await
    }

    /// Registers the next version of a schema.
    async fn register(&self, name: &str, schema: &str) -> Vec<SchemaUse> {
        let offered =
            self.offer(name, schema).await.unwrap_or_else(|fault| panic!("{schema:.200}: {fault:?}"));
        let (id, schema, uses) = (id(name), content(schema), offered.uses.clone());
        let (dialect, exists) = (offered.dialect, self.view().await.state.schema(&id).is_some());
        self.apply(if exists {
            let (mode, expected, checked) = (None, None, Revision(u64::MAX));
            Command::UpdateSchema { id, schema, dialect, mode, expected, checked, uses }
        } else {
            Command::CreateSchema { id, schema, dialect, mode: SchemaMode::Strict, uses }
        });
        offered.uses
    }

    async fn check(&self, name: &str, version: u64, document: &str, valid: bool) {
        // A new engine with an empty cache.
        let (engine, view) = (JsonSchemaEngine::new(), self.view().await);
        let validator = engine.committed(&id(name), SchemaVersion(version), &*view.archive).await;
        let found = validator.expect("it was registered").violations(&content(document)).await;
        let found = found.expect("the check ends");
        assert_eq!(found.is_empty(), valid, "{name}@{version} on {document}: {found:?}");
    }

    async fn check_refused(&self, schema: &str, pointer: &str, message: &str) {
        match self.offer("own", schema).await {
            Err(SchemaFault::Invalid(violations)) => assert_refused(schema, &violations, pointer, message),
            other => panic!("{schema:.200}: {other:?}"),
        }
    }
}

fn used(name: &str, version: u64, newest: bool) -> SchemaUse {
    SchemaUse { name: id(name).name, version: SchemaVersion(version), newest }
}

#[tokio::test]
async fn a_committed_version_never_changes_its_meaning() {
    let registry = Registry::new();
    registry.register("port", "{\"type\":\"integer\"}").await;
    let newest = "{\"properties\":{\"p\":{\"$ref\":\"schema:port\"}}}";
    assert_eq!(registry.register("own", newest).await, [used("port", 1, true)]);
    registry.register("port", "{\"type\":\"string\"}").await;
    registry.check("own", 1, "{\"p\":1}", true).await;
    registry.check("own", 1, "{\"p\":\"x\"}", false).await;
    assert_eq!(registry.register("own", newest).await, [used("port", 2, true)]);
    registry.check("own", 2, "{\"p\":\"x\"}", true).await;
    registry.check("own", 2, "{\"p\":1}", false).await;
    let fixed = "{\"properties\":{\"p\":{\"$ref\":\"schema:port@1\"},\"q\":{\"$ref\":\"schema:port\"}}}";
    assert_eq!(registry.register("own", fixed).await, [used("port", 1, false), used("port", 2, true)]);
    registry.check("own", 3, "{\"p\":1,\"q\":\"x\"}", true).await;
    registry.check("own", 3, "{\"p\":\"x\"}", false).await;
}

/// One name can resolve to different versions at different places of a closure.
#[tokio::test]
async fn what_others_use_keeps_its_meaning_too() {
    let registry = Registry::new();
    registry.register("base", "{\"type\":\"integer\"}").await;
    registry.register("middle", "{\"items\":{\"$ref\":\"schema:base\"}}").await;
    registry.register("base", "{\"type\":\"string\"}").await;
    let own = "{\"properties\":{\"m\":{\"$ref\":\"schema:middle\"},\"b\":{\"$ref\":\"schema:base\"}}}";
    registry.register("own", own).await;
    registry.check("own", 1, "{\"m\":[1],\"b\":\"x\"}", true).await;
    registry.check("own", 1, "{\"m\":[\"x\"]}", false).await;
    registry.check("own", 1, "{\"b\":1}", false).await;
}

#[tokio::test]
async fn fragments_lead_into_other_schemas() {
    let registry = Registry::new();
    let library = "{\"$defs\":{\"port\":{\"$anchor\":\"p\",\"maximum\":9},\"a/b\":{\"type\":\"null\"},\
                   \"list\":{\"items\":{\"$ref\":\"#/$defs/port\"}}}}";
    let named = library.replacen('{', "{\"$id\":\"https://a.example/library\",", 1);
    for (name, text) in [("plain", library), ("named", named.as_str())] {
        registry.register(name, text).await;
        for (fragment, good, bad) in [
            ("#/$defs/port", "9", "10"),
            ("@1#/$defs/list", "[9]", "[10]"),
            ("#p", "9", "10"),
            ("@1#/$defs/a~1b", "null", "1"),
            ("#", "1", ""),
        ] {
            let schema = format!("{{\"$ref\":\"schema:{name}{fragment}\"}}");
            let offered = registry.offer("own", &schema).await.unwrap_or_else(|f| panic!("{schema}: {f:?}"));
            for (document, valid) in [(good, true), (bad, false)] {
                let found = offered.validator.violations(&content(document)).await.expect("it ends");
                assert!(document.is_empty() || found.is_empty() == valid, "{schema} on {document}");
            }
        }
    }
    registry.check_refused("{\"$ref\":\"schema:plain#/$defs/none\"}", "/$ref", "leads to no schema").await;
    registry.check_refused("{\"$ref\":\"schema:named#none\"}", "/$ref", "leads to no schema").await;
}

#[tokio::test]
async fn every_dialect_may_refer_to_its_own() {
    for draft in ["draft-04", "draft-06", "draft-07"] {
        let registry = Registry::new();
        let dialect = format!("\"$schema\":\"http://json-schema.org/{draft}/schema#\"");
        registry
            .register("a", &format!("{{{dialect},\"definitions\":{{\"n\":{{\"type\":\"null\"}}}}}}"))
            .await;
        let own = format!("{{{dialect},\"items\":{{\"$ref\":\"schema:a#/definitions/n\"}}}}");
        registry.register("own", &own).await;
        registry.check("own", 1, "[null]", true).await;
        registry.check("own", 1, "[1]", false).await;
        registry.check_refused("{\"$ref\":\"schema:a\"}", "/$ref", "another dialect").await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused_with_its_place() {
    let registry = Registry::new();
    registry.register("a", "{}").await;
    let at = "{\"properties\":{\"x\":{\"items\":{\"$ref\":\"REF\"}}}}";
    for (reference, message) in [
        ("schema:none", "does not exist in the project"),
        ("schema:a@2", "version 2 of a"),
        ("schema:none@1", "does not exist in the project"),
        ("schema:a@0", "not of the form"),
        ("schema:a@01", "not of the form"),
        ("schema:a@+1", "not of the form"),
        ("schema:a@", "not of the form"),
        ("schema:", "not of the form"),
        ("schema:UP", "not of the form"),
        ("schema:a/b", "not of the form"),
        ("schema:a?x", "not of the form"),
        ("SCHEMA:a", "leads out of this document"),
        ("schema://a", "not of the form"),
        ("json-schema:///a@1/", "leads out of this document"),
        ("https://example.com/a", "leads out of this document"),
        ("a", "leads out of this document"),
    ] {
        registry.check_refused(&at.replace("REF", reference), "/properties/x/items/$ref", message).await;
    }
    registry.check_refused("{\"$dynamicRef\":\"schema:a\"}", "/$dynamicRef", "only $ref").await;
    registry.check_refused("{\"$id\":\"schema:a\"}", "/$id", "belong to the project").await;
    let data = "{\"const\":{\"$ref\":\"schema:none\"}}";
    assert!(registry.offer("own", data).await.expect("data is data").uses.is_empty());
}

#[tokio::test]
async fn cycles_are_refused() {
    let registry = Registry::new();
    registry.check_refused("{\"$ref\":\"schema:own\"}", "/$ref", "leads back").await;
    registry.register("own", "{}").await;
    registry.register("b", "{\"$ref\":\"schema:own\"}").await;
    registry.register("c", "{\"not\":{\"$ref\":\"schema:b@1\"}}").await;
    for name in ["own", "own@1", "b", "c", "c#/not"] {
        let schema = format!("{{\"$ref\":\"schema:{name}\"}}");
        registry.check_refused(&schema, "/$ref", "leads back").await;
    }
}

#[tokio::test]
async fn bounds_hold_for_all_together() {
    let registry = Registry::new();
    registry.register("s00", "{}").await;
    for n in 1..=32 {
        let schema = format!("{{\"items\":{{\"$ref\":\"schema:s{:02}\"}}}}", n - 1);
        registry.register(&format!("s{n:02}"), &schema).await;
    }
    registry.check_refused("{\"$ref\":\"schema:s32\"}", "/$ref", "more than 32 others").await;
    registry.offer("own", "{\"$ref\":\"schema:s31\"}").await.expect("32 are allowed");
    let numbers = vec!["1"; 6000].join(",");
    registry.register("half", &format!("{{\"enum\":[{numbers}]}}")).await;
    let both = format!("{{\"$ref\":\"schema:half\",\"not\":{{\"enum\":[{numbers}]}}}}");
    registry.check_refused(&both, "/$ref", "more than 10000 values").await;
    let references = vec!["{\"$ref\":\"#/$defs/a\"}"; 300].join(",");
    let many = format!("{{\"prefixItems\":[{references}],\"$defs\":{{\"a\":{{}}}}}}");
    registry.register("many", &many).await;
    let twice = many.replacen("{\"$ref\":\"#/$defs/a\"}", "{\"$ref\":\"schema:many\"}", 1);
    match registry.offer("own", &twice).await {
        Err(SchemaFault::Invalid(found)) => assert!(found[0].message.contains("500 references"), "{found:?}"),
        other => panic!("{other:?}"),
    }
    // Eight levels that each double the evaluations, applied three times.
    registry.register("d00", "true").await;
    for n in 1..=10 {
        let inner = format!("{{\"$ref\":\"schema:d{:02}\"}}", n - 1);
        registry.register(&format!("d{n:02}"), &format!("{{\"allOf\":[{inner},{inner}]}}")).await;
        if n == 8 {
            break;
        }
    }
    let costly =
        "{\"allOf\":[{\"$ref\":\"schema:d08\"},{\"$ref\":\"schema:d08\"},{\"$ref\":\"schema:d08\"}]}";
    match registry.offer("own", costly).await {
        Err(SchemaFault::Invalid(found)) => {
            assert!(found[0].message.contains("more than 2000 times"), "{found:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// Two documents with one URI are refused: references to it would be ambiguous.
#[tokio::test]
async fn one_address_is_one_document() {
    let registry = Registry::new();
    let a = "{\"$id\":\"https://a.example/x\",\"$ref\":\"#/$defs/v\",\"$defs\":{\"v\":{\"type\":\"TYPE\"}}}";
    registry.register("a", &a.replace("TYPE", "integer")).await;
    registry.register("a", &a.replace("TYPE", "string")).await;
    registry.register("own", "{\"$ref\":\"schema:a\"}").await;
    registry.check("own", 1, "\"x\"", true).await;
    registry.check("own", 1, "1", false).await;
    let both = "{\"anyOf\":[{\"$ref\":\"schema:a@1\"},{\"$ref\":\"schema:a@2\"}]}";
    match registry.offer("own", both).await {
        Err(SchemaFault::Invalid(found)) => {
            assert!(found[0].message.contains("the same address"), "{found:?}");
        }
        other => panic!("{other:?}"),
    }
    registry
        .check_refused("{\"$id\":\"https://a.example/x\",\"$ref\":\"schema:a\"}", "/$ref", "same address")
        .await;
}
