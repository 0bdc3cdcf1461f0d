//! The events of accepted commands. They carry everything that the state and the archive need.

use crate::{
    Actor, ApiKey, AuditAnchor, Binding, ChangeKind, ClusterId, ConfigId, Content, Dialect, Digest,
    DisplayName, EnvironmentId, EnvironmentName, Epoch, KeyRef, MemberId, Message, NewMember, ProjectName,
    Provenance, Quotas, RequestId, Retention, Revision, SchemaId, SchemaMode, SchemaRef, SchemaUse,
    SchemaVersion, Timestamp, UserId, Version,
};
use serde::{Deserialize, Serialize};

/// A change of the replicated state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The cluster id was set.
    ClusterNamed { cluster_id: ClusterId },
    /// A project was created.
    ProjectCreated { name: ProjectName, display_name: DisplayName },
    /// The display name of a project was changed.
    ProjectUpdated { name: ProjectName, display_name: DisplayName },
    /// The quotas or the retention of a project were changed.
    ProjectBounded { name: ProjectName, quotas: Quotas, retention: Retention },
    /// A project was deleted. Comes after the deletions of its contents.
    ProjectDeleted { name: ProjectName },
    /// An environment was created.
    EnvironmentCreated { id: EnvironmentId },
    /// An environment was deleted.
    EnvironmentDeleted { id: EnvironmentId },
    /// A schema version was registered; `first` if it created the schema.
    SchemaRegistered {
        id: SchemaId,
        version: SchemaVersion,
        first: bool,
        schema: Content,
        dialect: Dialect,
        mode: SchemaMode,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uses: Vec<SchemaUse>,
    },
    /// Writes of documents that follow a schema were blocked or unblocked.
    SchemaHeld { id: SchemaId, hold: bool },
    /// A schema was deleted. If the name is used again, versions continue after `version`.
    SchemaDeleted { id: SchemaId, version: SchemaVersion },
    /// A document was written.
    ConfigPut {
        id: ConfigId,
        version: Version,
        kind: ChangeKind,
        binding: Option<Binding>,
        schema: Option<SchemaRef>,
        content: Content,
        digest: Digest,
        created_at: Timestamp,
        message: Message,
    },
    /// A config was deleted.
    ConfigDeleted { id: ConfigId, version: Version, created_at: Timestamp, message: Message },
    /// A put changed neither document nor binding, so the config stays at its version.
    ConfigKept { id: ConfigId, version: Version },
    /// The versions of a config from `from` to before `oldest` were pruned.
    HistoryPruned {
        id: ConfigId,
        from: Version,
        oldest: Version,
        /// The size of the pruned documents, in bytes; `None` if it was not computed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// An API key was created.
    ApiKeyCreated { key: ApiKey },
    /// An API key was revoked.
    ApiKeyRevoked { key: KeyRef },
    /// The secret of an API key was rotated. The previous secret is valid until `previous_until`; with `None`
    /// it ended at once.
    ApiKeyRotated {
        key: KeyRef,
        hash: Digest,
        prefix: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_until: Option<Timestamp>,
    },
    /// An environment in the scope of an API key was deleted and is removed from the scope, so that the key
    /// does not reach a later environment of the same name.
    ApiKeyNarrowed { key: KeyRef, environment: EnvironmentName },
    /// Rights of a user that were resolved before this epoch are no longer accepted.
    EpochRaised { user: UserId, epoch: Epoch },
    /// The audit anchor was set.
    AuditAnchored { anchor: AuditAnchor },
    /// The receipt of this command was stored under its idempotency key. Always the last event.
    AnswerKept {
        key: Digest,
        request: Digest,
        /// The project that the command concerns; `None` for the platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectName>,
    },
    /// A stored receipt expired or was evicted.
    AnswerForgotten { key: Digest },
    /// A node was permitted to join the cluster.
    MemberAdmitted { member: NewMember },
    /// A member was removed; its id is never accepted again.
    MemberRetired { id: MemberId },
    /// A member was permitted to change its addresses.
    MemberUpdated { member: NewMember },
}

/// The events of one accepted command, with its revision and origin.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Committed {
    /// The revision of the command.
    pub revision: Revision,
    /// The recorded time of the command.
    pub at: Timestamp,
    /// The actor that issued the command.
    pub actor: Actor,
    /// The id of the request.
    pub request_id: RequestId,
    /// The origin of the request.
    pub provenance: Provenance,
    /// The events, in order.
    pub events: Vec<Event>,
}
