//! Dependencies point inward. The allow-list is the architecture; a change of it is a decision.

use e2e::workspace;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// What each crate of the workspace may use of the others.
const INSIDE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("application", &["domain"]),
    ("adapter-http", &["application", "domain"]),
    ("adapter-oidc", &["application", "domain"]),
    // With the feature `simulation` only.
    ("adapter-raft", &["application", "domain", "planted"]),
    ("adapter-schema", &["application", "domain", "planted"]),
    ("adapter-security", &["application", "domain"]),
    ("adapter-sql", &["application", "domain"]),
    ("adapter-system", &["application", "domain"]),
    ("adapter-telemetry", &[]),
    (
        "guardian",
        &[
            "adapter-http",
            "adapter-oidc",
            "adapter-raft",
            "adapter-schema",
            "adapter-security",
            "adapter-sql",
            "adapter-system",
            "adapter-telemetry",
            "application",
            "domain",
        ],
    ),
    ("e2e", &["domain", "guardian", "postgres-fixture"]),
    ("faults", &["proof"]),
    ("fuzz", &[]),
    ("planted", &[]),
    ("postgres-fixture", &[]),
    ("proof", &[]),
    (
        "sim",
        &[
            "adapter-http",
            "adapter-raft",
            "adapter-schema",
            "adapter-security",
            "adapter-system",
            "application",
            "domain",
            "guardian",
            "planted",
            "proof",
            "unify",
        ],
    ),
    // Only lists features; see its manifest.
    ("unify", &["application"]),
    // The load generator, and probes of single parts of the write path.
    ("bench", &["adapter-raft", "domain"]),
    // The fuzzer knows nothing of what it fuzzes; its targets are tests.
    ("fuzz", &[]),
];

/// What the inner crates may use of the world.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("domain", &["hex", "imbl", "serde", "serde_json", "sha2", "thiserror", "unicode-normalization"]),
    (
        "application",
        &[
            "async-trait",
            "bytes",
            "futures",
            "hex",
            "memchr",
            "secrecy",
            "serde",
            "serde_json",
            "sha2",
            "similar",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
];

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The normal dependencies of every crate of the workspace, as their manifests say.
fn manifests() -> Graph {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&text).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let name = |value: &Value| value["name"].as_str().expect("a name").to_owned();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies").iter();
            let normal = all.filter(|one| one["kind"].is_null()).map(name).collect();
            (name(package), normal)
        })
        .collect()
}

/// Everything that a crate is built with, directly or not.
fn tree(package: &str) -> BTreeSet<String> {
    let text = cargo(&["tree", "--package", package, "--edges", "normal", "--prefix", "none"]);
    let name = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    text.lines().map(name).filter(|name| !name.is_empty() && name != package).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(cargo).args(arguments).current_dir(workspace()).output().expect("cargo can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

fn allowed(list: &[(&str, &[&str])], package: &str) -> Option<BTreeSet<String>> {
    let (_, names) = list.iter().find(|(name, _)| *name == package)?;
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// Every edge that the lists do not allow.
fn forbidden(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (package, used) in graph {
        let Some(inside) = allowed(INSIDE, package) else {
            found.push(format!("{package} is not in the list"));
            continue;
        };
        let outside = allowed(OUTSIDE, package);
        for name in used {
            let fine = if graph.contains_key(name) {
                inside.contains(name)
            } else {
                outside.as_ref().is_none_or(|outside| outside.contains(name))
            };
            if !fine {
                found.push(format!("{package} -> {name}"));
            }
        }
    }
    found
}

#[test]
fn dependencies_point_inward() {
    let found = forbidden(&manifests());
    assert!(found.is_empty(), "not allowed: {found:#?}");
}

#[test]
fn nothing_outer_comes_in_by_a_detour() {
    let members: BTreeSet<String> = manifests().into_keys().collect();
    for (package, _) in INSIDE {
        let inside = allowed(INSIDE, package).expect("it is in the list");
        // What its own may use is theirs to explain.
        let through: BTreeSet<String> =
            inside.iter().flat_map(|name| allowed(INSIDE, name).unwrap_or_default()).collect();
        let built_with = tree(package);
        let extra: Vec<_> = built_with
            .iter()
            .filter(|name| members.contains(*name) && !inside.contains(*name) && !through.contains(*name))
            .collect();
        assert!(extra.is_empty(), "{package} is built with {extra:?}");
    }
}

#[test]
fn the_program_has_no_planted_faults() {
    let built_with = tree("guardian");
    assert!(built_with.contains("adapter-raft"), "cargo tree lists what it is built with");
    for name in ["planted", "unify"] {
        assert!(!built_with.contains(name), "guardian is built with {name}");
    }
}

#[test]
fn only_one_crate_names_each_technology() {
    let graph = manifests();
    for (technology, owners) in [
        ("openraft", &["adapter-raft", "bench", "sim"][..]),
        ("redb", &["adapter-raft", "bench", "sim"]),
        ("raft-log", &["adapter-raft"]),
        ("tonic", &["adapter-raft", "bench", "unify"]),
        ("utoipa", &["adapter-http"]),
        ("axum", &["adapter-http", "guardian", "sim", "unify"]),
        ("jsonschema", &["adapter-schema", "e2e"]),
        ("prometheus", &["adapter-telemetry"]),
        ("sqlx", &["adapter-sql"]),
        ("jsonwebtoken", &["adapter-security"]),
        ("bcrypt", &["adapter-security"]),
        ("totp-rs", &["adapter-security"]),
        ("openidconnect", &["adapter-oidc"]),
        ("testcontainers", &["postgres-fixture"]),
    ] {
        let users: Vec<_> =
            graph.iter().filter(|(_, used)| used.contains(technology)).map(|(name, _)| name).collect();
        assert!(
            users.iter().all(|user| owners.contains(&user.as_str())),
            "{technology} is used by {users:?}"
        );
    }
}

/// Adds an edge to the real graph; the check must name it.
fn check_provoked(package: &str, extra: &str, complaint: &str) {
    let mut graph = manifests();
    graph.entry(package.to_owned()).or_default().insert(extra.to_owned());
    assert_eq!(forbidden(&graph), [complaint], "{package} -> {extra}");
}

#[test]
fn a_wrong_edge_is_reported() {
    check_provoked("domain", "application", "domain -> application");
    check_provoked("application", "adapter-raft", "application -> adapter-raft");
    check_provoked("adapter-http", "adapter-raft", "adapter-http -> adapter-raft");
    check_provoked("adapter-telemetry", "domain", "adapter-telemetry -> domain");
    check_provoked("domain", "openraft", "domain -> openraft");
    check_provoked("application", "axum", "application -> axum");
    check_provoked("newcomer", "serde", "newcomer is not in the list");
}
