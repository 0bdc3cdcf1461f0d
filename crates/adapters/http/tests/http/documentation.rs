//! The `OpenAPI` document is committed, complete and served.

use crate::support::Server;
use axum::body::Body;
use serde_json::Value;

/// What anybody may ask for on a node with people.
const PUBLIC: [&str; 10] = [
    "/.well-known/jwks.json",
    "/api/v1/auth/bootstrap",
    "/api/v1/auth/login",
    "/api/v1/auth/password/reset",
    "/api/v1/auth/providers",
    "/api/v1/auth/providers/{provider}/begin",
    "/api/v1/auth/providers/{provider}/callback",
    "/api/v1/auth/refresh",
    "/api/v1/auth/register",
    "/api/v1/auth/second-factor",
];
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../openapi.yaml");
    let generated = adapter_http::openapi_yaml();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &generated).expect("the document can be written");
    }
    let committed = std::fs::read_to_string(path).expect("openapi.yaml is at the root");
    assert!(committed == generated, "openapi.yaml differs; run with UPDATE=1 if that is meant");
}

async fn document(server: &Server) -> Value {
    server.raw("GET", "/docs/openapi.json", &[], Body::empty()).await.is(200).json()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let mut all = Vec::new();
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                all.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    all
}

#[tokio::test]
async fn every_documented_operation_is_served() {
    let server = Server::new().await;
    let document = document(&server).await;
    assert_eq!(document["openapi"], "3.1.0");
    let operations = operations(&document);
    assert_eq!(operations.len(), 112, "an operation came or went");
    for (method, path, _) in operations {
        let filled = path.replace("{version}", "1").replace(['{', '}'], "").to_lowercase();
        let answer = server.raw(&method, &filled, &[], Body::empty()).await;
        let expected = match path.as_str() {
            path if PUBLIC.contains(&path) && method == "POST" && !path.ends_with("/begin") => 415,
            path if PUBLIC.contains(&path) => 503,
            path if path.starts_with("/api/") => 401,
            _ => 200,
        };
        assert_eq!(answer.status.as_u16(), expected, "{method} {path}");
    }
    let observed = server.world.observed.lock().expect("no panics");
    assert!(observed.iter().all(|(_, route, ..)| route != "unmatched"));
}

#[tokio::test]
async fn every_operation_is_fully_documented() {
    let server = Server::new().await;
    let document = document(&server).await;
    let mut ids = std::collections::BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{place}: the id is taken");
        assert!(operation["summary"].is_string(), "{place}: no summary");
        let named: Vec<&str> = operation["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        assert_eq!(named.len(), path.matches('{').count(), "{place}: path parameters");
        let responses = operation["responses"].as_object().expect("responses");
        for (status, response) in responses {
            assert!(response["headers"]["X-Request-ID"].is_object(), "{place} {status}");
            if status.parse::<u16>().is_ok_and(|status| status >= 400) {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{place} {status}");
            }
        }
        if PUBLIC.contains(&path.as_str()) {
            assert!(operation["security"].is_null(), "{place}: security");
        } else if path.starts_with("/api/") {
            assert!(responses.contains_key("401"), "{place}: no 401");
            assert_eq!(operation["security"].as_array().map(Vec::len), Some(3), "{place}: security");
        }
        if path.starts_with("/api/") {
            assert_eq!(responses.contains_key("415"), operation["requestBody"].is_object(), "{place}: body");
        }
    }
}

/// There is no `null` in a URL or a header, and what a precondition looks like is part of the contract.
#[tokio::test]
async fn parameters_are_documented_as_they_are_sent() {
    let server = Server::new().await;
    let mut preconditions = 0;
    for (method, path, operation) in operations(&document(&server).await) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let place = format!("{method} {path} {}", parameter["name"]);
            assert!(parameter["schema"]["type"].is_string(), "{place}: {}", parameter["schema"]);
            if parameter["in"] == "header" && method != "GET" {
                assert!(parameter["schema"]["pattern"].is_string(), "{place}");
                preconditions += usize::from(parameter["name"] != "Idempotency-Key");
            }
        }
    }
    assert_eq!(preconditions, 7, "a precondition came or went");
}

#[tokio::test]
async fn the_page_stands_alone() {
    let server = Server::new().await;
    for (path, kind) in [
        ("/openapi.yaml", "application/yaml"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/app.js", "text/javascript; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
    ] {
        let answer = server.raw("GET", path, &[], Body::empty()).await.is(200);
        assert_eq!(answer.header("content-type"), kind);
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let outside = text.contains("http://") || text.contains("https://") || text.contains("<script>");
        assert!(path == "/openapi.yaml" || !outside, "{path} refers outside");
    }
}

#[tokio::test]
async fn documented_limits_are_those_of_the_domain() {
    let server = Server::new().await;
    let document = document(&server).await;
    let rules = [
        ("project", domain::ProjectName::PATTERN, domain::limits::NAME_BYTES_MAX),
        ("environment", domain::EnvironmentName::PATTERN, domain::limits::NAME_BYTES_MAX),
        ("key", domain::ConfigKey::PATTERN, domain::limits::CONFIG_KEY_BYTES_MAX),
        ("name", domain::SchemaName::PATTERN, domain::limits::SCHEMA_NAME_BYTES_MAX),
        ("id", domain::ApiKeyId::PATTERN, domain::limits::NAME_BYTES_MAX),
    ];
    for (method, path, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let schema = &parameter["schema"];
            if let Some((name, pattern, max)) = rules.iter().find(|rule| parameter["name"] == rule.0) {
                assert_eq!(schema["pattern"], *pattern, "{method} {path} {name}");
                assert_eq!(schema["maxLength"], *max, "{method} {path} {name}");
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    for (body, member, max) in [
        ("ConfigPut", "message", domain::limits::MESSAGE_BYTES_MAX),
        ("RollbackBody", "message", domain::limits::MESSAGE_BYTES_MAX),
        ("NewProject", "display_name", domain::limits::DISPLAY_NAME_BYTES_MAX),
        ("ProjectChange", "display_name", domain::limits::DISPLAY_NAME_BYTES_MAX),
        ("NewApiKeyBody", "name", domain::limits::KEY_LABEL_BYTES_MAX),
    ] {
        assert_eq!(schemas[body]["properties"][member]["maxLength"], max, "{body} {member}");
    }
    assert_eq!(schemas["JsonPatch"]["maxItems"], application::PATCH_OPERATIONS_MAX);
    for member in ["environments", "key_prefixes"] {
        let max = &schemas["NewApiKeyBody"]["properties"][member]["maxItems"];
        assert_eq!(*max, domain::limits::API_KEY_SCOPES_MAX);
    }
}
