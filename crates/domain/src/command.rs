//! The commands of the replicated state. Append-only: a stored command must decode in every later release.

use crate::access::Principal;
use crate::{
    Actor, ApiKeyId, AuditPlace, Binding, ChangeKind, ClusterId, ConfigId, Content, Dialect, Digest,
    DisplayName, EnvironmentId, EnvironmentName, KeyLabel, KeyRef, MemberId, Message, NewMember, Permission,
    Person, ProjectName, Quotas, RequestId, Retention, Revision, SchemaId, SchemaMode, SchemaRef, SchemaUse,
    SchemaVersion, Timestamp, TraceId, UserId, Version,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// A command with everything that deciding it needs: the actor, the time, the request.
///
/// All random and time-dependent values are chosen before a command is proposed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stamped<C> {
    /// The command.
    pub command: C,
    /// The actor that issued it.
    pub actor: Actor,
    /// The id of the request that issued it.
    pub request_id: RequestId,
    /// The time of the command. The node that received the request sets it by its own clock; the leader
    /// replaces it by its clock when it appends the command to the log.
    pub at: Timestamp,
    /// The idempotency key of the request, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// The resolved rights of a user; `None` for other actors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Arc<Person>>,
    /// The origin of the request.
    #[serde(default, skip_serializing_if = "Provenance::is_empty")]
    pub provenance: Provenance,
}

/// The origin of a request, as far as it is known.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Provenance {
    /// The client's address, as reported by the trusted proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The id of the trace that the request belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// The change message that the request gave outside of its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

impl Provenance {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Command {
    /// The project that the command changes; for a transaction, the project of its first operation.
    pub fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::CreateProject { name, .. }
            | Self::UpdateProject { name, .. }
            | Self::ChangeProject { name, .. }
            | Self::DeleteProject { name } => Some(name),
            Self::CreateEnvironment { id } | Self::DeleteEnvironment { id } => Some(&id.project),
            Self::CreateSchema { id, .. }
            | Self::UpdateSchema { id, .. }
            | Self::HoldSchema { id, .. }
            | Self::DeleteSchema { id, .. } => Some(&id.project),
            Self::PutConfig { id, .. } | Self::DeleteConfig { id, .. } => Some(&id.project),
            Self::Transact { operations, .. } => operations.first().map(|one| &one.id().project),
            Self::CreateApiKey { project, .. } => project.as_ref(),
            Self::RevokeApiKey { key } | Self::RotateApiKey { key, .. } => key.project.as_ref(),
            Self::PruneHistory { .. }
            | Self::Bootstrap { .. }
            | Self::RaiseEpochs { .. }
            | Self::AnchorAudit { .. }
            | Self::AdmitMember { .. }
            | Self::RetireMember { .. }
            | Self::UpdateMember { .. } => None,
        }
    }

    /// Whether the command changes this project or anything in it.
    pub fn is_about(&self, project: &ProjectName) -> bool {
        match self {
            Self::CreateProject { name, .. }
            | Self::UpdateProject { name, .. }
            | Self::ChangeProject { name, .. }
            | Self::DeleteProject { name } => name == project,
            Self::CreateEnvironment { id } | Self::DeleteEnvironment { id } => id.project == *project,
            Self::CreateSchema { id, .. }
            | Self::UpdateSchema { id, .. }
            | Self::HoldSchema { id, .. }
            | Self::DeleteSchema { id, .. } => id.project == *project,
            Self::PutConfig { id, .. } | Self::DeleteConfig { id, .. } => id.project == *project,
            Self::Transact { operations, .. } => operations.iter().any(|one| one.id().project == *project),
            Self::PruneHistory { pruned } => pruned.iter().any(|one| one.id.project == *project),
            Self::CreateApiKey { project: owner, .. } => owner.as_ref() == Some(project),
            Self::RevokeApiKey { key } | Self::RotateApiKey { key, .. } => {
                key.project.as_ref() == Some(project)
            }
            Self::Bootstrap { .. }
            | Self::RaiseEpochs { .. }
            | Self::AnchorAudit { .. }
            | Self::AdmitMember { .. }
            | Self::RetireMember { .. }
            | Self::UpdateMember { .. } => false,
        }
    }
}

impl Command {
    /// Whether the command permanently increases disk use. Deletions, revocations and upkeep do not.
    pub fn grows(&self) -> bool {
        match self {
            Self::CreateProject { .. }
            | Self::CreateEnvironment { .. }
            | Self::CreateSchema { .. }
            | Self::UpdateSchema { .. }
            | Self::PutConfig { .. }
            | Self::CreateApiKey { .. } => true,
            Self::Transact { operations, .. } => {
                operations.iter().any(|operation| matches!(operation, Operation::Put { .. }))
            }
            Self::Bootstrap { .. }
            | Self::UpdateProject { .. }
            | Self::ChangeProject { .. }
            | Self::DeleteProject { .. }
            | Self::DeleteEnvironment { .. }
            | Self::HoldSchema { .. }
            | Self::DeleteSchema { .. }
            | Self::DeleteConfig { .. }
            | Self::PruneHistory { .. }
            | Self::RevokeApiKey { .. }
            | Self::RotateApiKey { .. }
            | Self::RaiseEpochs { .. }
            | Self::AnchorAudit { .. }
            | Self::AdmitMember { .. }
            | Self::RetireMember { .. }
            | Self::UpdateMember { .. } => false,
        }
    }

    /// Whether the command is upkeep, which is accepted even when disks are full.
    pub fn is_upkeep(&self) -> bool {
        matches!(
            self,
            Self::Bootstrap { .. }
                | Self::PruneHistory { .. }
                | Self::RevokeApiKey { .. }
                | Self::RaiseEpochs { .. }
                | Self::AnchorAudit { .. }
                | Self::AdmitMember { .. }
                | Self::RetireMember { .. }
                | Self::UpdateMember { .. }
        )
    }
}

impl<C> Stamped<C> {
    /// The principal: the actor with the rights of the request.
    pub fn principal(&self) -> Principal<'_> {
        Principal { actor: &self.actor, person: self.person.as_deref() }
    }
}

/// The idempotency key of a request. A retry with the same key gets the stored receipt and changes nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Idempotency {
    /// The digest of the actor and the client's key; two principals may use the same key.
    pub key: Digest,
    /// The digest of the request; a different request with the same key is refused.
    pub request: Digest,
}

impl Idempotency {
    /// Takes the actor, the client's key `text`, and the digest of the request.
    pub fn new(actor: &Actor, text: &str, request: Digest) -> Self {
        let owner = match actor {
            Actor::System => String::new(),
            Actor::ApiKey(key) => {
                format!("{}/{}", key.project.as_ref().map_or("", ProjectName::as_str), key.id)
            }
            // Names contain no colon, so this cannot equal the owner of an API key.
            Actor::User(user) => format!("user:{user}"),
        };
        Self { key: Digest::of(&[owner.as_bytes(), &[0], text.as_bytes()]), request }
    }
}

/// The condition that a config must meet for a change to be accepted (RFC 9110 section 13).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// The config must not exist (`If-None-Match: *`).
    Absent,
    /// The config must exist, at any version (`If-Match: *`).
    Present,
    /// The config must exist at exactly this version (`If-Match: "7"`).
    Version(Version),
    /// No condition (`overwrite=true`): a put creates or replaces.
    Any,
}

/// The change that a put makes to the binding of a config.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingChange {
    /// Keep the binding; a new config gets none.
    Keep,
    /// Replace the binding; `None` removes it.
    Set(Option<Binding>),
}

/// One operation of a transaction. Every operation is decided on the state before the transaction.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Changes nothing; the transaction is refused if the precondition is not met.
    Check { id: ConfigId, expected: Precondition },
    /// Writes a whole document, as [`Command::PutConfig`] does.
    Put {
        id: ConfigId,
        content: Content,
        binding: BindingChange,
        checked: Option<SchemaRef>,
        expected: Precondition,
        kind: ChangeKind,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_same: bool,
    },
    /// Deletes a config, as [`Command::DeleteConfig`] does.
    Delete { id: ConfigId, expected: Precondition },
}

impl Operation {
    /// The config that the operation concerns.
    pub fn id(&self) -> &ConfigId {
        match self {
            Self::Check { id, .. } | Self::Put { id, .. } | Self::Delete { id, .. } => id,
        }
    }
}

/// The versions of one config to prune.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pruned {
    /// The config.
    pub id: ConfigId,
    /// The oldest version that stays.
    pub oldest: Version,
    /// The oldest version when `bytes` was computed.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub from: Version,
    /// The size of the pruned documents, in bytes; `None` if it was not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_unknown(version: &Version) -> bool {
    *version == Version(0)
}

/// A new API key: its permissions and scope, and the digest of its secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NewApiKey {
    /// The generated id.
    pub id: ApiKeyId,
    /// The label.
    pub name: KeyLabel,
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// The first characters of the secret, for display.
    pub prefix: String,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
    /// The environments in its scope; `None` means all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys in its scope; `None` means all keys.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// The time from which it is refused; `None` means never.
    pub expires_at: Option<Timestamp>,
}

/// A change of the replicated state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Sets the cluster's id and creates the first administrator key. Accepted once.
    Bootstrap { cluster_id: ClusterId, admin_key: NewApiKey },
    /// Creates a project with its environment `default`.
    CreateProject { name: ProjectName, display_name: DisplayName },
    /// Changes the display name of a project.
    UpdateProject { name: ProjectName, display_name: DisplayName },
    /// Changes the display name, the quotas or the retention of a project. `None` leaves a value unchanged.
    ChangeProject {
        name: ProjectName,
        display_name: Option<DisplayName>,
        quotas: Option<Quotas>,
        retention: Option<Retention>,
    },
    /// Deletes a project without configs, together with its environments, schemas and API keys.
    DeleteProject { name: ProjectName },
    /// Creates an environment.
    CreateEnvironment { id: EnvironmentId },
    /// Deletes an environment without configs.
    DeleteEnvironment { id: EnvironmentId },
    /// Creates a schema with its first version. The name must be unused.
    CreateSchema {
        id: SchemaId,
        schema: Content,
        dialect: Dialect,
        mode: SchemaMode,
        /// The schema versions that it refers to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uses: Vec<SchemaUse>,
    },
    /// Registers a new version of a schema. At the revision `checked`, all documents that follow the schema
    /// satisfied the new version.
    UpdateSchema {
        id: SchemaId,
        schema: Content,
        dialect: Dialect,
        mode: Option<SchemaMode>,
        expected: Option<SchemaVersion>,
        checked: Revision,
        /// The schema versions that the new version refers to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uses: Vec<SchemaUse>,
    },
    /// Blocks or unblocks writes of documents that follow a schema. A schema change takes this hold for a
    /// moment when concurrent writes keep outdating its check.
    HoldSchema { id: SchemaId, hold: bool },
    /// Deletes a schema that no config is bound to and no other schema refers to.
    DeleteSchema { id: SchemaId, expected: Option<SchemaVersion> },
    /// Writes a whole document. It satisfies the schema version `checked`, which its binding resolved to at
    /// the time of the check; `None` without a binding.
    PutConfig {
        id: ConfigId,
        content: Content,
        binding: BindingChange,
        checked: Option<SchemaRef>,
        expected: Precondition,
        kind: ChangeKind,
        message: Message,
        /// Create no version if the document and the binding are unchanged. False in commands of older
        /// releases, where every put creates a version.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_same: bool,
    },
    /// Deletes a config; its history stays.
    DeleteConfig { id: ConfigId, expected: Precondition, message: Message },
    /// Applies all operations as one revision, or none of them.
    Transact { operations: Vec<Operation>, message: Message },
    /// Permanently removes old versions from the history; the newest version stays. System actor only, as the
    /// retention of each project requires.
    PruneHistory { pruned: Vec<Pruned> },
    /// Creates an API key of a project; with `None`, of the platform.
    CreateApiKey { project: Option<ProjectName>, key: NewApiKey },
    /// Permanently revokes an API key.
    RevokeApiKey { key: KeyRef },
    /// Replaces the secret of an API key. The previous secret stays valid for `overlap_ms` milliseconds.
    RotateApiKey {
        key: KeyRef,
        hash: Digest,
        prefix: String,
        #[serde(default)]
        overlap_ms: u64,
    },
    /// Invalidates resolved rights and access tokens of these users. System actor only.
    RaiseEpochs { users: Vec<UserId> },
    /// Sets the audit anchor: the start and the end of the audit log in the database. System actor only.
    AnchorAudit { cut: AuditPlace, end: AuditPlace },
    /// Permits a node to join the cluster.
    AdmitMember { member: NewMember },
    /// Removes a member for good; its id is never accepted again.
    RetireMember { id: MemberId },
    /// Permits a member to change its addresses.
    UpdateMember { member: NewMember },
}
