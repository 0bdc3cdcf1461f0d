//! The documented refusals of operations, as sets of codes. Each status of an operation gets one entry that
//! lists its codes.

use crate::problem::Code;
use crate::v1::{ImportAnswer, RefusedLine};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::{Ref, RefOr, Response};

/// Refusals of every API operation with authentication.
pub(crate) const COMMON: &[Code] = &[
    Code::UnknownParameter,
    Code::ConflictingCredentials,
    Code::InvalidHost,
    Code::NotAcceptable,
    Code::Unauthenticated,
    Code::Forbidden,
    Code::CsrfFailed,
    Code::SecondFactorRequired,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::RateLimited,
    Code::Internal,
    Code::NoLeader,
    Code::Overloaded,
];
/// Additional refusals of operations on users.
pub(crate) const PEOPLE: &[Code] = &[
    Code::InvalidParameter,
    Code::OutcomeUnknown,
    Code::Unavailable,
    Code::Behind,
    Code::IdentityUnavailable,
];
/// Refusals of operations without authentication.
pub(crate) const STRANGER: &[Code] = &[
    Code::UnknownParameter,
    Code::InvalidParameter,
    Code::InvalidHost,
    Code::NotAcceptable,
    Code::CsrfFailed,
    Code::TooManyAttempts,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::RateLimited,
    Code::Internal,
    Code::NoLeader,
    Code::Overloaded,
    Code::Behind,
    Code::OutcomeUnknown,
    Code::IdentityUnavailable,
];
/// Refusals of reads.
pub(crate) const READ: &[Code] = &[Code::InvalidParameter, Code::Behind, Code::Unavailable];
/// Refusals of lists.
pub(crate) const LIST: &[Code] = &[Code::InvalidPageToken];
/// Refusals of changes.
pub(crate) const CHANGE: &[Code] = &[
    Code::InvalidParameter,
    Code::InvalidIdempotencyKey,
    Code::IdempotencyKeyReused,
    Code::DiskFull,
    Code::OutcomeUnknown,
];
/// Refusals of operations with a body.
pub(crate) const BODY: &[Code] = &[
    Code::InvalidJson,
    Code::RequestTimeout,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidBody,
    Code::UnknownField,
    Code::NestingTooDeep,
];
/// Refusals of operations below a project.
pub(crate) const IN_PROJECT: &[Code] = &[Code::InvalidName, Code::ProjectNotFound];
/// Refusals of operations below an environment.
pub(crate) const IN_ENVIRONMENT: &[Code] =
    &[Code::InvalidName, Code::ProjectNotFound, Code::EnvironmentNotFound];
/// Refusals of config changes.
pub(crate) const GUARDED: &[Code] =
    &[Code::InvalidPrecondition, Code::PreconditionRequired, Code::VersionConflict];

/// Why a request was refused (RFC 9457). Some codes have further members.
#[derive(ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/version_conflict", "title": "The config has another version", "status": 412,
    "detail": "config demo/default/checkout.limits does not meet the precondition",
    "instance": "0198c0de-7a5b-7c1d-9e2f-3a4b5c6d7e8f", "code": "version_conflict",
    "expected_version": 3, "current_version": 4, "updated_by": "api-key:0198c0de",
    "updated_at": "2026-11-21T09:30:00.125Z"
}))]
#[expect(dead_code, reason = "only documents what problem::render writes")]
pub(crate) struct ProblemBody {
    /// A relative reference, `/problems/<code>`.
    r#type: String,
    /// What the code means.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, for people.
    detail: String,
    /// The request's id.
    instance: String,
    /// Stable; for programs.
    code: String,
    /// What is wrong with a document or a schema (`validation_failed`, `invalid_schema`).
    errors: Option<Vec<ViolationBody>>,
    /// What an import did before it ended (`import_refused`, and whatever else ends one).
    report: Option<ImportAnswer>,
    /// The first 100 lines that an import refused (`import_refused`).
    refused: Option<Vec<RefusedLine>>,
    /// Which operation of a transaction or a patch was refused, from 0.
    operation: Option<u64>,
    /// The quota or limit that is reached (`quota_exceeded`); for `nesting_too_deep` a number of levels.
    #[schema(value_type = Option<serde_json::Value>)]
    limit: Option<String>,
    /// Its value (`quota_exceeded`).
    max: Option<u64>,
    /// What the project holds now (`quota_exceeded`).
    used: Option<u64>,
    /// The config whose past is gone (`history_pruned`).
    key: Option<String>,
    /// Its oldest version that is kept (`history_pruned`).
    oldest_version: Option<u64>,
    /// The API key that an earlier request created (`secret_shown_once`).
    id: Option<String>,
    /// How many documents a new schema version would break (`schema_breaks_documents`).
    total: Option<u64>,
    /// The first 100 of them; in a dry run the first 10,000, each with at most 3 errors
    /// (`schema_breaks_documents`). Only those that the caller may read.
    failures: Option<Vec<FailureBody>>,
    /// The version that the client expected (`version_conflict`, `schema_version_conflict`).
    expected_version: Option<u64>,
    /// The present version, 0 when there is none (`version_conflict`, `schema_version_conflict`).
    current_version: Option<u64>,
    /// Who changed the config last (`version_conflict`).
    updated_by: Option<String>,
    /// When it last changed (`version_conflict`).
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    /// How many documents are bound to the schema (`schema_in_use`).
    bound_documents: Option<u64>,
    /// The first 10 of the schemas that use the schema (`schema_in_use`).
    used_by: Option<Vec<String>>,
    /// The place in the body or the name that breaks its rule (`invalid_body`, `unknown_field`,
    /// `invalid_name`, `invalid_json`).
    field: Option<String>,
    /// Where in the document, as a JSON Pointer, cut after 512 characters (`patch_failed`).
    pointer: Option<String>,
    /// The newest revision there is (`future_revision`).
    newest_revision: Option<u64>,
    /// The allowed form of a name (`invalid_name`).
    pattern: Option<String>,
    /// The query parameter (`invalid_parameter`, `unknown_parameter`, `invalid_page_token`).
    parameter: Option<String>,
    /// The media types in which the answer is to be had (`not_acceptable`).
    available: Option<Vec<String>>,
    /// The header (`invalid_precondition`, `unsupported_media_type`, `not_acceptable`, `invalid_host`).
    header: Option<String>,
    /// The limit in bytes that was exceeded (`…_too_large`, `uri_too_long`, `invalid_name`).
    limit_bytes: Option<u64>,
    /// The line of a syntax error in the body, from 1 (`invalid_json`).
    line: Option<u64>,
    /// Its column, from 1 (`invalid_json`).
    column: Option<u64>,
}

/// A document that does not satisfy a schema version.
#[derive(ToSchema)]
#[schema(as = DocumentFailure)]
#[expect(dead_code, reason = "only documents what problem::map writes")]
pub(crate) struct FailureBody {
    /// The environment that holds it.
    environment: String,
    /// Its key.
    key: String,
    /// Its version.
    version: u64,
    /// What is wrong with it.
    errors: Vec<ViolationBody>,
}

/// One reason why a document does not satisfy its schema, or why a schema is not one.
#[derive(ToSchema)]
#[schema(as = Violation)]
#[expect(dead_code, reason = "only documents what problem::map writes")]
pub(crate) struct ViolationBody {
    /// Where in the document, as a JSON Pointer.
    pointer: String,
    /// Which rule of the schema, as a JSON Pointer.
    schema_pointer: String,
    /// The rule's keyword.
    keyword: String,
    /// What is wrong, for people.
    message: String,
    /// Whose document it is, in a transaction: the operation, from 0.
    operation: Option<u64>,
}

/// One response per status among the codes.
pub(crate) fn problems(sets: &[&[Code]]) -> BTreeMap<String, RefOr<Response>> {
    let mut codes: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in sets.iter().copied().flatten() {
        let same = codes.entry(code.status().as_u16()).or_default();
        if !same.contains(code) {
            same.push(*code);
        }
    }
    let entry = |(status, codes): (u16, Vec<Code>)| (status.to_string(), RefOr::T(response(&codes)));
    codes.into_iter().map(entry).collect()
}

fn response(codes: &[Code]) -> Response {
    let lines: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title())).collect();
    let schema = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description(lines.join(" "))
        .content("application/problem+json", ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

/// Names the refusals of an operation, for `responses(…)`.
macro_rules! refusals {
    ($($name:ident: $($set:expr),*;)*) => {
        $(
            struct $name;

            impl utoipa::IntoResponses for $name {
                fn responses() -> std::collections::BTreeMap<
                    String,
                    utoipa::openapi::RefOr<utoipa::openapi::response::Response>,
                > {
                    crate::openapi::problems(&[$($set),*])
                }
            }
        )*
    };
}

pub(crate) use refusals;
