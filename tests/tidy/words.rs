//! The inner crates name no technology: what they say stays true when a technology is replaced.

use crate::sources::rust_files;
use std::path::PathBuf;

const WORDS: &[&str] = &[
    "axum",
    "docker",
    "etcd",
    "grpc",
    "http",
    "https",
    "hyper",
    "jsonschema",
    "kubernetes",
    "mtls",
    "openapi",
    "openraft",
    "postgres",
    "postgresql",
    "prometheus",
    "protobuf",
    "prost",
    "raft",
    "redb",
    "reqwest",
    "rustls",
    "sql",
    "sqlite",
    "sqlx",
    "tls",
    "tokio",
    "tonic",
    "tower",
    "utoipa",
];

/// Words that the inner crates may say where they do, and why.
///
/// Asynchronous tests need something that runs them; no production code of the inner crates waits.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("crates/application/tests/", "tokio"),
    ("crates/application/src/testing/", "tokio"),
    // The scheme of an URL that a fake shows.
    ("crates/application/src/testing/node.rs", "http"),
    ("crates/application/src/testing/identity/provider.rs", "https"),
    ("crates/application/tests/identity/external.rs", "https"),
];

fn technologies(files: &[(PathBuf, String)]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files {
        for (at, line) in text.lines().enumerate() {
            let lower = line.to_lowercase();
            let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
            for word in words.filter(|word| WORDS.contains(word)) {
                let name = path.to_string_lossy();
                let excepted =
                    EXCEPTIONS.iter().any(|(place, excepted)| name.starts_with(place) && *excepted == word);
                if !excepted {
                    found.push(format!("{name}:{}: {word}", at + 1));
                }
            }
        }
    }
    found
}

#[test]
fn the_inner_crates_name_no_technology() {
    let files = [rust_files("crates/domain"), rust_files("crates/application")].concat();
    let found = technologies(&files);
    assert!(found.is_empty(), "{found:#?}");
}

/// A line with a technology in it, and whether it is reported.
fn check(line: &str, reported: bool) {
    let found = technologies(&[(PathBuf::from("crates/domain/src/example.rs"), line.to_owned())]);
    assert_eq!(!found.is_empty(), reported, "{line}: {found:?}");
}

#[test]
fn technologies_are_found_in_code_and_comments() {
    check("use tokio::sync::Mutex;", true);
    check("// Later this goes to PostgreSQL.", true);
    check("/// The HTTP status.", true);
    check("let http_status = 200;", true);
    check("use openraft::Config;", true);
    check("// craft a draft and rest a while", false);
    check("// the state is replicated", false);
}
