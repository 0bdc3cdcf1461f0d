//! The `OpenAPI` document is committed, complete and served.

use crate::support::Server;
use axum::body::Body;
use serde_json::Value;

/// The operations without authentication on a node with users.
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

/// The document with all references to headers, parameters and responses resolved, without the headers of
/// every response.
fn expanded(mut document: Value) -> Value {
    let components = document["components"].take();
    let global = document["security"].take();
    let resolve = |part: &mut Value| {
        let reference = part["$ref"].as_str().and_then(|text| text.strip_prefix("#/components"));
        if let Some(found) = reference.and_then(|pointer| components.pointer(pointer)) {
            *part = found.clone();
        }
    };
    for item in document["paths"].as_object_mut().expect("paths").values_mut() {
        for operation in item.as_object_mut().expect("an item").values_mut().filter(|one| one.is_object()) {
            if operation["security"].is_null() {
                operation["security"] = global.clone();
            }
            for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
                resolve(parameter);
            }
            for response in operation["responses"].as_object_mut().expect("responses").values_mut() {
                resolve(response);
                let Some(headers) = response.get_mut("headers").and_then(Value::as_object_mut) else {
                    continue;
                };
                headers.retain(|name, _| {
                    !["X-Request-ID", "RateLimit", "RateLimit-Policy", "Guardian-Cluster-Id"]
                        .contains(&name.as_str())
                });
                headers.values_mut().for_each(resolve);
                if headers.is_empty() {
                    response.as_object_mut().expect("a response").remove("headers");
                }
            }
        }
    }
    document
}

/// The compact document with references resolved equals the full document.
#[test]
fn the_compact_document_says_what_the_whole_one_says() {
    let compact: Value = yaml_serde::from_str(&adapter_http::openapi_yaml()).expect("YAML");
    let whole: Value = serde_json::from_str(&adapter_http::openapi_json()).expect("JSON");
    let names = |document: &Value| -> Vec<String> {
        document["components"]["schemas"].as_object().expect("schemas").keys().cloned().collect()
    };
    assert_eq!(names(&compact), names(&whole));
    let (mut found, mut expected) = (expanded(compact), expanded(whole));
    for (method, path, _) in operations(&expected.clone()) {
        let pointer =
            |name: &str| format!("/paths/{}/{}/{name}", path.replace('/', "~1"), method.to_lowercase());
        let security = |document: &Value| document.pointer(&pointer("security")).cloned().unwrap_or_default();
        let (ours, theirs) = (security(&found), security(&expected));
        assert!(
            ours == theirs || (ours == serde_json::json!([]) && theirs.is_null()),
            "{method} {path}: {ours}"
        );
        // Unlisted refusals are `default`, which must contain all of their codes.
        let responses = found.pointer_mut(&pointer("responses")).and_then(Value::as_object_mut);
        let responses = responses.expect("responses");
        let default = responses.remove("default").unwrap_or_default();
        let mut left = Vec::new();
        for status in
            ["401", "403", "406", "408", "413", "414", "415", "429", "431", "500", "503", "504", "507"]
        {
            let whole = expected.pointer_mut(&pointer("responses")).and_then(Value::as_object_mut);
            if !responses.contains_key(status) {
                left.extend(whole.expect("responses").remove(status));
            }
        }
        let text = default["description"].as_str().unwrap_or_default();
        for response in left {
            for code in response["description"].as_str().expect("a description").split('`').skip(1).step_by(2)
            {
                assert!(text.contains(&format!("`{code}`")), "{method} {path}: {code} is not in {text:?}");
            }
        }
        let responses = |document: &Value| document.pointer(&pointer("responses")).cloned();
        assert_eq!(responses(&found), responses(&expected), "{method} {path}");
        let parameters = |document: &Value| document.pointer(&pointer("parameters")).cloned();
        assert_eq!(parameters(&found), parameters(&expected), "{method} {path}");
    }
}

/// The document must stay small enough for client generators and readers.
#[test]
fn the_committed_document_stays_small() {
    const BYTES_PER_OPERATION: usize = 2_500;
    let text = adapter_http::openapi_yaml();
    let document: Value = yaml_serde::from_str(&text).expect("YAML");
    let most = BYTES_PER_OPERATION * operations(&document).len();
    assert!(text.len() <= most, "openapi.yaml has {} bytes, at most {most} are allowed", text.len());
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
    assert_eq!(operations.len(), 119, "an operation came or went");
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

/// URLs and headers have no `null`, and the form of preconditions is documented.
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
    assert_eq!(preconditions, 8, "a precondition came or went");
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
            let schema = if parameter["schema"]["type"] == "array" {
                &parameter["schema"]["items"]
            } else {
                &parameter["schema"]
            };
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
