//! Known denial-of-service checks: each must be refused or end within its step limit.

use super::{content, offered, refusals};
use crate::CHECK_STEPS_MAX;
use application::ports::CheckFault;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum duration of each check, on a slow machine in a debug build.
const DEADLINE: Duration = Duration::from_secs(30);

/// Asserts that the schema is refused at registration or the check is stopped, within the deadline.
async fn check_bounded(schema: &str, document: &str) {
    let start = Instant::now();
    if let Ok(offered) = offered(schema).await {
        let found = offered.validator.violations(&content(document)).await;
        let limit = CHECK_STEPS_MAX;
        assert!(
            matches!(found, Err(CheckFault::TooExpensive { steps_max }) if steps_max == limit),
            "{schema:.200}: {found:?}"
        );
    }
    assert!(start.elapsed() < DEADLINE, "{schema:.200} took {:?}", start.elapsed());
}

/// Nested levels that each reference the next one twice, with base URIs that depend on the path.
fn levels(schema: &str, definitions: &str, id: &str, level: &str, count: usize) -> String {
    let mut all = String::new();
    for n in 0..count {
        let (id, next) = (id.replace('@', &n.to_string()), (n + 1).to_string());
        let _ = write!(
            all,
            "\"L{n}\":{{{id}{}}},\"x{n}\":{{\"$id\":\"http://x.test/a/L{n}\"}},",
            level.replace('@', &next)
        );
    }
    format!(
        "{{{schema}\"$ref\":\"#/{definitions}/L0\",\"{definitions}\":{{{all}\"L{count}\":{{\"$id\":\"http://x.test/L{count}\"}}}}}}"
    )
}

#[tokio::test]
async fn addresses_beside_references_do_not_hide_the_cost() {
    let draft = "\"$schema\":\"http://json-schema.org/draft-07/schema#\",";
    let reference = "{\"$id\":\"http://x.test/a/\",\"$ref\":\"L@\"}";
    let level = format!("\"allOf\":[{reference},{reference}]");
    let schema = levels(draft, "definitions", "\"$id\":\"http://x.test/L@\",", &level, 40);
    let found = refusals(&schema).await;
    assert!(found[0].message.contains("more than 2000 times"), "{found:?}");
    // Also where `$id` beside `$ref` is effective.
    let schema = levels("", "$defs", "\"$id\":\"http://x.test/L@\",", &level, 40);
    check_bounded(&schema, "{}").await;
}

#[tokio::test]
async fn what_could_mean_two_things_is_refused() {
    for (schema, pointer, message) in [
        (
            "{\"$defs\":{\"a\":{\"$id\":\"http://x.test/a\"},\"b\":{\"$id\":\"http://x.test/a\"}}}",
            "/$defs/b/$id",
            "same address",
        ),
        (
            "{\"$defs\":{\"a\":{\"$anchor\":\"a\"},\"b\":{\"$dynamicAnchor\":\"a\"}}}",
            "/$defs/b/$dynamicAnchor",
            "same anchor",
        ),
        (
            "{\"$defs\":{\"a\":{\"$id\":\"urn:a\",\"$schema\":\"http://json-schema.org/draft-07/schema#\"}}}",
            "/$defs/a/$schema",
            "dialect of the whole",
        ),
    ] {
        super::check_refused(schema, pointer, message).await;
    }
}

/// A pointer that crosses an `$id` uses that `$id` as its base.
#[tokio::test]
async fn pointers_across_addresses_are_counted() {
    let mut all = String::new();
    for n in 0..40 {
        let next = format!("{{\"$ref\":\"http://x.test/#/$defs/L{}/$defs/i\"}}", n + 1);
        let _ = write!(
            all,
            "\"L{n}\":{{\"$id\":\"http://x.test/b{n}/\",\"$defs\":{{\"i\":{{\"allOf\":[{next},{next}]}}}}}},"
        );
    }
    let schema = format!(
        "{{\"$id\":\"http://x.test/\",\"$ref\":\"#/$defs/L0/$defs/i\",\"$defs\":{{{all}\"L40\":{{\"$defs\":{{\"i\":true}}}}}}}}"
    );
    let found = refusals(&schema).await;
    assert!(found[0].message.contains("more than 2000 times"), "{found:?}");
}

#[tokio::test]
async fn alternatives_times_a_large_document_are_bounded() {
    let alternatives: Vec<String> = (0..1900).map(|n| format!("{{\"const\":{n}.5}}")).collect();
    let schema = format!("{{\"items\":{{\"anyOf\":[{}]}}}}", alternatives.join(","));
    check_bounded(&schema, &format!("[{}1]", "1899.5,".repeat(140_000))).await;
    let values: Vec<String> = (0..9000).map(|n| format!("[{n}]")).collect();
    let schema = format!("{{\"items\":{{\"enum\":[{}]}}}}", values.join(","));
    check_bounded(&schema, &format!("[{}[]]", "[8999],".repeat(100_000))).await;
    let schema = "{\"items\":{\"allOf\":[@]}}".replace('@', &vec!["{\"uniqueItems\":true}"; 1500].join(","));
    let numbers: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    check_bounded(&schema, &format!("[[{}]]", numbers.join(","))).await;
    let required: Vec<String> = (0..5000).map(|n| format!("\"r{n}\"")).collect();
    let schema = format!("{{\"items\":{{\"anyOf\":[{{\"required\":[{}]}},true]}}}}", required.join(","));
    check_bounded(&schema, &format!("[{}{{}}]", "{},".repeat(100_000))).await;
}

/// A deterministic pseudo-random text of `a` and `b`, which defeats the DFA's state cache.
fn random_text(length: usize) -> String {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { 'a' } else { 'b' }
    };
    (0..length).map(next).collect()
}

#[tokio::test]
async fn patterns_times_a_large_text_are_bounded() {
    let pattern = "{\"pattern\":\"[ab]*a[ab]{400}c\"}";
    let schema = format!("{{\"anyOf\":[{}]}}", vec![pattern; 50].join(","));
    check_bounded(&schema, &format!("\"{}\"", random_text(400_000))).await;
    let patterns: Vec<String> = (0..150).map(|n| format!("\"^a*b{n}$\":true")).collect();
    let schema = format!("{{\"patternProperties\":{{{}}}}}", patterns.join(","));
    let members: Vec<String> = (0..60_000).map(|n| format!("\"m{n}\":0")).collect();
    check_bounded(&schema, &format!("{{{}}}", members.join(","))).await;
}

/// Common schemas stay far below the step limit.
#[tokio::test]
async fn usual_checks_of_large_documents_are_affordable() {
    let schema = "{\"items\":{\"type\":\"object\",\"required\":[\"name\",\"port\"],\"additionalProperties\":false,\
                  \"properties\":{\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"maxLength\":63},\
                  \"port\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535},\
                  \"kind\":{\"oneOf\":[{\"const\":\"a\"},{\"const\":\"b\"},{\"const\":\"c\"}]}}}}";
    let document = format!("[{}]", vec!["{\"name\":\"web\",\"port\":80,\"kind\":\"c\"}"; 25_000].join(","));
    assert!(document.len() > 800_000);
    let offered = offered(schema).await.expect("a schema");
    assert!(offered.validator.violations(&content(&document)).await.expect("affordable").is_empty());
}
