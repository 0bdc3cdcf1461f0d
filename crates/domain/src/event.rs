//! What happened. Events say everything that the state and the archive need to know of a change.

use crate::{
    Actor, ApiKey, AuditAnchor, Binding, ChangeKind, ClusterId, ConfigId, Content, Dialect, Digest,
    DisplayName, EnvironmentId, EnvironmentName, Epoch, KeyRef, MemberId, Message, NewMember, ProjectName,
    Provenance, Quotas, RequestId, Retention, Revision, SchemaId, SchemaMode, SchemaRef, SchemaUse,
    SchemaVersion, Timestamp, UserId, Version,
};
use serde::{Deserialize, Serialize};

/// One thing that happened to the replicated state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The cluster got its name.
    ClusterNamed { cluster_id: ClusterId },
    /// A project came to be.
    ProjectCreated { name: ProjectName, display_name: DisplayName },
    /// A project was renamed for people.
    ProjectUpdated { name: ProjectName, display_name: DisplayName },
    /// A project's quotas or retention were set.
    ProjectBounded { name: ProjectName, quotas: Quotas, retention: Retention },
    /// A project went, after everything in it.
    ProjectDeleted { name: ProjectName },
    /// An environment came to be.
    EnvironmentCreated { id: EnvironmentId },
    /// An environment went.
    EnvironmentDeleted { id: EnvironmentId },
    /// A schema version was registered; `first` when it starts a schema.
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
    /// Documents that follow a schema are not to be written for a moment, or may be again.
    SchemaHeld { id: SchemaId, hold: bool },
    /// A schema went; its number goes on if the name is used again.
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
    /// A document was deleted.
    ConfigDeleted { id: ConfigId, version: Version, created_at: Timestamp, message: Message },
    /// A document was written that was the same already, so that its version stays.
    ConfigKept { id: ConfigId, version: Version },
    /// The versions of a config from `from` on and below `oldest` are no longer kept.
    HistoryPruned {
        id: ConfigId,
        from: Version,
        oldest: Version,
        /// The bytes of the documents that went; `None` when nobody counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// An API key came to be.
    ApiKeyCreated { key: ApiKey },
    /// An API key was revoked.
    ApiKeyRevoked { key: KeyRef },
    /// An API key has another secret. The one before is good until `previous_until`, or ended at once.
    ApiKeyRotated {
        key: KeyRef,
        hash: Digest,
        prefix: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous_until: Option<Timestamp>,
    },
    /// An environment was deleted that the scope of an API key named: the key does not reach a later one of that
    /// name.
    ApiKeyNarrowed { key: KeyRef, environment: EnvironmentName },
    /// What was found about a person before this epoch counts for nothing.
    EpochRaised { user: UserId, epoch: Epoch },
    /// How far the audit outside of this state is cut and how far it reaches.
    AuditAnchored { anchor: AuditAnchor },
    /// The answer to this command is kept for requests with the same idempotency key. Comes last.
    AnswerKept {
        key: Digest,
        request: Digest,
        /// The project that it is about; `None` for the platform.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectName>,
    },
    /// A kept answer has expired or gave way to newer ones.
    AnswerForgotten { key: Digest },
    /// A machine was allowed to join the cluster.
    MemberAdmitted { member: NewMember },
    /// A member has to leave; its id never joins again.
    MemberRetired { id: MemberId },
    /// A member was allowed to be at other addresses.
    MemberUpdated { member: NewMember },
}

/// The events of one accepted command, with its place in the order of all.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Committed {
    /// Its place.
    pub revision: Revision,
    /// When it was asked for.
    pub at: Timestamp,
    /// Who asked for it.
    pub actor: Actor,
    /// The request that it came with.
    pub request_id: RequestId,
    /// From where it came.
    pub provenance: Provenance,
    /// What happened, in order.
    pub events: Vec<Event>,
}
