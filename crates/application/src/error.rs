//! The errors of use cases: a closed set, mapped to responses in one place.

use crate::document::DocumentFault;
use crate::ports::identity::{IdentityError, PasswordError, ProviderError};
use crate::ports::{
    ArchiveError, CheckFault, ConsensusError, MemberRefusal, MembershipError, SchemaFault, Violation,
};
use domain::access::Denied;
use domain::{
    ApiKeyId, ConfigId, EnvironmentId, Rejection, Revision, SchemaId, SchemaVersion, Timestamp, Version,
};

/// A document that does not satisfy a new schema version.
#[derive(Clone, Debug)]
pub struct DocumentFailure {
    /// The config.
    pub id: ConfigId,
    /// Its version.
    pub version: Version,
    /// The violations.
    pub violations: Vec<Violation>,
}

/// The documents that do not satisfy a new schema version.
#[derive(Clone, Debug)]
pub struct SchemaBreaks {
    /// The total number.
    pub total: u64,
    /// The first of them, in order of project, environment and key.
    pub failures: Vec<DocumentFailure>,
}

/// An operation of a transaction whose document does not satisfy its schema.
#[derive(Clone, Debug)]
pub struct StepFailure {
    /// The index of the operation, from 0.
    pub step: usize,
    /// The violations.
    pub violations: Vec<Violation>,
}

/// The reason why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request has no valid credential.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller lacks a permission.
    #[error("{0}")]
    Forbidden(Denied),
    /// A named entity does not exist.
    #[error("{what} {name} does not exist")]
    NotFound {
        /// The kind of the entity, such as `config`, `version` or `schema`.
        what: &'static str,
        /// The name of the entity.
        name: String,
    },
    /// A value in the request is not allowed.
    #[error("{field}: {message}")]
    Invalid {
        /// The field, as the API contract names it.
        field: &'static str,
        /// The problem, with the limit.
        message: String,
    },
    /// The patch is malformed.
    #[error("{place}: {message}")]
    PatchInvalid {
        /// The index of the operation, from 0; `None` for the patch as a whole.
        operation: Option<usize>,
        /// The position in the patch: `[2].path`, or `.` for the patch as a whole.
        place: String,
        /// The problem, with the limit.
        message: String,
    },
    /// An operation of a patch cannot be applied to the document.
    #[error("operation {operation} at {pointer:?}: {message}")]
    PatchFailed {
        /// The index of the operation, from 0.
        operation: usize,
        /// The path of the operation, as a JSON Pointer.
        pointer: String,
        /// The reason.
        message: String,
    },
    /// The requested revision does not exist yet.
    #[error("revision {wanted} does not exist yet, the newest is {newest}")]
    FutureRevision {
        /// The requested revision.
        wanted: Revision,
        /// The newest revision.
        newest: Revision,
    },
    /// The requested time is in the future.
    #[error("that time is yet to come")]
    FutureTime {
        /// The current time of this node.
        now: Timestamp,
    },
    /// More configs differ than one change may contain.
    #[error("at least {at_least} configs differ, at most {max} can be changed at a time")]
    TooManyChanges {
        /// The number that was found before the search stopped.
        at_least: usize,
        /// The limit.
        max: usize,
    },
    /// The text of a document is not accepted, whatever its schema.
    #[error(transparent)]
    Document(#[from] DocumentFault),
    /// The replicated state rejected the command.
    #[error("{0}")]
    Rejected(Rejection),
    /// The replicated state rejected the command, and the caller may not read the details. Only the kind of
    /// the rejection and what the request named may be returned.
    #[error("refused, and the credential may not read why")]
    Withheld(Rejection),
    /// The document does not satisfy its schema.
    #[error("the document does not satisfy {schema}")]
    ValidationFailed {
        /// The schema and version, as a message: `schema limits version 3`.
        schema: String,
        /// The violations.
        violations: Vec<Violation>,
    },
    /// The document was not checked, because the check exceeds the step limit.
    #[error("holding the document against its schema needs more than {steps_max} steps")]
    CheckTooExpensive {
        /// The limit, in steps.
        steps_max: u64,
    },
    /// Too many pending schema checks. Nothing was changed; retry later.
    #[error("too many schema checks of the project are waiting")]
    ChecksBusy,
    /// The submitted schema is invalid.
    #[error("the schema is not valid")]
    SchemaInvalid(Vec<Violation>),
    /// Bound documents do not satisfy the new schema version.
    #[error("{} bound documents do not satisfy the new version", .0.total)]
    SchemaBreaksDocuments(SchemaBreaks),
    /// Operations of a transaction have documents that do not satisfy their schemas.
    #[error("{} operations have documents that do not satisfy their schemas", .0.len())]
    StepsInvalid(Vec<StepFailure>),
    /// The requested version of a config was pruned.
    #[error("what {config} was before version {oldest} is no longer kept")]
    HistoryPruned {
        /// The config.
        config: ConfigId,
        /// Its oldest version in the history.
        oldest: Version,
    },
    /// The request is a replay, and the version that it created was pruned.
    #[error(
        "an earlier request did this: it made version {version} of {config} at revision {revision}, and the oldest that is kept is {oldest}"
    )]
    ReplayPruned {
        /// The config.
        config: ConfigId,
        /// The version that the original request created.
        version: Version,
        /// The revision of the original request.
        revision: Revision,
        /// The oldest version of the config in the history.
        oldest: Version,
    },
    /// The request is a replay, and the schema version that it created was deleted with its schema or
    /// project.
    #[error("an earlier request did this: it made version {version} of schema {} of project {} at revision {revision}, which is gone", .schema.name, .schema.project)]
    ReplayedSchemaGone {
        /// The schema.
        schema: SchemaId,
        /// The version that the original request created.
        version: SchemaVersion,
        /// The revision of the original request.
        revision: Revision,
    },
    /// The request is a replay that created this API key, whose secret is not stored.
    #[error("API key {0} was created by an earlier request; its secret is shown only once")]
    SecretShownOnce(ApiKeyId),
    /// An operation of a transaction failed, and with it the whole transaction.
    #[error("operation {step}: {error}")]
    Step {
        /// The index of the operation, from 0.
        step: usize,
        /// The error.
        error: Box<Error>,
    },
    /// The members of the cluster do not allow the change.
    #[error(transparent)]
    Member(MemberRefusal),
    /// Concurrent changes of documents or schema made every check outdated; retry.
    #[error("the schema or its documents kept changing during the check")]
    Contended,
    /// No leader is reachable. Nothing was changed; retry later.
    #[error("no leader is reachable")]
    NoLeader,
    /// A queue is full. Nothing was changed; retry later.
    #[error("too many requests are waiting")]
    Overloaded,
    /// A member is low on disk space. Nothing was changed. Reads, deletes and pruning are still accepted.
    #[error(
        "a member of the cluster is low on disk space; changes that need space are refused until it has more"
    )]
    DiskFull,
    /// This node did not reach the requested revision in time.
    #[error("this node is at revision {at}, behind the requested {wanted}")]
    Behind {
        /// The revision of this node.
        at: u64,
        /// The requested revision.
        wanted: u64,
    },
    /// The change may or may not have been committed.
    #[error("the outcome of the change is unknown")]
    OutcomeUnknown,
    /// Wrong e-mail address or password, or a deactivated user; the response does not say which.
    #[error("the e-mail address or the password is wrong")]
    SignInFailed,
    /// The challenge is invalid, expired or used up, or the code is wrong; the response does not say which.
    #[error("the code is wrong, or the sign-in took too long; begin again")]
    SecondFactorFailed,
    /// The refresh token is unknown or used, or its session has ended.
    #[error("the refresh token is not valid; sign in again")]
    SessionOver,
    /// Too many failed attempts; nothing was checked.
    #[error("too many attempts; try again in {retry_after_ms} ms")]
    TooManyAttempts {
        /// The delay before the next attempt, in milliseconds.
        retry_after_ms: i64,
    },
    /// The registration mode does not allow this registration.
    #[error("registration needs an invitation or an administrator")]
    RegistrationClosed,
    /// The user must set up a second factor before anything else.
    #[error("a second factor is required; set it up first")]
    SecondFactorRequired,
    /// The change would grant or revoke rights that the caller does not have.
    #[error("nobody gives or takes rights that they do not have themselves")]
    BeyondOwnRights,
    /// The value of a unique field is in use; the argument names the field.
    #[error("another has this {0} already")]
    Taken(&'static str),
    /// The change would leave the platform without an active administrator.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// A limit is reached.
    #[error("there can be no more than {max} {what}")]
    LimitReached {
        /// The name of the limit.
        what: &'static str,
        /// The value of the limit.
        max: u64,
    },
    /// The identity provider is unreachable or too slow. Nothing was changed.
    #[error("the identity provider is not available")]
    ProviderUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The response of the identity provider is malformed or unusable.
    #[error("the identity provider's answer cannot be used: {0}")]
    ProviderInvalid(String),
    /// The response of the identity provider fails a check, or the sign-in is unknown.
    #[error("the sign-in through the identity provider failed")]
    ProviderRefused,
    /// The node has no identity database, or it is unavailable. Nothing was changed; retry later.
    #[error("the identity database is not available")]
    IdentityUnavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// An internal error.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<ConsensusError> for Error {
    fn from(error: ConsensusError) -> Self {
        match error {
            ConsensusError::NoLeader => Self::NoLeader,
            ConsensusError::Behind { at, wanted } => Self::Behind { at, wanted },
            ConsensusError::Overloaded => Self::Overloaded,
            ConsensusError::DiskFull => Self::DiskFull,
            ConsensusError::OutcomeUnknown => Self::OutcomeUnknown,
            ConsensusError::Failed(source) => Self::Internal(source),
        }
    }
}

impl From<MembershipError> for Error {
    fn from(error: MembershipError) -> Self {
        match error {
            MembershipError::Consensus(error) => error.into(),
            MembershipError::Rejected(rejection) => Self::Rejected(rejection),
            MembershipError::Refused(refusal) => Self::Member(refusal),
        }
    }
}

impl From<ArchiveError> for Error {
    fn from(error: ArchiveError) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Unavailable(source) => Self::IdentityUnavailable(Some(source)),
            IdentityError::Taken(what) => Self::Taken(what),
            IdentityError::Missing(what) => Self::NotFound { what, name: "that was named".to_owned() },
            IdentityError::LastAdministrator => Self::LastAdministrator,
            IdentityError::Nesting(_) => Self::Invalid { field: "parent", message: error.to_string() },
            IdentityError::Full(what, max) => Self::LimitReached { what, max },
            IdentityError::Failed(source) => Self::Internal(source),
        }
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::Overloaded,
        }
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unknown => Self::not_found("identity provider", "of this name"),
            ProviderError::Unavailable(source) => Self::ProviderUnavailable(source),
            ProviderError::Invalid(what) => Self::ProviderInvalid(what),
            ProviderError::Refused(_) => Self::ProviderRefused,
        }
    }
}

impl From<CheckFault> for Error {
    fn from(fault: CheckFault) -> Self {
        match fault {
            CheckFault::TooExpensive { steps_max } => Self::CheckTooExpensive { steps_max },
            CheckFault::Busy => Self::ChecksBusy,
            CheckFault::Archive(error) => error.into(),
            CheckFault::Failed => Self::Internal(Box::new(fault)),
        }
    }
}

impl From<SchemaFault> for Error {
    fn from(fault: SchemaFault) -> Self {
        match fault {
            SchemaFault::Invalid(violations) => Self::SchemaInvalid(violations),
            SchemaFault::Check(fault) => fault.into(),
            fault @ (SchemaFault::Archive(_) | SchemaFault::Missing(..)) => Self::Internal(Box::new(fault)),
        }
    }
}

/// A receipt of another kind than the command's: state and program disagree.
#[derive(Debug, thiserror::Error)]
#[error("the replicated state answered with an unexpected receipt")]
pub(crate) struct UnexpectedReceipt;

impl Error {
    pub(crate) fn unexpected_receipt() -> Self {
        Self::Internal(Box::new(UnexpectedReceipt))
    }

    /// The error for a config that does not exist.
    pub(crate) fn no_config(id: &ConfigId) -> Self {
        Self::not_found(
            "config",
            format!("{} of environment {} of project {}", id.key, id.environment, id.project),
        )
    }

    /// The error for a schema that does not exist.
    pub(crate) fn no_schema(id: &SchemaId) -> Self {
        Self::not_found("schema", format!("{} of project {}", id.name, id.project))
    }

    /// The error for a schema version that does not exist.
    pub(crate) fn no_schema_version(id: &SchemaId, version: SchemaVersion) -> Self {
        Self::not_found(
            "schema version",
            format!("{version} of schema {} of project {}", id.name, id.project),
        )
    }

    /// The error for an environment that does not exist.
    pub(crate) fn no_environment(id: &EnvironmentId) -> Self {
        Self::not_found("environment", format!("{} of project {}", id.name, id.project))
    }

    #[expect(clippy::needless_pass_by_value, reason = "names and borrowed names alike, in error paths only")]
    pub(crate) fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }
}
