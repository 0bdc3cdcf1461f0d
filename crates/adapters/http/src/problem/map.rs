//! Mapping of use case errors to problems.

use super::{Code, Problem};
use crate::reply::rfc3339;
use application::ports::{MemberFault, MemberRefusal, Violation};
use application::{DocumentFailure, DocumentFault, Error, PATCH_OPERATIONS_MAX, StepFailure};
use domain::limits::{MEMBERS_MAX, NESTING_MAX};
use domain::{NameError, Rejection, SchemaName, TextError};
use serde_json::{Value, json};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Unauthenticated(_) => Self::new(Code::Unauthenticated, detail),
            Error::Forbidden(_) => Self::new(Code::Forbidden, detail),
            Error::NotFound { what, .. } => match missing(what) {
                Some(code) => Self::new(code, detail),
                None => Self::internal(detail),
            },
            Error::Invalid { field, message } => Self::new(Code::InvalidBody, message).with("field", field),
            Error::PatchInvalid { operation, place, .. } => {
                let problem = Self::new(Code::InvalidBody, detail).with("field", place);
                match operation {
                    Some(at) => problem.with("operation", at),
                    None => problem.with("limit", PATCH_OPERATIONS_MAX),
                }
            }
            Error::PatchFailed { operation, pointer, .. } => {
                Self::new(Code::PatchFailed, detail).with("operation", operation).with("pointer", pointer)
            }
            Error::FutureRevision { wanted, newest } => Self::new(Code::FutureRevision, detail)
                .with("parameter", "revision")
                .with("revision", wanted.0)
                .with("newest_revision", newest.0),
            Error::FutureTime { now } => {
                Self::new(Code::FutureRevision, detail).with("parameter", "at").with("now", rfc3339(now))
            }
            Error::TooManyChanges { at_least, max } => {
                Self::new(Code::TooManyChanges, detail).with("at_least", at_least).with("limit", max)
            }
            Error::Document(fault) => fault.into(),
            Error::Rejected(rejection) => rejection.into(),
            Error::Withheld(rejection) => withheld(&rejection),
            Error::ValidationFailed { violations, .. } => {
                Self::new(Code::ValidationFailed, detail).with("errors", errors(&violations))
            }
            Error::CheckTooExpensive { steps_max } => {
                Self::new(Code::SchemaCheckTooExpensive, detail).with("limit", steps_max)
            }
            Error::ChecksBusy => Self::new(Code::SchemaChecksBusy, detail),
            Error::SchemaInvalid(violations) => {
                Self::new(Code::InvalidSchema, detail).with("errors", errors(&violations))
            }
            Error::SchemaBreaksDocuments(breaks) => Self::new(Code::SchemaBreaksDocuments, detail)
                .with("total", breaks.total)
                .with("failures", failures(&breaks.failures)),
            Error::StepsInvalid(failures) => Self::new(Code::ValidationFailed, detail)
                .with("operation", failures.first().map(|failure| failure.step))
                .with("errors", step_errors(&failures)),
            Error::HistoryPruned { config, oldest } => Self::new(Code::HistoryPruned, detail)
                .with("key", config.key.as_str())
                .with("oldest_version", oldest.0),
            Error::ReplayPruned { config, revision, oldest, .. } => Self::new(Code::HistoryPruned, detail)
                .with("key", config.key.as_str())
                .with("revision", revision.0)
                .with("oldest_version", oldest.0),
            Error::ReplayedSchemaGone { schema, revision, .. } => Self::new(Code::HistoryPruned, detail)
                .with("schema", schema.name.as_str())
                .with("revision", revision.0),
            Error::Step { step, error } => Self::from(*error).with("operation", step),
            Error::SecretShownOnce(id) => Self::new(Code::SecretShownOnce, detail).with("id", id.as_str()),
            Error::Member(refusal) => refusal.into(),
            Error::Contended => Self::new(Code::Contended, detail),
            Error::NoLeader => Self::new(Code::NoLeader, detail),
            Error::DiskFull => Self::new(Code::DiskFull, detail),
            Error::Overloaded => Self::new(Code::Overloaded, detail),
            Error::Behind { at, wanted } => {
                Self::new(Code::Behind, detail).with("revision", at).with("min_revision", wanted)
            }
            Error::OutcomeUnknown => Self::new(Code::OutcomeUnknown, detail),
            Error::SignInFailed => Self::new(Code::SignInFailed, detail),
            Error::SecondFactorFailed => Self::new(Code::SecondFactorFailed, detail),
            Error::SessionOver => Self::new(Code::SessionOver, detail),
            Error::TooManyAttempts { retry_after_ms } => {
                let seconds = u64::try_from(retry_after_ms).unwrap_or_default().div_ceil(1000).max(1);
                let detail = format!("too many attempts failed; try again in {seconds} s");
                Self::new(Code::TooManyAttempts, detail).retry_after(seconds)
            }
            Error::RegistrationClosed => Self::new(Code::RegistrationClosed, detail),
            Error::SecondFactorRequired => Self::new(Code::SecondFactorRequired, detail),
            Error::BeyondOwnRights => Self::new(Code::BeyondOwnRights, detail),
            Error::Taken(what) => Self::new(Code::Taken, detail).with("field", what),
            Error::LastAdministrator => Self::new(Code::LastAdministrator, detail),
            Error::LimitReached { what, max } => {
                Self::new(Code::QuotaExceeded, detail).with("limit", what).with("max", max)
            }
            Error::ProviderUnavailable(cause) => Self::new(Code::ProviderUnavailable, detail).because(cause),
            Error::ProviderInvalid(_) => Self::new(Code::ProviderInvalid, detail),
            Error::ProviderRefused => Self::new(Code::ProviderRefused, detail),
            Error::IdentityUnavailable(cause) => {
                let problem = Self::new(Code::IdentityUnavailable, detail);
                match cause {
                    Some(cause) => problem.because(cause),
                    None => problem,
                }
            }
            Error::Internal(cause) => Self::internal(cause),
        }
    }
}

/// The code for a missing object of the kind `what`.
fn missing(what: &str) -> Option<Code> {
    Some(match what {
        "project" => Code::ProjectNotFound,
        "environment" => Code::EnvironmentNotFound,
        "config" => Code::ConfigNotFound,
        "schema" => Code::SchemaNotFound,
        "version" | "schema version" => Code::VersionNotFound,
        "API key" => Code::ApiKeyNotFound,
        "user" => Code::UserNotFound,
        "session" => Code::SessionNotFound,
        "invitation" => Code::InvitationNotFound,
        "member" => Code::MemberNotFound,
        "role" => Code::RoleNotFound,
        "group" => Code::GroupNotFound,
        "organisation" => Code::OrganisationNotFound,
        "identity provider" => Code::ProviderNotFound,
        "second_factor" | "second factor" => Code::SecondFactorNotFound,
        _ => return None,
    })
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let detail = rejection.to_string();
        let code = match rejection {
            Rejection::Denied(denied) => return Error::from(denied).into(),
            Rejection::GrantExceedsOwn => Code::GrantExceedsOwn,
            Rejection::AlreadyBootstrapped => Code::AlreadyBootstrapped,
            Rejection::ProjectExists(_) => Code::ProjectExists,
            Rejection::ProjectNotFound(_) => Code::ProjectNotFound,
            Rejection::ProjectNotEmpty(_) => Code::ProjectNotEmpty,
            Rejection::EnvironmentExists(_) => Code::EnvironmentExists,
            Rejection::EnvironmentNotFound(_) => Code::EnvironmentNotFound,
            Rejection::EnvironmentNotEmpty(_) => Code::EnvironmentNotEmpty,
            Rejection::SchemaExists(_) => Code::SchemaExists,
            Rejection::SchemaNotFound(_) => Code::SchemaNotFound,
            Rejection::BindingUnknown { id, version } => {
                return Self::new(Code::UnknownSchema, detail)
                    .with("schema", json!({ "name": id.name.as_str(), "version": version.map(|v| v.0) }));
            }
            Rejection::SchemaInUse { bound_documents, .. } => {
                return Self::new(Code::SchemaInUse, detail).with("bound_documents", bound_documents);
            }
            Rejection::SchemaUsed { by, .. } => {
                let by: Vec<&str> = by.iter().map(SchemaName::as_str).collect();
                return Self::new(Code::SchemaInUse, detail).with("used_by", by);
            }
            Rejection::SchemaVersionConflict { expected, current, .. } => {
                return Self::new(Code::SchemaVersionConflict, detail)
                    .with("expected_version", expected.0)
                    .with("current_version", current.0);
            }
            Rejection::CheckOutdated(_)
            | Rejection::BoundDocumentsChanged(_)
            | Rejection::ReferencesOutdated(_)
            | Rejection::SchemaHeld(_) => Code::Contended,
            Rejection::ConfigNotFound(_) => Code::ConfigNotFound,
            Rejection::VersionConflict { expected, current, updated_by, updated_at, .. } => {
                return Self::new(Code::VersionConflict, detail)
                    .with("expected_version", expected.map(|version| version.0))
                    .with("current_version", current.0)
                    .with("updated_by", updated_by.map(|actor| actor.to_string()))
                    .with("updated_at", updated_at.map(rfc3339));
            }
            Rejection::Operation { operation, rejection } => {
                return Self::from(*rejection).with("operation", operation);
            }
            Rejection::ConfigRepeated(_) => Code::ConfigRepeated,
            Rejection::IdempotencyKeyReused => Code::IdempotencyKeyReused,
            Rejection::ApiKeyExists(_) => Code::ApiKeyExists,
            Rejection::ApiKeyNotFound(_) => Code::ApiKeyNotFound,
            Rejection::NothingToPrune => return Self::internal(detail),
            Rejection::QuotaExceeded { limit, max, used, .. } => {
                return Self::new(Code::QuotaExceeded, detail)
                    .with("limit", limit)
                    .with("max", max)
                    .with("used", used);
            }
            Rejection::MemberRetired(_) => Code::MemberRemoved,
            Rejection::LimitReached { limit, max } => {
                return Self::new(Code::QuotaExceeded, detail).with("limit", limit).with("max", max);
            }
        };
        Self::new(code, detail)
    }
}

/// The refusal for a caller who may not read the details: the code, and values from the request itself.
fn withheld(rejection: &Rejection) -> Problem {
    let needs = |what: &str, permission: &str| format!("{what}; to be told more needs {permission}");
    match rejection {
        Rejection::Operation { operation, rejection } => withheld(rejection).with("operation", *operation),
        Rejection::VersionConflict { id, expected, .. } => {
            let what = format!("config {id} does not meet the precondition");
            Problem::new(Code::VersionConflict, needs(&what, "config:document:read"))
                .with("expected_version", expected.map(|version| version.0))
        }
        Rejection::SchemaVersionConflict { id, expected, .. } => {
            let what = format!("schema {} does not have the expected version", id.name);
            Problem::new(Code::SchemaVersionConflict, needs(&what, "config:schema:read"))
                .with("expected_version", expected.0)
        }
        Rejection::SchemaInUse { id, .. } | Rejection::SchemaUsed { id, .. } => {
            let what = format!("schema {} is in use", id.name);
            Problem::new(Code::SchemaInUse, needs(&what, "config:schema:read"))
        }
        other => Problem::internal(format!("a refusal that quotes nothing was withheld: {other}")),
    }
}

impl From<MemberRefusal> for Problem {
    fn from(refusal: MemberRefusal) -> Self {
        let code = match refusal.fault {
            MemberFault::Exists => Code::MemberExists,
            MemberFault::NotFound => Code::MemberNotFound,
            MemberFault::TooMany => {
                return Self::new(Code::QuotaExceeded, refusal.detail)
                    .with("limit", "members")
                    .with("max", MEMBERS_MAX);
            }
            MemberFault::Unreachable => Code::MemberUnreachable,
            MemberFault::NotJoining => Code::MemberNotJoining,
            MemberFault::Behind => Code::MemberBehind,
            MemberFault::LastVoter => Code::LastVoter,
            MemberFault::QuorumAtRisk => Code::QuorumAtRisk,
            MemberFault::NoSuccessor => Code::NoSuccessor,
            MemberFault::Busy => Code::Contended,
        };
        Self::new(code, refusal.detail)
    }
}

impl From<DocumentFault> for Problem {
    fn from(fault: DocumentFault) -> Self {
        let detail = fault.to_string();
        match fault {
            DocumentFault::Syntax { field, .. } => Self::new(Code::InvalidJson, detail).with("field", field),
            DocumentFault::TooDeep { field } => {
                Self::new(Code::NestingTooDeep, detail).with("limit", NESTING_MAX).with("field", field)
            }
            DocumentFault::TooLarge { field, bytes, bytes_max } => {
                let code = if field == "schema" { Code::SchemaTooLarge } else { Code::DocumentTooLarge };
                Self::new(code, detail).with("bytes", bytes).with("limit_bytes", bytes_max)
            }
        }
    }
}

impl From<NameError> for Problem {
    fn from(error: NameError) -> Self {
        Self::new(Code::InvalidName, error.to_string())
            .with("field", error.field)
            .with("pattern", error.pattern)
            .with("limit_bytes", error.bytes_max)
    }
}

impl From<TextError> for Problem {
    fn from(error: TextError) -> Self {
        Self::new(Code::InvalidBody, error.to_string())
            .with("field", error.field)
            .with("limit_bytes", error.bytes_max)
    }
}

fn errors(violations: &[Violation]) -> Value {
    let one = |violation: &Violation| {
        json!({
            "pointer": violation.pointer,
            "schema_pointer": violation.schema_pointer,
            "keyword": violation.keyword,
            "message": violation.message,
        })
    };
    violations.iter().map(one).collect()
}

/// The violations of all steps, with the number of each step.
fn step_errors(failures: &[StepFailure]) -> Value {
    let of_step = |failure: &StepFailure| {
        let mut all = errors(&failure.violations);
        for error in all.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            error.insert("operation".to_owned(), failure.step.into());
        }
        all.as_array().cloned().unwrap_or_default()
    };
    failures.iter().flat_map(of_step).collect()
}

/// The documents that violate a schema version, as `DocumentFailure`s of the API contract.
pub(crate) fn failures(failures: &[DocumentFailure]) -> Value {
    let one = |failure: &DocumentFailure| {
        json!({
            "environment": failure.id.environment.as_str(),
            "key": failure.id.key.as_str(),
            "version": failure.version.0,
            "errors": errors(&failure.violations),
        })
    };
    failures.iter().map(one).collect()
}
