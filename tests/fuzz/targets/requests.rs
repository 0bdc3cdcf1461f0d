//! Rows of requests that are nearly right: every documented operation with names, headers and bodies that fit,
//! fit somewhere else, or fit nowhere.

use crate::schemas::document;
use crate::world::{Request, World};
use e2e::contract;
use fuzz::{Source, Target};
use serde_json::Value;

/// Most requests of one input.
const REQUESTS_MAX: usize = 12;

const PROJECTS: [&str; 5] = ["demo", "demo", "demo", "other", "UP"];
const ENVIRONMENTS: [&str; 4] = ["default", "default", "prod", "a%2Fb"];
const KEYS: [&str; 9] = ["a", "b", "c", "web.limits", "%C3%A9", "-", "Team%2FA:1@x+y~z", "a%2fb", "a%2F%2Fb"];
const SCHEMAS: [&str; 4] = ["limits", "limits", "free", "%00"];
const IDS: [&str; 4] = ["ak-1-1", "ak-1-2", "ak-admin", "%FF"];
const VERSIONS: [&str; 7] = ["1", "2", "3", "0", "01", "18446744073709551616", "x"];
const QUERIES: [&str; 36] = [
    "consistency=stale",
    "consistency=linearizable",
    "min_revision=1",
    "min_revision=99",
    "page_size=1",
    "page_size=1000",
    "page_size=0",
    "prefix=a",
    "prefix=%2E",
    "prefix=Team/&prefix=a",
    "key=a&key=Team/A:1@x%2By~z",
    "key=.",
    "deleted=true",
    "overwrite=true",
    "snapshot=one",
    "include=content",
    "page_token=e30",
    "version=1",
    "version=2&revision=5",
    "revision=5",
    "revision=99",
    "at=2026-01-01T00:00:00Z",
    "at=2025-12-31",
    "from=1",
    "to=2",
    "message=why",
    "after_revision=1",
    "after_revision=18446744073709551615",
    "wait=0s",
    "wait=1ms",
    "wait=61s",
    "x=1",
    "x",
    "&&",
    "consistency=stale&consistency=stale",
    "%FF=%FF",
];
const HEADERS: [(&str, &[u8]); 27] = [
    ("if-match", b"*"),
    ("if-match", b"\"1\""),
    ("if-match", b"\"2\""),
    ("if-match", b"\"02\""),
    ("if-match", b"W/\"1\""),
    ("if-match", b"1"),
    ("if-match", b"\"1\", \"2\""),
    ("if-match", b"\"18446744073709551615\""),
    ("if-none-match", b"*"),
    ("if-none-match", b"\"2\""),
    ("if-none-match", b"W/\"1\", \"2\""),
    ("if-none-match", b"\xff"),
    ("last-event-id", b"2"),
    ("last-event-id", b"-1"),
    ("content-type", b"application/json"),
    ("content-type", b"APPLICATION/JSON; charset=x"),
    ("content-type", b"text/plain"),
    ("content-type", b"application/merge-patch+json"),
    ("content-type", b"application/json-patch+json"),
    ("content-encoding", b"gzip"),
    ("content-length", b"99999999"),
    ("idempotency-key", b"k"),
    ("x-request-id", b"my:id_1"),
    ("x-request-id", b"no good"),
    ("authorization", b"Bearer gdn_sk_test1"),
    ("authorization", b"Basic eDp5"),
    ("x-api-key", b"gdn_sk_test2"),
];
/// Good bodies by the end of the path they belong to.
const BODIES: [(&str, &str, &str); 23] = [
    ("POST", "/projects", r#"{"name":"other","display_name":"Other"}"#),
    ("PATCH", "{project}", r#"{"display_name":"New"}"#),
    ("POST", "/environments", r#"{"name":"prod"}"#),
    ("POST", "/schemas", r#"{"name":"free","schema":true}"#),
    ("POST", "/schemas", r#"{"name":"free","schema":{"type":"object"},"mode":"strict"}"#),
    ("PUT", "{name}", r#"{"schema":{"type":"object","required":["n"]}}"#),
    ("PUT", "{name}", r#"{"schema":false,"mode":"strict"}"#),
    ("PUT", "{key}", r#"{"content":{"n":3}}"#),
    ("PUT", "{key}", r#"{"content":{"n":3},"schema":null,"message":"why"}"#),
    ("PUT", "{key}", r#"{"content":{"n":"x"},"schema":{"name":"limits"}}"#),
    ("PUT", "{key}", r#"{"content":1e2,"schema":{"name":"limits","version":1}}"#),
    ("PUT", "{key}", r#"{"content":{"a":1,"a":2}}"#),
    ("PUT", "{key}", r#"[{"n":3},null,"by position"]"#),
    ("POST", "/bindings", r#"{"prefixes":["a"],"keys":["b"],"schema":{"name":"limits"}}"#),
    ("PATCH", "{key}", r#"{"n":4,"m":null}"#),
    ("PATCH", "{key}", r#"{"n":"x"}"#),
    ("PATCH", "{key}", r#"[{"op":"test","path":"/n","value":2},{"op":"replace","path":"/n","value":3.0}]"#),
    ("PATCH", "{key}", r#"[{"op":"copy","from":"","path":"/c"},{"op":"move","from":"/c/n","path":"/n"}]"#),
    ("POST", "/rollback", r#"{"to_version":1,"message":"back"}"#),
    ("POST", "/api-keys", r#"{"name":"k","permissions":["config:document:read"]}"#),
    (
        "POST",
        "/api-keys",
        r#"{"name":"k","permissions":["project:key:write"],"environments":["default"],"key_prefixes":["a."]}"#,
    ),
    (
        "POST",
        "/api-keys",
        r#"{"name":"k","permissions":["config:document:write"],"expires_at":"9999-12-31T23:59:59-01:00"}"#,
    ),
    (
        "POST",
        "/api-keys",
        r#"{"name":"k","permissions":["config:document:write"],"expires_at":"2026-06-30T23:59:60.5+00:00"}"#,
    ),
];

fn filled(source: &mut Source<'_>, template: &str) -> String {
    let mut path = template.to_owned();
    for (name, all) in [
        ("{project}", &PROJECTS[..]),
        ("{environment}", &ENVIRONMENTS),
        ("{key}", &KEYS),
        ("{name}", &SCHEMAS),
        ("{id}", &IDS),
        ("{version}", &VERSIONS),
    ] {
        if path.contains(name) {
            path = path.replace(name, source.one_of(all));
        }
    }
    if source.once_in(4) {
        path.push('?');
        path.push_str(source.one_of(&QUERIES));
        if source.once_in(2) {
            path.push('&');
            path.push_str(source.one_of(&QUERIES));
        }
    }
    path
}

/// A body that fits here most of the time, with something in it changed now and then.
fn body(source: &mut Source<'_>, method: &str, template: &str) -> Vec<u8> {
    let fits: Vec<&str> = BODIES
        .iter()
        .filter(|(of, end, _)| *of == method && template.ends_with(end))
        .map(|(.., text)| *text)
        .collect();
    let text =
        if fits.is_empty() || source.once_in(8) { source.one_of(&BODIES).2 } else { source.one_of(&fits) };
    let mut bytes = text.as_bytes().to_vec();
    match source.below(8) {
        0 => {
            // Another value for one member, or one more.
            let mut value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            if let Some(object) = value.as_object_mut() {
                let names: Vec<String> = object.keys().cloned().chain(["more".to_owned()]).collect();
                let name = names[source.below(names.len())].clone();
                object.insert(name, document(source, 3));
            }
            value.to_string().into_bytes()
        }
        1 => {
            let at = source.below(bytes.len());
            bytes[at] = source.byte();
            bytes
        }
        2 => source.bytes(40).to_vec(),
        _ => bytes,
    }
}

/// The type of a body.
fn kind(source: &mut Source<'_>, method: &str, template: &str) -> &'static str {
    if method == "PATCH" && template.ends_with("{key}") {
        return source.one_of(&["application/merge-patch+json", "application/json-patch+json"]);
    }
    "application/json"
}

fn request(source: &mut Source<'_>, operations: &[(String, String)]) -> Request {
    let (method, template) = &operations[source.below(operations.len())];
    let target = filled(source, template);
    let mut headers = Vec::new();
    if !source.once_in(16) {
        headers.push(("x-api-key".to_owned(), b"gdn_sk_test1".to_vec()));
    }
    let has_body = matches!(method.as_str(), "POST" | "PUT" | "PATCH");
    if has_body && !source.once_in(16) {
        headers.push(("content-type".to_owned(), kind(source, method, template).as_bytes().to_vec()));
    }
    for _ in 0..source.below(3) {
        let (name, value) = source.one_of(&HEADERS);
        headers.push((name.to_owned(), value.to_vec()));
    }
    let body = if has_body || source.once_in(16) { body(source, method, template) } else { Vec::new() };
    Request { method: method.clone(), target, headers, body }
}

#[test]
fn requests() {
    let operations: Vec<_> = contract().operations().into_iter().collect();
    let world = World::new();
    Target::new("requests").bytes_max(600).check(|bytes| {
        let mut source = Source::new(bytes);
        world.renew();
        for _ in 0..REQUESTS_MAX {
            if source.is_empty() {
                break;
            }
            world.send(&request(&mut source, &operations));
        }
    });
}
