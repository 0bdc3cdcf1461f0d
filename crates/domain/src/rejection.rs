//! The rejections of the replicated state. All replicas compute the same value; append-only.

use crate::access::Denied;
use crate::{
    Actor, ApiKeyId, ConfigId, EnvironmentId, MemberId, ProjectName, SchemaId, SchemaName, SchemaVersion,
    Timestamp, Version,
};
use serde::{Deserialize, Serialize};

/// The reason why a command was rejected. Nothing changed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The principal lacks a permission, or its credential is not valid.
    #[error("{0}")]
    Denied(Denied),
    /// The command would issue or control an API key with permissions that the principal does not have.
    #[error("an API key cannot grant more than its creator has")]
    GrantExceedsOwn,
    /// The cluster already has an id.
    #[error("the cluster is already bootstrapped")]
    AlreadyBootstrapped,
    /// The project exists.
    #[error("project {0} exists")]
    ProjectExists(ProjectName),
    /// The project does not exist.
    #[error("project {0} does not exist")]
    ProjectNotFound(ProjectName),
    /// The project still holds configs.
    #[error("project {0} still holds configs")]
    ProjectNotEmpty(ProjectName),
    /// The environment exists.
    #[error("environment {} of project {} exists", .0.name, .0.project)]
    EnvironmentExists(EnvironmentId),
    /// The environment does not exist.
    #[error("project {} has no environment {}", .0.project, .0.name)]
    EnvironmentNotFound(EnvironmentId),
    /// The environment still holds configs.
    #[error("environment {} of project {} still holds configs", .0.name, .0.project)]
    EnvironmentNotEmpty(EnvironmentId),
    /// The schema exists.
    #[error("schema {} of project {} exists", .0.name, .0.project)]
    SchemaExists(SchemaId),
    /// The schema does not exist.
    #[error("project {} has no schema {}", .0.project, .0.name)]
    SchemaNotFound(SchemaId),
    /// The binding names a schema, or a schema version, that does not exist.
    #[error("project {} has no {}", .id.project, missing_schema(.id, *.version))]
    BindingUnknown {
        /// The named schema.
        id: SchemaId,
        /// The named version; `None` for the newest.
        version: Option<SchemaVersion>,
    },
    /// Configs are bound to the schema.
    #[error("schema {} is bound to {bound_documents} documents", .id.name)]
    SchemaInUse {
        /// The schema.
        id: SchemaId,
        /// The number of configs that are bound to it.
        bound_documents: u64,
    },
    /// The schema's newest version is not the expected one.
    #[error("schema {} is at version {current}, expected {expected}", .id.name)]
    SchemaVersionConflict {
        /// The schema.
        id: SchemaId,
        /// The version that the client expected.
        expected: SchemaVersion,
        /// The newest version.
        current: SchemaVersion,
    },
    /// The document was not checked against the schema version that its binding now resolves to. The caller
    /// checks again and retries.
    #[error("the schema of {0} changed during the check")]
    CheckOutdated(ConfigId),
    /// A document that follows the schema was written after the check of the new schema version. The caller
    /// checks again and retries.
    #[error("documents bound to schema {} changed during the check", .0.name)]
    BoundDocumentsChanged(SchemaId),
    /// The config does not exist.
    #[error("environment {} of project {} has no config {}", .0.environment, .0.project, .0.key)]
    ConfigNotFound(ConfigId),
    /// The config does not meet the precondition.
    #[error("config {id} does not meet the precondition")]
    VersionConflict {
        /// The config.
        id: ConfigId,
        /// The version in the precondition; `None` if the precondition names no version.
        expected: Option<Version>,
        /// The current version; 0 if the config does not exist.
        current: Version,
        /// The actor of the last change; `None` if the config does not exist.
        updated_by: Option<Actor>,
        /// The time of the last change; `None` if the config does not exist.
        updated_at: Option<Timestamp>,
    },
    /// An operation was rejected, and with it its transaction.
    #[error("operation {operation}: {rejection}")]
    Operation {
        /// The index of the operation, from 0.
        operation: u32,
        /// The reason.
        rejection: Box<Rejection>,
    },
    /// Two operations of a transaction concern the same config.
    #[error("config {0} is in more than one operation")]
    ConfigRepeated(ConfigId),
    /// The idempotency key was used for a different request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The API key's id or secret is already in use.
    #[error("API key {0} exists")]
    ApiKeyExists(ApiKeyId),
    /// The API key does not exist.
    #[error("API key {0} does not exist")]
    ApiKeyNotFound(ApiKeyId),
    /// The change would exceed a quota of the project.
    #[error("project {project} may hold {max} {limit} and holds {used}")]
    QuotaExceeded {
        /// The project.
        project: ProjectName,
        /// The name of the quota, such as `documents` or `history_bytes`.
        limit: String,
        /// The value of the quota.
        max: u64,
        /// The current usage.
        used: u64,
    },
    /// All versions in the command were pruned before.
    #[error("there is nothing to prune")]
    NothingToPrune,
    /// The member id belonged to a removed member.
    #[error("member {0} was removed, and its id is never used again: give the machine a new id and disk")]
    MemberRetired(MemberId),
    /// A limit of the cluster or of a request is reached.
    #[error("the limit {limit} of {max} is reached")]
    LimitReached {
        /// The name of the limit.
        limit: String,
        /// The value of the limit.
        max: u64,
    },
    /// Other schemas refer to the schema.
    #[error("schema {} is used by {}", .id.name, listed(.by))]
    SchemaUsed {
        /// The schema.
        id: SchemaId,
        /// The first schemas that refer to it.
        by: Vec<SchemaName>,
    },
    /// A reference of the schema resolves differently now, or leads back to the schema. The caller resolves
    /// again and retries.
    #[error("what schema {} refers to changed during the check", .0.name)]
    ReferencesOutdated(SchemaId),
    /// Writes of documents that follow the schema are blocked while it is being changed. The caller waits and
    /// retries.
    #[error("schema {} is being changed", .0.name)]
    SchemaHeld(SchemaId),
}

fn missing_schema(id: &SchemaId, version: Option<SchemaVersion>) -> String {
    match version {
        Some(version) => format!("version {version} of schema {}", id.name),
        None => format!("schema {}", id.name),
    }
}

fn listed(names: &[SchemaName]) -> String {
    names.iter().map(SchemaName::as_str).collect::<Vec<_>>().join(", ")
}
