//! Schemas that are expensive to check.

use crate::field::Field;
use crate::flood::{Stop, client, flood, over};
use crate::tally::Tally;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const DRAFT_7: &str = "http://json-schema.org/draft-07/schema#";
const DRAFT_2019: &str = "https://json-schema.org/draft/2019-09/schema";
const DRAFT_2020: &str = "https://json-schema.org/draft/2020-12/schema";
/// Numbers of levels: enough to block a node if every level doubles the work.
const LEVELS: [usize; 3] = [18, 28, 40];
/// The number of constants that a value is compared with; `VALUES` is the number of values.
const ALTERNATIVES: usize = 1900;
const VALUES: usize = 200_000;
const WORKERS: u64 = 8;

/// A schema whose definitions are chained: one per level, and the root references the first.
fn chain(dialect: &str, levels: usize, level: impl Fn(usize) -> Value, more: &[(&str, Value)]) -> Value {
    let word = if dialect == DRAFT_7 { "definitions" } else { "$defs" };
    let mut definitions: Map<String, Value> = (0..levels).map(|at| (format!("l{at}"), level(at))).collect();
    definitions
        .insert(format!("l{levels}"), json!({ "$id": format!("http://x.test/L{levels}"), "type": "object" }));
    definitions.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    json!({ "$schema": dialect, "$id": "http://x.test/root", "allOf": [{ "$ref": "http://x.test/L0" }],
        word: definitions })
}

/// Schemas of this many levels, with names.
fn schemas(levels: usize) -> Vec<(&'static str, Value)> {
    let next = |at: usize| format!("http://x.test/L{}", at + 1);
    let id = |at: usize| format!("http://x.test/L{at}");
    // In draft 7 `$id` beside `$ref` is ignored, so this references the next level and not the harmless
    // schema.
    let hidden = |at: usize| json!({ "$id": "http://x.test/a/", "$ref": format!("L{}", at + 1) });
    let harmless: Vec<(String, Value)> = (0..=levels)
        .map(|at| (format!("h{at}"), json!({ "$id": format!("http://x.test/a/L{at}"), "type": "object" })))
        .collect();
    let harmless: Vec<(&str, Value)> =
        harmless.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let twice = |at: usize| json!({ "$id": id(at), "allOf": [{ "$ref": next(at) }, { "$ref": next(at) }] });
    let foreign = |at: usize| {
        json!({ "$id": id(at), "$schema": DRAFT_7,
            "allOf": [{ "$ref": next(at), "$id": "http://x.test/a/x" }, { "$ref": next(at) }] })
    };
    let dynamic = |at: usize| {
        json!({ "$id": id(at), "$dynamicAnchor": "node",
            "anyOf": [{ "$ref": next(at) }, { "$dynamicRef": next(at) }], "allOf": [{ "$ref": next(at) }] })
    };
    let conditional = |at: usize| json!({ "$id": id(at), "if": { "$ref": next(at) }, "then": { "$ref": next(at) }, "else": { "$ref": next(at) } });
    let unevaluated = |at: usize| {
        json!({ "$id": id(at), "allOf": [{ "$ref": next(at) }], "unevaluatedProperties": { "$ref": next(at) },
            "dependentSchemas": { "a": { "$ref": next(at) } } })
    };
    let negated = |at: usize| json!({ "$id": id(at), "not": { "oneOf": [{ "$ref": next(at) }, { "$ref": next(at) }] } });
    let pointer = {
        let level = |at: usize| {
            let next = format!("#/definitions/p{}/definitions/q", at + 1);
            let inner = json!({ "allOf": [{ "$ref": next }, { "$ref": next }] });
            (
                format!("p{at}"),
                json!({ "$id": format!("http://x.test/p{at}/"), "definitions": { "q": inner } }),
            )
        };
        let definitions: Map<String, Value> = (0..levels).map(level).collect();
        json!({ "$schema": DRAFT_7, "definitions": definitions, "allOf": [{ "$ref": "#/definitions/p0/definitions/q" }] })
    };
    vec![
        ("plain", chain(DRAFT_7, levels, twice, &[])),
        (
            "hidden",
            chain(
                DRAFT_7,
                levels,
                |at| json!({ "$id": id(at), "allOf": [hidden(at), hidden(at)] }),
                &harmless,
            ),
        ),
        ("foreign", chain(DRAFT_2020, levels, foreign, &[])),
        ("dynamic", chain(DRAFT_2020, levels, dynamic, &[])),
        ("conditional", chain(DRAFT_2019, levels, conditional, &[])),
        ("unevaluated", chain(DRAFT_2020, levels, unevaluated, &[])),
        ("negated", chain(DRAFT_7, levels, negated, &[])),
        (
            "repeated-id",
            chain(
                DRAFT_7,
                levels,
                twice,
                &[("again", json!({ "$id": "http://x.test/L1", "type": "object" }))],
            ),
        ),
        ("pointer", pointer),
    ]
}

/// Registers each schema and validates a small document, repeatedly.
pub async fn register(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let http = client(2);
    let key = field.hostile.client.key().unwrap_or_default().to_owned();
    let all: Vec<(String, Value)> = LEVELS
        .iter()
        .flat_map(|levels| {
            schemas(*levels).into_iter().map(move |(name, schema)| (format!("{name}-{levels}"), schema))
        })
        .collect();
    let (all, nodes, project) = (Arc::new(all), field.http.clone(), field.hostile.clone());
    let made = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::<String>::new()));
    flood(4, &tally, &stop, move |worker, turn| {
        let at = usize::try_from(worker + 4 * (turn / 2)).unwrap_or_default() % all.len();
        let (name, schema) = &all[at];
        let node = &nodes[usize::try_from(worker).unwrap_or_default() % nodes.len()];
        let fresh = made.lock().is_ok_and(|mut made| made.insert(name.clone()));
        let request = if fresh || turn % 2 == 0 {
            http.post(format!("http://{node}{}", project.path("/schemas")))
                .json(&json!({ "name": name, "schema": schema }))
        } else {
            let body = json!({ "content": {}, "schema": { "name": name } });
            http.put(format!("http://{node}{}", project.config(name)))
                .header("If-None-Match", "*")
                .json(&body)
        };
        request.bearer_auth(&key)
    })
    .await;
    Vec::new()
}

/// Validates many values against many alternatives.
pub async fn check(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let http = client(2);
    let key = field.hostile.client.key().unwrap_or_default().to_owned();
    let alternatives: Vec<Value> = (0..ALTERNATIVES).map(|at| json!({ "const": format!("c{at}") })).collect();
    let schemas = [
        ("alternatives", json!({ "properties": { "items": { "items": { "anyOf": alternatives } } } })),
        ("unique", json!({ "properties": { "items": { "uniqueItems": true } } })),
        ("contains", json!({ "properties": { "items": { "contains": { "anyOf": alternatives } } } })),
    ];
    for (name, schema) in &schemas {
        let path = field.hostile.path("/schemas");
        let body = json!({ "name": name, "schema": schema });
        let post = http.post(format!("http://{}{path}", field.http[0])).bearer_auth(&key).json(&body);
        tally.count(format!("schema {}", crate::flood::answered(post).await));
        if over(&stop) {
            return Vec::new();
        }
    }
    let values: Vec<String> = (0..VALUES).map(|at| (at % 1000).to_string()).collect();
    let values = values.join(",");
    // Documents are objects; an array is tried occasionally.
    let documents = [format!("{{\"items\":[{values}]}}"), format!("[{values}]")];
    let (nodes, project) = (field.http.clone(), field.hostile.clone());
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let number = usize::try_from(worker + turn).unwrap_or_default();
        let (node, name) = (&nodes[number % nodes.len()], schemas[number % schemas.len()].0);
        let document = &documents[usize::from(turn % 4 == 3)];
        let body = format!("{{\"schema\":{{\"name\":\"{name}\"}},\"content\":{document}}}");
        let put = http.put(format!("http://{node}{}", project.config(&format!("checked.{worker}"))));
        put.header("If-None-Match", "*")
            .header("Content-Type", "application/json")
            .bearer_auth(&key)
            .body(body)
    })
    .await;
    Vec::new()
}
