//! Every way a use case can fail: a closed set, mapped to answers in one place.

use crate::document::DocumentFault;
use crate::ports::identity::{IdentityError, PasswordError, ProviderError};
use crate::ports::{
    ArchiveError, CheckFault, ConsensusError, MemberRefusal, MembershipError, SchemaFault, Violation,
};
use domain::access::Denied;
use domain::{
    ApiKeyId, ConfigId, EnvironmentId, Rejection, Revision, SchemaId, SchemaVersion, Timestamp, Version,
};

/// A document that a new schema version would break.
#[derive(Clone, Debug)]
pub struct DocumentFailure {
    /// Which document.
    pub id: ConfigId,
    /// Its version.
    pub version: Version,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
}

/// The documents that a new schema version would break.
#[derive(Clone, Debug)]
pub struct SchemaBreaks {
    /// How many fail in all.
    pub total: u64,
    /// The first of them, by project, environment and key.
    pub failures: Vec<DocumentFailure>,
}

/// A step of a transaction whose document does not satisfy its schema.
#[derive(Clone, Debug)]
pub struct StepFailure {
    /// Which, from 0.
    pub step: usize,
    /// What is wrong with its document.
    pub violations: Vec<Violation>,
}

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No valid credential came with the request.
    #[error("{0}")]
    Unauthenticated(String),
    /// The credential does not allow it.
    #[error("{0}")]
    Forbidden(Denied),
    /// Something that was named does not exist.
    #[error("{what} {name} does not exist")]
    NotFound {
        /// What kind of thing: `config`, `version`, `schema`, …
        what: &'static str,
        /// What it was called.
        name: String,
    },
    /// A value in the request breaks its rule.
    #[error("{field}: {message}")]
    Invalid {
        /// Where in the request, as the contract names it.
        field: &'static str,
        /// What is wrong, and the limit.
        message: String,
    },
    /// A patch is not one, whatever the document.
    #[error("{place}: {message}")]
    PatchInvalid {
        /// Which operation, from 0; `None` for the patch as a whole.
        operation: Option<usize>,
        /// Where in the patch: `[2].path`, or `.` for the patch as a whole.
        place: String,
        /// What is wrong, and the limit.
        message: String,
    },
    /// An operation of a patch cannot be done on the document.
    #[error("operation {operation} at {pointer:?}: {message}")]
    PatchFailed {
        /// Which operation, from 0.
        operation: usize,
        /// Its path, as a JSON Pointer.
        pointer: String,
        /// Why not.
        message: String,
    },
    /// The revision that was asked for is yet to come.
    #[error("revision {wanted} does not exist yet, the newest is {newest}")]
    FutureRevision {
        /// The revision that was asked for.
        wanted: Revision,
        /// The newest there is.
        newest: Revision,
    },
    /// The time that was asked for is yet to come: what was current then is not known.
    #[error("that time is yet to come")]
    FutureTime {
        /// The time of the node that was asked.
        now: Timestamp,
    },
    /// More configs differ than one change can touch.
    #[error("at least {at_least} configs differ, at most {max} can be changed at a time")]
    TooManyChanges {
        /// How many were found before the search ended.
        at_least: usize,
        /// The limit.
        max: usize,
    },
    /// A document's text is not acceptable, whatever its schema.
    #[error(transparent)]
    Document(#[from] DocumentFault),
    /// The replicated state said no.
    #[error("{0}")]
    Rejected(Rejection),
    /// The replicated state said no, and the actor may not read what it says about it. Only the kind of refusal
    /// and what the request named itself may be told.
    #[error("refused, and the credential may not read why")]
    Withheld(Rejection),
    /// The document does not satisfy its schema.
    #[error("the document does not satisfy {schema}")]
    ValidationFailed {
        /// The schema and version, for people: `schema limits version 3`.
        schema: String,
        /// What is wrong.
        violations: Vec<Violation>,
    },
    /// The document was not checked: that needs more work than is done for one.
    #[error("holding the document against its schema needs more than {steps_max} steps")]
    CheckTooExpensive {
        /// The limit, in steps.
        steps_max: u64,
    },
    /// Nothing was changed, and the same request may succeed later.
    #[error("too many schema checks of the project are waiting")]
    ChecksBusy,
    /// What was offered is not a schema.
    #[error("the schema is not valid")]
    SchemaInvalid(Vec<Violation>),
    /// Bound documents do not satisfy the new schema version.
    #[error("{} bound documents do not satisfy the new version", .0.total)]
    SchemaBreaksDocuments(SchemaBreaks),
    /// Steps of a transaction have documents that do not satisfy their schemas.
    #[error("{} operations have documents that do not satisfy their schemas", .0.len())]
    StepsInvalid(Vec<StepFailure>),
    /// What a config was at that time is no longer kept.
    #[error("what {config} was before version {oldest} is no longer kept")]
    HistoryPruned {
        /// Which config.
        config: ConfigId,
        /// Its oldest version that is kept.
        oldest: Version,
    },
    /// The request was served before, and what it made is no longer kept.
    #[error(
        "an earlier request did this: it made version {version} of {config} at revision {revision}, and the oldest that is kept is {oldest}"
    )]
    ReplayPruned {
        /// Which config.
        config: ConfigId,
        /// The version that the earlier request made.
        version: Version,
        /// The revision that made it.
        revision: Revision,
        /// The config's oldest version that is kept.
        oldest: Version,
    },
    /// The request was served before, and the schema version that it made is gone, with its schema or project.
    #[error("an earlier request did this: it made version {version} of schema {} of project {} at revision {revision}, which is gone", .schema.name, .schema.project)]
    ReplayedSchemaGone {
        /// The schema.
        schema: SchemaId,
        /// The version that the earlier request made.
        version: SchemaVersion,
        /// The revision that made it.
        revision: Revision,
    },
    /// The request was served before and created this API key, whose secret is gone.
    #[error("API key {0} was created by an earlier request; its secret is shown only once")]
    SecretShownOnce(ApiKeyId),
    /// A step of a transaction cannot be done, and so none was.
    #[error("operation {step}: {error}")]
    Step {
        /// Which, from 0.
        step: usize,
        /// Why.
        error: Box<Error>,
    },
    /// The members of the cluster are not fit for the change.
    #[error(transparent)]
    Member(MemberRefusal),
    /// Documents or schema kept changing during the check; try again.
    #[error("the schema or its documents kept changing during the check")]
    Contended,
    /// Nothing was changed, and the same request may succeed later.
    #[error("no leader is reachable")]
    NoLeader,
    /// Nothing was changed, and the same request may succeed later.
    #[error("too many requests are waiting")]
    Overloaded,
    /// Nothing was changed. Reads, deletes and pruning go on, and so does everything once there is space.
    #[error(
        "a member of the cluster is low on disk space; changes that need space are refused until it has more"
    )]
    DiskFull,
    /// This node has not applied the revision that was asked for.
    #[error("this node is at revision {at}, behind the requested {wanted}")]
    Behind {
        /// The revision of this node.
        at: u64,
        /// The revision that was asked for.
        wanted: u64,
    },
    /// The change may or may not have happened.
    #[error("the outcome of the change is unknown")]
    OutcomeUnknown,
    /// The address and the password do not belong together, or the person may not come in: which, is not told.
    #[error("the e-mail address or the password is wrong")]
    SignInFailed,
    /// The second factor was not shown: the challenge is over or used up, or the code is wrong. Which, is not
    /// told.
    #[error("the code is wrong, or the sign-in took too long; begin again")]
    SecondFactorFailed,
    /// The token that carries a session on is unknown, used or over.
    #[error("the refresh token is not valid; sign in again")]
    SessionOver,
    /// Too many attempts failed; nothing was checked.
    #[error("too many attempts; try again in {retry_after_ms} ms")]
    TooManyAttempts {
        /// How long to wait, in milliseconds.
        retry_after_ms: i64,
    },
    /// Nobody may register like this.
    #[error("registration needs an invitation or an administrator")]
    RegistrationClosed,
    /// The person must set up a second factor before anything else.
    #[error("a second factor is required; set it up first")]
    SecondFactorRequired,
    /// Somebody would be given, or made to lose, more than the one who asks has.
    #[error("nobody gives or takes rights that they do not have themselves")]
    BeyondOwnRights,
    /// Another thing has this name already.
    #[error("another has this {0} already")]
    Taken(&'static str),
    /// The platform would be left without an active administrator.
    #[error("this is the last active administrator")]
    LastAdministrator,
    /// A bound was reached.
    #[error("there can be no more than {max} {what}")]
    LimitReached {
        /// Of what.
        what: &'static str,
        /// How many there can be.
        max: u64,
    },
    /// The identity provider cannot be reached or answers nonsense. Nothing was changed.
    #[error("the identity provider is not available")]
    ProviderUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The identity provider answers, but not so that it can be used.
    #[error("the identity provider's answer cannot be used: {0}")]
    ProviderInvalid(String),
    /// What the identity provider says is not acceptable, or the sign-in is not the one that was begun.
    #[error("the sign-in through the identity provider failed")]
    ProviderRefused,
    /// There is no identity database, or it does not answer. Nothing was changed, and the same request may
    /// succeed later.
    #[error("the identity database is not available")]
    IdentityUnavailable(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// Our fault.
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

/// A receipt of another kind than the command's: the replicas disagree with this program.
#[derive(Debug, thiserror::Error)]
#[error("the replicated state answered with an unexpected receipt")]
pub(crate) struct UnexpectedReceipt;

impl Error {
    pub(crate) fn unexpected_receipt() -> Self {
        Self::Internal(Box::new(UnexpectedReceipt))
    }

    /// A config that does not exist, named with what would hold it.
    pub(crate) fn no_config(id: &ConfigId) -> Self {
        Self::not_found(
            "config",
            format!("{} of environment {} of project {}", id.key, id.environment, id.project),
        )
    }

    /// A schema that does not exist, named with its project.
    pub(crate) fn no_schema(id: &SchemaId) -> Self {
        Self::not_found("schema", format!("{} of project {}", id.name, id.project))
    }

    /// A version that a schema does not have.
    pub(crate) fn no_schema_version(id: &SchemaId, version: SchemaVersion) -> Self {
        Self::not_found(
            "schema version",
            format!("{version} of schema {} of project {}", id.name, id.project),
        )
    }

    /// An environment that does not exist, named with its project.
    pub(crate) fn no_environment(id: &EnvironmentId) -> Self {
        Self::not_found("environment", format!("{} of project {}", id.name, id.project))
    }

    #[expect(clippy::needless_pass_by_value, reason = "names and borrowed names alike, in error paths only")]
    pub(crate) fn not_found(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }
}
