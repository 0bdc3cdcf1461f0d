//! Hostile schemas and documents: each must be refused or end quickly.

use super::{assert_refused, check, check_refused, content, offered, refusals, violations};
use domain::limits::{
    NESTING_MAX, SCHEMA_BYTES_MAX, SCHEMA_NODES_MAX, SCHEMA_PATTERN_BYTES_MAX, SCHEMA_PATTERNS_MAX,
    SCHEMA_REFS_MAX,
};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;
use tokio::time::Instant;

/// Maximum duration of any check here, on a slow machine in a debug build.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn nothing_is_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("supported");
    let address = listener.local_addr().expect("bound");
    let outside = "leads out of this document: remote and file references are not fetched";
    let remote = format!("http://{address}/schema.json");
    check_refused(&format!("{{\"$ref\":\"{remote}\"}}"), "/$ref", outside).await;
    let nested = format!("{{\"items\":[{{\"anyOf\":[{{\"$ref\":\"{remote}#/a\"}}]}}]}}");
    let draft = format!("{{\"$schema\":\"http://json-schema.org/draft-07/schema\",{}", &nested[1..]);
    check_refused(&draft, "/items/0/anyOf/0/$ref", outside).await;
    let behind_unknown = format!("{{\"$ref\":\"#/x/y\",\"x\":{{\"y\":{{\"$ref\":\"{remote}\"}}}}}}");
    check_refused(&behind_unknown, "/x/y/$ref", outside).await;
    let relative =
        format!("{{\"$id\":\"http://{address}/base\",\"$defs\":{{\"a\":{{\"$ref\":\"other\"}}}}}}");
    check_refused(&relative, "/$defs/a/$ref", outside).await;
    let dynamic = format!("{{\"$dynamicRef\":\"{remote}#a\"}}");
    check_refused(&dynamic, "/$dynamicRef", outside).await;
    assert_eq!(listener.accept().map_err(|error| error.kind()).err(), Some(ErrorKind::WouldBlock));
}

#[tokio::test]
async fn no_file_is_read() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), "{\"const\":\"hunter2-secret\"}").expect("written");
    let schema = format!("{{\"$ref\":\"file://{}\"}}", file.path().display());
    let refused = refusals(&schema).await;
    assert_refused(&schema, &refused, "/$ref", "not fetched");
    assert!(!format!("{refused:?}").contains("hunter2"));
}

#[tokio::test]
async fn patterns_are_linear_or_refused() {
    for pattern in ["(?=a)b", "(?!a)b", "(?<=a)b", "(?<!a)b", "(a)\\\\1", "(?<n>a)\\\\k<n>"] {
        let schema = format!("{{\"properties\":{{\"p\":{{\"pattern\":\"{pattern}\"}}}}}}");
        let found = refusals(&schema).await;
        let named = found[0].message.contains("look-around") || found[0].message.contains("back-references");
        assert!(named && found[0].pointer == "/properties/p/pattern", "{found:?}");
    }
    check_refused("{\"patternProperties\":{\"(?=a)\":true}}", "/patternProperties/(?=a)", "look-around")
        .await;
    let huge = "{\"pattern\":\"((a{1,500}){1,500}){1,500}\"}";
    check_refused(huge, "/pattern", "bytes of memory").await;
    check("{\"pattern\":\"^[a-z]+\\\\d$\"}", "\"abc1\"", true).await;
}

/// Twice the text takes about twice the time; a backtracking engine would take at least four times.
#[tokio::test]
async fn a_classic_bomb_takes_linear_time() {
    let offered = offered("{\"pattern\":\"(a+)+$\"}").await.expect("it is a linear pattern");
    let validator = offered.validator;
    let mut best = [Duration::MAX; 2];
    for _ in 0..7 {
        for (times, best) in [1, 2].into_iter().zip(&mut best) {
            let document = content(&format!("\"{}b\"", "a".repeat(times * 100 * 1024)));
            let start = Instant::now();
            assert_eq!(validator.violations(&document).await.expect("it ends").len(), 1);
            *best = start.elapsed().min(*best);
        }
    }
    let [one, two] = best;
    assert!(two < one * 4, "100 KiB took {one:?}, 200 KiB took {two:?}");
}

#[tokio::test]
async fn limits_are_kept_and_named() {
    let nested = |levels: usize| format!("{}true{}", "{\"not\":".repeat(levels), "}".repeat(levels));
    check_refused(&nested(NESTING_MAX + 1), "", "nested deeper than 64").await;
    check_refused(&nested(100_000), "", "").await;
    let size = format!("{{\"title\":\"{}\"}}", "x".repeat(SCHEMA_BYTES_MAX));
    check_refused(&size, "", "at most 262144").await;
    let nodes = format!("{{\"enum\":[{}0]}}", "0,".repeat(SCHEMA_NODES_MAX));
    check_refused(&nodes, "", "more than 10000 values").await;
    let list = |item: &str, count: usize| {
        format!("{{\"$defs\":{{{}}}}}", {
            (0..count).map(|n| format!("\"d{n}\":{item}")).collect::<Vec<_>>().join(",")
        })
    };
    let refused = refusals(&list("{\"$ref\":\"#/$defs/d0\"}", SCHEMA_REFS_MAX + 1)).await;
    assert!(refused[0].message.contains("more than 500 references"), "{refused:?}");
    let refused = refusals(&list("{\"pattern\":\"a\"}", SCHEMA_PATTERNS_MAX + 1)).await;
    assert!(refused[0].message.contains("more than 200 patterns"), "{refused:?}");
    let pattern = format!("{{\"pattern\":\"{}\"}}", "a".repeat(SCHEMA_PATTERN_BYTES_MAX + 1));
    check_refused(&pattern, "/pattern", "more than 1024 bytes").await;
}

#[tokio::test]
async fn references_that_go_in_circles_are_refused() {
    let circles = "refers back to itself";
    check_refused("{\"$ref\":\"#\"}", "", circles).await;
    check_refused("{\"anyOf\":[{\"$ref\":\"#\"},true]}", "", circles).await;
    check_refused("{\"$dynamicAnchor\":\"a\",\"$dynamicRef\":\"#a\"}", "", circles).await;
    let recursive = "{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"$recursiveRef\":\"#\"}";
    check_refused(recursive, "", circles).await;
    let mutual = "{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"not\":{\"$ref\":\"#/$defs/a\"}}}}";
    let refused = refusals(mutual).await;
    assert!(refused[0].message.contains(circles), "{refused:?}");
}

/// Definitions that each apply the next one twice: 2^n evaluations.
fn doubling(levels: usize, apply: &str) -> String {
    let mut definitions = String::new();
    for level in 0..levels {
        let next = format!("{{\"$ref\":\"#/$defs/d{}\"}}", level + 1);
        let _ = write!(definitions, "\"d{level}\":{},", apply.replace('@', &next));
    }
    format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{definitions}\"d{levels}\":{{\"type\":\"null\"}}}}}}")
}

#[tokio::test]
async fn exponential_schemas_are_refused() {
    let start = Instant::now();
    for apply in
        ["{\"allOf\":[@,@]}", "{\"anyOf\":[@,@]}", "{\"oneOf\":[@,@]}", "{\"if\":@,\"then\":@,\"else\":@}"]
    {
        let refused = refusals(&doubling(20, apply)).await;
        assert!(refused[0].message.contains("more than 2000 times"), "{apply}: {refused:?}");
    }
    let refused = refusals(&doubling(100, "{\"allOf\":[@,@]}")).await;
    assert_eq!(refused.len(), 1);
    let inwards = "{\"allOf\":[{\"additionalProperties\":{\"$ref\":\"#\"}},{\"additionalProperties\":{\"$ref\":\"#\"}}]}";
    check_refused(inwards, "", "more than 2000 times").await;
    let twice =
        "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"anyOf\":[{\"properties\":{\"a\":{\"$ref\":\"#\"}}}]}";
    check_refused(twice, "", "more than 2000 times").await;
    let entangled: Vec<String> = (0..400)
        .map(|n| format!("\"d{n}\":{{\"properties\":{{\"p{n}\":true}},\"$ref\":\"#/$defs/d{}\"}}", n + 1))
        .collect();
    let entangled = format!("{{\"$defs\":{{{},\"d400\":true}}}}", entangled.join(","));
    assert_eq!(refusals(&entangled).await.len(), 1);
    assert!(start.elapsed() < DEADLINE, "took {:?}", start.elapsed());
}

/// Alternatives for members of different names cost nothing extra, as in the syntax tree of a language.
#[tokio::test]
async fn recursive_alternatives_are_accepted() {
    let tree = "{\"$ref\":\"#/$defs/e\",\"$defs\":{\"e\":{\"oneOf\":[{\"type\":\"number\"},\
                {\"type\":\"object\",\"required\":[\"add\"],\"properties\":{\"add\":{\"items\":{\"$ref\":\"#/$defs/e\"}}}},\
                {\"type\":\"object\",\"required\":[\"neg\"],\"properties\":{\"neg\":{\"$ref\":\"#/$defs/e\"}}}]}}}";
    check(tree, "{\"add\":[1,{\"neg\":{\"add\":[2,3]}}]}", true).await;
    check(tree, "{\"add\":[1,{\"neg\":{\"add\":[2,\"3\"]}}]}", false).await;
}

/// The deepest document against the longest accepted chains of sub-schemas, on a thread of the pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_worst_accepted_check_fits_the_stack() {
    // Each link nests two schemas in place: the definition and its anyOf.
    let mut definitions = String::new();
    for step in 0..14 {
        let next = format!("{{\"$ref\":\"#/$defs/d{}\"}}", step + 1);
        let _ = write!(definitions, "\"d{step}\":{{\"anyOf\":[{next}]}},");
    }
    let last = "{\"items\":{\"$ref\":\"#/$defs/d0\"},\"type\":\"array\"}";
    let schema = format!("{{\"$ref\":\"#/$defs/d0\",\"$defs\":{{{definitions}\"d14\":{last}}}}}");
    let start = Instant::now();
    let deep = format!("{}1{}", "[".repeat(NESTING_MAX), "]".repeat(NESTING_MAX));
    assert_eq!(violations(&schema, &deep).await.len(), 1);
    let shallow = format!("{}{}", "[".repeat(NESTING_MAX), "]".repeat(NESTING_MAX));
    assert!(violations(&schema, &shallow).await.is_empty());
    assert!(start.elapsed() < DEADLINE, "took {:?}", start.elapsed());
}

/// The most expensive accepted schema, applied to every value of a document, ends in bounded memory.
#[tokio::test]
async fn the_dearest_accepted_check_ends() {
    let start = Instant::now();
    let dear = doubling(8, "{\"anyOf\":[@,@]}");
    let schema = dear.replacen("\"$ref\":\"#/$defs/d0\"", "\"items\":{\"$ref\":\"#/$defs/d0\"}", 1);
    assert_eq!(refusals(&schema).await, Vec::new());
    let document = format!("[{}1]", "1,".repeat(8_000));
    assert_eq!(violations(&schema, &document).await.len(), 100);
    let document = format!("[{}null]", "null,".repeat(8_000));
    assert_eq!(violations(&schema, &document).await.len(), 0);
    assert!(start.elapsed() < DEADLINE, "took {:?}", start.elapsed());
}
