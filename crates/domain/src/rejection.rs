//! Every "no" of the replicated state. A value that all replicas compute alike; append-only.

use crate::access::Denied;
use crate::{
    Actor, ApiKeyId, ConfigId, EnvironmentId, MemberId, ProjectName, SchemaId, SchemaName, SchemaVersion,
    Timestamp, Version,
};
use serde::{Deserialize, Serialize};

/// Why a command was not accepted. Nothing changed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// The actor may not.
    #[error("{0}")]
    Denied(Denied),
    /// An API key would get rights that its creator does not have.
    #[error("an API key cannot grant more than its creator has")]
    GrantExceedsOwn,
    /// The cluster has its name already.
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
    /// The config is to be bound to a schema, or a version of it, that does not exist.
    #[error("project {} has no {}", .id.project, missing_schema(.id, *.version))]
    BindingUnknown {
        /// The schema that was named.
        id: SchemaId,
        /// The version that was named.
        version: Option<SchemaVersion>,
    },
    /// The schema still has documents bound to it.
    #[error("schema {} is bound to {bound_documents} documents", .id.name)]
    SchemaInUse {
        /// The schema.
        id: SchemaId,
        /// How many documents are bound to it.
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
    /// The document was checked against another schema version than the one it would be held to now.
    /// Check again and propose again.
    #[error("the schema of {0} changed during the check")]
    CheckOutdated(ConfigId),
    /// A bound document changed after the check of a new schema version. Check it and propose again.
    #[error("documents bound to schema {} changed during the check", .0.name)]
    BoundDocumentsChanged(SchemaId),
    /// The config does not exist.
    #[error("environment {} of project {} has no config {}", .0.environment, .0.project, .0.key)]
    ConfigNotFound(ConfigId),
    /// The config's version is not the expected one.
    #[error("config {id} does not meet the precondition")]
    VersionConflict {
        /// The config.
        id: ConfigId,
        /// The version that the client expected; `None` when it asked for any or for none.
        expected: Option<Version>,
        /// The present version; 0 when the config does not exist.
        current: Version,
        /// Who changed it last.
        updated_by: Option<Actor>,
        /// When it last changed.
        updated_at: Option<Timestamp>,
    },
    /// An operation of a transaction is refused, and with it the whole transaction.
    #[error("operation {operation}: {rejection}")]
    Operation {
        /// Which, from 0.
        operation: u32,
        /// Why.
        rejection: Box<Rejection>,
    },
    /// Two operations of a transaction are about the same config.
    #[error("config {0} is in more than one operation")]
    ConfigRepeated(ConfigId),
    /// The idempotency key belongs to another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyKeyReused,
    /// The API key id is taken.
    #[error("API key {0} exists")]
    ApiKeyExists(ApiKeyId),
    /// The API key does not exist.
    #[error("API key {0} does not exist")]
    ApiKeyNotFound(ApiKeyId),
    /// The project may not hold that much.
    #[error("project {project} may hold {max} {limit} and holds {used}")]
    QuotaExceeded {
        /// The project.
        project: ProjectName,
        /// The quota's name, such as `documents` or `history_bytes`.
        limit: String,
        /// Its value.
        max: u64,
        /// What the project holds now.
        used: u64,
    },
    /// Everything that was to be pruned is gone already.
    #[error("there is nothing to prune")]
    NothingToPrune,
    /// The id belonged to a member that was removed.
    #[error("member {0} was removed, and its id is never used again: give the machine a new id and disk")]
    MemberRetired(MemberId),
    /// A table is full.
    #[error("the limit {limit} of {max} is reached")]
    LimitReached {
        /// The limit's name.
        limit: String,
        /// Its value.
        max: u64,
    },
    /// Other schemas refer to the schema.
    #[error("schema {} is used by {}", .id.name, listed(.by))]
    SchemaUsed {
        /// The schema.
        id: SchemaId,
        /// The first of those that use it.
        by: Vec<SchemaName>,
    },
    /// What the schema refers to is not what it was, or would lead back to it. Look again and propose again.
    #[error("what schema {} refers to changed during the check", .0.name)]
    ReferencesOutdated(SchemaId),
    /// The document follows a schema that is being changed. Wait a moment and propose again.
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
