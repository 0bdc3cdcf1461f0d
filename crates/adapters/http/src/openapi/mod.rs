//! The `OpenAPI` 3.1 document: its frame, and the parts common to all operations.

mod answers;
mod compact;

pub(crate) use answers::*;

use crate::extract::{DryRunQuery, JSON_PATCH, MERGE_PATCH, MessageQuery};
use crate::problem::Code;
use crate::router::documented;
use crate::v1::{DryRunBody, IMPORT_ROUTE, ImportAnswer, RefusedLine};
use domain::limits::IDEMPOTENCY_KEY_BYTES_MAX;
use http::Method;
use std::collections::HashMap;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi as Document, Ref, RefOr, Required, Response};
use utoipa::{IntoParams as _, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Guardian",
        description = "A distributed, strongly consistent config service.\n\nEvery refusal is a problem \
            document (RFC 9457, `application/problem+json`) with a stable `code`. Names of query parameters \
            and body members that are not documented here are refused. URLs may have 8 KiB, headers 16 KiB, \
            bodies 2 MiB."
    ),
    tags(
        (name = "projects", description = "Projects and their environments"),
        (name = "schemas", description = "JSON Schemas that documents are held to"),
        (name = "configs", description = "Config documents and their history"),
        (name = "transfer", description = "Whole projects and environments as files"),
        (name = "api-keys", description = "Credentials of programs"),
        (name = "auth", description = "Sign-in, sessions and second factors of people"),
        (name = "users", description = "People, their roles, groups and organisations"),
        (name = "audit", description = "What was done, by whom"),
        (name = "cluster", description = "The nodes"),
        (name = "operations", description = "Probes, metrics and this document; no sign-in")
    ),
    components(schemas(DryRunBody, FailureBody, ImportAnswer, ProblemBody, RefusedLine, ViolationBody))
)]
struct Frame;

/// The document without operations.
pub(crate) fn base() -> Document {
    let mut document = Frame::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    let header = ApiKeyValue::with_description("X-API-Key", "An API key, `gdn_<type>_…`");
    components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(header)));
    let text = "A browser session: `POST /api/v1/auth/login?mode=cookie`. Changes also need `X-CSRF-Token`";
    let cookie = ApiKeyValue::with_description(crate::cookie::ACCESS, text);
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    document
}

/// The text of `openapi.yaml`, generated from the handlers; deterministic.
pub fn openapi_yaml() -> String {
    let mut document = documented().into_openapi();
    complete(&mut document);
    compact::compact(&mut document);
    document.to_yaml().unwrap_or_default()
}

/// The document as JSON without references to headers, parameters and responses.
pub fn openapi_json() -> String {
    let mut document = documented().into_openapi();
    complete(&mut document);
    document.to_json().unwrap_or_default()
}

/// Properties of an operation that the edge uses.
pub(crate) struct Known {
    /// The operation id.
    pub(crate) id: String,
    /// Whether it authenticates the caller.
    pub(crate) identifies: bool,
    /// The media types of its successful responses.
    pub(crate) produces: Vec<String>,
}

/// The properties of all operations, by method and route template.
pub(crate) fn known_operations(document: &mut Document) -> HashMap<(Method, String), Known> {
    let mut known = HashMap::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            if let Some(id) = operation.operation_id.clone() {
                let identifies = operation.security.is_some();
                let produces = produces(operation);
                known.insert((method, path.clone()), Known { id, identifies, produces });
            }
        }
    }
    known
}

/// The media types of an operation's successful responses.
fn produces(operation: &Operation) -> Vec<String> {
    let responses = operation.responses.responses.iter();
    let good = responses.filter(|(status, _)| status.starts_with('2'));
    let kinds = good.filter_map(|(_, response)| match response {
        RefOr::T(response) => Some(response.content.keys().cloned()),
        RefOr::Ref(_) => None,
    });
    kinds.flatten().collect()
}

/// Adds the common headers, parameters and security of every operation.
pub(crate) fn complete(document: &mut Document) {
    for (path, item) in &mut document.paths.paths {
        let api = path.starts_with("/api/");
        for (method, operation) in operations(item) {
            let is_get = method == Method::GET;
            // Users are not part of the replicated state: their operations have no revision.
            let replicated = api && !of_people(path);
            let reads = is_get && replicated;
            // Membership changes are idempotent and have no dry run.
            let changes = !is_get && replicated && !path.starts_with("/api/v1/cluster");
            if let Some(security) = &mut operation.security {
                security.push(SecurityRequirement::new::<_, [String; 0], String>("cookie", []));
            }
            if changes {
                let mut parameters = change_parameters();
                // An import can be repeated without an idempotency key: it skips what is already done.
                if path == IMPORT_ROUTE {
                    parameters.retain(|parameter| matches!(parameter, RefOr::T(p) if p.name == "dry_run"));
                }
                operation.parameters.get_or_insert_default().extend(parameters);
                let responses = &mut operation.responses.responses;
                responses.values_mut().for_each(or_dry_run);
                if responses.contains_key("204") {
                    responses.insert("200".to_owned(), dry_run_answer());
                }
            }
            operation.parameters.iter_mut().flatten().for_each(never_null);
            let patched = patches(operation);
            for (status, response) in &mut operation.responses.responses {
                let RefOr::T(response) = response else { continue };
                let mut add = |name: &str, text: &str, kind: Type| {
                    response.headers.entry(name.to_owned()).or_insert_with(|| header(text, kind));
                };
                add("X-Request-ID", "The request's id", Type::String);
                let success = status.starts_with('2') || status == "304";
                if api {
                    add(
                        "RateLimit-Policy",
                        "The limit that the request counts for: `\"read\";q=100;w=60`",
                        Type::String,
                    );
                    add("RateLimit", "What is left of it: `\"read\";r=42;t=12`", Type::String);
                }
                if success && replicated {
                    add("Guardian-Revision", "The revision that the answer reflects", Type::Integer);
                    add("Guardian-Cluster-Id", "The cluster that the revision belongs to", Type::String);
                }
                if success && changes {
                    let text = "`true`: an earlier request with this Idempotency-Key made the change";
                    add("Idempotent-Replayed", text, Type::String);
                    let text = "`true`: nothing was kept; the body also has the members of `DryRun`";
                    add("Guardian-Dry-Run", text, Type::String);
                }
                if success && reads {
                    add("Guardian-Consistency", "`linearizable` or `stale`", Type::String);
                    let text = "For a stale answer: milliseconds since this node last heard from a leader";
                    add("Guardian-Stale-For-Ms", text, Type::Integer);
                }
                if status == "415" && patched {
                    add("Accept-Patch", "The types of patches", Type::String);
                }
                if status == "304" {
                    add("ETag", "The entity tag that the caller knows", Type::String);
                }
                if retried(status) {
                    add("Retry-After", "Whole seconds to wait before trying again", Type::Integer);
                }
            }
        }
    }
}

/// Whether the operations at the path concern users, their rights or the audit.
fn of_people(path: &str) -> bool {
    const AREAS: [&str; 8] =
        ["auth", "users", "invitations", "members", "roles", "groups", "organisations", "audit"];
    let Some(rest) = path.strip_prefix("/api/v1/") else { return false };
    let rest = rest.strip_prefix("projects/{project}/").unwrap_or(rest);
    AREAS
        .iter()
        .any(|area| rest == *area || rest.strip_prefix(area).is_some_and(|rest| rest.starts_with('/')))
}

/// The parameters of every change.
fn change_parameters() -> Vec<RefOr<Parameter>> {
    let key = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Chosen by the client: a repeat of the request with the same key, within 24 hours or 100,000 such \
             changes, changes nothing again and has the first answer.",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(IDEMPOTENCY_KEY_BYTES_MAX))
                .pattern(Some("^[!-~]+$")),
        ))
        .build();
    let dry_run = DryRunQuery::into_params(|| None).into_iter();
    let message = MessageQuery::into_params(|| None).into_iter();
    dry_run.chain(message).chain([key]).map(RefOr::T).collect()
}

/// Adds the members of `DryRun` as an alternative to the body.
fn or_dry_run(response: &mut RefOr<Response>) {
    let RefOr::T(response) = response else { return };
    let Some(RefOr::T(content)) = response.content.get_mut("application/json") else { return };
    if let Some(body) = content.schema.take() {
        let tried = AllOfBuilder::new().item(body.clone()).item(Ref::from_schema_name("DryRun"));
        let either = AnyOfBuilder::new().item(body).item(tried).build();
        content.schema = Some(RefOr::T(Schema::AnyOf(either)));
    }
}

/// The response of a dry run where the change has no response body.
fn dry_run_answer() -> RefOr<Response> {
    let schema = Ref::from_schema_name("DryRun");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let description = "Only with `dry_run=true`: what would have changed";
    RefOr::T(ResponseBuilder::new().description(description).content("application/json", content).build())
}

/// Whether the request body is a patch.
fn patches(operation: &Operation) -> bool {
    let is_patch = |kind: &String| kind == MERGE_PATCH || kind == JSON_PATCH;
    let Some(RefOr::T(body)) = &operation.request_body else { return false };
    body.content.keys().any(is_patch)
}

/// Removes `null` from a parameter's type: a URL or a header has no `null`.
fn never_null(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(parameter) = parameter
        && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
        && let SchemaType::Array(types) = &mut schema.schema_type
    {
        types.retain(|one| *one != Type::Null);
        if let [only] = types.as_slice() {
            schema.schema_type = SchemaType::Type(only.clone());
        }
    }
}

/// Whether a response with this status may have `Retry-After`.
fn retried(status: &str) -> bool {
    Code::ALL.iter().any(|code| code.retry_after().is_some() && code.status().as_str() == status)
}

/// The operations of a path with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn header(description: &str, kind: Type) -> RefOr<utoipa::openapi::header::Header> {
    let schema = ObjectBuilder::new().schema_type(kind).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build().into()
}
