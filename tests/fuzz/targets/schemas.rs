//! Schemas and documents that clients offer: compiling and checking never panic and end soon, and what was
//! accepted is accepted again.

use adapter_schema::JsonSchemaEngine;
use application::ports::{CheckFault, Freshness, Offered, SchemaEngine as _, SchemaFault, StateReader as _};
use application::testing::SingleNode;
use domain::{Content, ProjectName, SchemaId, SchemaName};
use fuzz::{Source, Target};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// More than any input of this size may take, on a slow machine and without optimisation.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How deep composed schemas and documents are.
const DEPTH_MAX: usize = 5;

const DIALECTS: [&str; 6] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-04/schema#",
    "http://example.com/none",
];
const NAMES: [&str; 5] = ["a", "b", "", "é", "a/b~c"];
const PATTERNS: [&str; 9] =
    ["^a+$", "(a+)+$", "[", "\\p{L}+", "(?=a)b", "^.{0,500}$", "\\d{1,3}", "(a{1,500}){1,500}", "\\cA"];
const REFS: [&str; 10] =
    ["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#x", "#/$defs/é", "#/%", "x", "http://h/s", "#/a~2"];
const FORMATS: [&str; 8] = ["date-time", "email", "uri", "regex", "ipv6", "uuid", "hostname", "none"];

fn schema(source: &mut Source<'_>, depth: usize) -> Value {
    if depth == 0 || source.once_in(12) {
        return source.one_of(&[true, false]).into();
    }
    let mut object = Map::new();
    for _ in 0..=source.below(3) {
        let (name, value) = keyword(source, depth - 1);
        object.insert(name.to_owned(), value);
    }
    object.into()
}

fn keyword(source: &mut Source<'_>, depth: usize) -> (&'static str, Value) {
    match source.below(14) {
        0 => ("type", kinds(source)),
        1 => ("$ref", source.one_of(&REFS).into()),
        2 => (source.one_of(&["$dynamicRef", "$recursiveRef"]), source.one_of(&REFS).into()),
        3 => {
            let name = source.one_of(&[
                "properties",
                "$defs",
                "definitions",
                "dependentSchemas",
                "patternProperties",
            ]);
            (name, named(source, depth))
        }
        4 => (source.one_of(&["allOf", "anyOf", "oneOf", "prefixItems", "items"]), list(source, depth)),
        5 => {
            let all =
                ["not", "if", "then", "else", "items", "additionalProperties", "contains", "propertyNames"];
            (source.one_of(&all), schema(source, depth))
        }
        6 => (
            source.one_of(&["unevaluatedProperties", "unevaluatedItems", "additionalItems", "contentSchema"]),
            schema(source, depth),
        ),
        7 => ("pattern", source.one_of(&PATTERNS).into()),
        8 => ("format", source.one_of(&FORMATS).into()),
        9 => {
            let all = [
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "multipleOf",
                "minLength",
                "maxItems",
                "minContains",
            ];
            (source.one_of(&all), number(source))
        }
        10 => (source.one_of(&["enum", "required", "examples"]), Value::Array(vec![document(source, 2); 2])),
        11 => (source.one_of(&["const", "default"]), document(source, 3)),
        12 => (
            source.one_of(&["$anchor", "$dynamicAnchor", "$id", "$comment"]),
            source.one_of(&["x", "#x", "a", ""]).into(),
        ),
        _ => ("$schema", source.one_of(&DIALECTS).into()),
    }
}

fn kinds(source: &mut Source<'_>) -> Value {
    let all = ["object", "array", "string", "number", "integer", "null", "boolean", "any"];
    if source.once_in(3) {
        json!([source.one_of(&all), source.one_of(&all)])
    } else {
        source.one_of(&all).into()
    }
}

fn named(source: &mut Source<'_>, depth: usize) -> Value {
    let one = |_| (source.one_of(&NAMES).to_owned(), schema(source, depth));
    (0..3).map(one).collect::<Map<_, _>>().into()
}

fn list(source: &mut Source<'_>, depth: usize) -> Value {
    (0..=source.below(3)).map(|_| schema(source, depth)).collect()
}

fn number(source: &mut Source<'_>) -> Value {
    match source.below(4) {
        0 => source.edge().into(),
        1 => json!(-1),
        2 => json!(0.1),
        _ => json!(1e300),
    }
}

pub fn document(source: &mut Source<'_>, depth: usize) -> Value {
    match source.below(8) {
        0 | 1 if depth > 0 => {
            let one = |_| (source.one_of(&NAMES).to_owned(), document(source, depth - 1));
            (0..3).map(one).collect::<Map<_, _>>().into()
        }
        2 | 3 if depth > 0 => (0..source.below(4)).map(|_| document(source, depth - 1)).collect(),
        4 => number(source),
        5 => source.text(12).into(),
        6 => source.one_of(&[true, false]).into(),
        _ => Value::Null,
    }
}

/// The engine says so when its work panicked.
async fn check(schema: &str, document: &str) {
    let engine = JsonSchemaEngine::new();
    let (Ok(offered), Ok(document)) = (Content::from_compact(schema), Content::from_compact(document)) else {
        return;
    };
    let view = SingleNode::new().view(Freshness::STALE).await.expect("there is no fault");
    let id = SchemaId {
        project: ProjectName::parse("p").expect("a name"),
        name: SchemaName::parse("s").expect("a name"),
    };
    let start = Instant::now();
    match engine.compile(&id, &offered, &view).await {
        Ok(Offered { dialect, validator, .. }) => {
            let found = match validator.violations(&document).await {
                Ok(found) => found,
                Err(CheckFault::TooExpensive { .. }) => return,
                Err(other) => panic!("{other}"),
            };
            assert!(found.len() <= adapter_schema::VIOLATIONS_MAX);
            let twin = engine.compile(&id, &offered, &view).await.expect("it was accepted before");
            assert_eq!(twin.dialect, dialect);
            assert_eq!(
                twin.validator.violations(&document).await.expect("it ended before"),
                found,
                "checked twice, found something else"
            );
        }
        Err(SchemaFault::Invalid(found)) => {
            assert!(!found.is_empty(), "refused for no reason");
        }
        Err(other) => panic!("{other}"),
    }
    let took = start.elapsed();
    assert!(took < TIME_MAX, "{took:?} for {schema} and {}", document.as_str());
}

#[test]
fn schemas() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    Target::new("schemas").check(|bytes| {
        // Two texts with an empty line between them, or choices.
        if bytes.starts_with(b"{") {
            let text = String::from_utf8_lossy(bytes);
            let (schema, document) = text.split_once("\n\n").unwrap_or((&text, "null"));
            return runtime.block_on(check(schema.trim(), document.trim()));
        }
        let mut source = Source::new(bytes);
        let schema = schema(&mut source, DEPTH_MAX);
        runtime.block_on(check(&schema.to_string(), &document(&mut source, DEPTH_MAX).to_string()));
    });
}
