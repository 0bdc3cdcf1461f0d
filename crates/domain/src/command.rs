//! What can be asked of the replicated state. Append-only: a stored command must decode for ever.

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

/// A command with everything that deciding it may need: who, when, and under which request.
///
/// Nothing random or time-dependent happens later than this.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stamped<C> {
    /// What is asked.
    pub command: C,
    /// Who asks.
    pub actor: Actor,
    /// The request that it came with.
    pub request_id: RequestId,
    /// When the command was taken: by the clock of the leader once it is in the log, before that by the clock
    /// of the node that took the request.
    pub at: Timestamp,
    /// The client's promise that this is the same request as any other with this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<Idempotency>,
    /// What a person who asks may do; nothing for other actors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Arc<Person>>,
    /// From where the request came.
    #[serde(default, skip_serializing_if = "Provenance::is_empty")]
    pub provenance: Provenance,
}

/// From where a request came and why, as far as that is known.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Provenance {
    /// The client's address, by the word of the proxies that are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The trace that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// Why the change is made, as the request says beside its body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

impl Provenance {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Command {
    /// The project that it is about; of a transaction the first one's.
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

    /// Whether it is about this project or something in it.
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
    /// Whether accepting it takes disk space for good. What makes things smaller, or ends rights, or lets the
    /// cluster go on, does not count.
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

    /// Whether the cluster needs it to go on and to become smaller, also when its disks are full.
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
    /// Who asks, with their rights.
    pub fn principal(&self) -> Principal<'_> {
        Principal { actor: &self.actor, person: self.person.as_deref() }
    }
}

/// A key that a client chose for a request, so that sending it again changes nothing again.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Idempotency {
    /// The digest of the key and of whose it is: two principals may choose the same.
    pub key: Digest,
    /// The digest of what was requested; another request must not use the key.
    pub request: Digest,
}

impl Idempotency {
    /// The key `text` of `actor`, for a request with the digest `request`.
    pub fn new(actor: &Actor, text: &str, request: Digest) -> Self {
        let owner = match actor {
            Actor::System => String::new(),
            Actor::ApiKey(key) => {
                format!("{}/{}", key.project.as_ref().map_or("", ProjectName::as_str), key.id)
            }
            // No name holds a colon.
            Actor::User(user) => format!("user:{user}"),
        };
        Self { key: Digest::of(&[owner.as_bytes(), &[0], text.as_bytes()]), request }
    }
}

/// What a config must be for a change of it to go ahead (RFC 9110 section 13).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Precondition {
    /// It must not exist (`If-None-Match: *`).
    Absent,
    /// It must exist, at whatever version (`If-Match: *`).
    Present,
    /// It must exist at exactly this version (`If-Match: "7"`).
    Version(Version),
    /// Any state is fine (`overwrite=true`): a put creates or replaces.
    Any,
}

/// What a put does to the tie between a config and its schema.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BindingChange {
    /// Leave it as it is; a new config gets none.
    Keep,
    /// Replace it, or remove it with `None`.
    Set(Option<Binding>),
}

/// One step of a transaction. All steps see the state before the transaction.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Changes nothing, but the transaction is refused unless the config is as expected.
    Check { id: ConfigId, expected: Precondition },
    /// Writes a whole document, like [`Command::PutConfig`].
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
    /// Deletes a document, like [`Command::DeleteConfig`].
    Delete { id: ConfigId, expected: Precondition },
}

impl Operation {
    /// The config that it is about.
    pub fn id(&self) -> &ConfigId {
        match self {
            Self::Check { id, .. } | Self::Put { id, .. } | Self::Delete { id, .. } => id,
        }
    }
}

/// Versions of one config that are no longer kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pruned {
    /// Which config.
    pub id: ConfigId,
    /// The oldest version that is kept from now on.
    pub oldest: Version,
    /// From which version on the bytes were counted.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub from: Version,
    /// The bytes of the documents that go, as counted; `None` when nobody counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_unknown(version: &Version) -> bool {
    *version == Version(0)
}

/// An API key to be: its rights, and the digest of a secret that was minted before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NewApiKey {
    /// The id that was minted for it.
    pub id: ApiKeyId,
    /// What people call it.
    pub name: KeyLabel,
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// The first characters of the secret.
    pub prefix: String,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// The environments it may reach; `None` for all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys it may reach; `None` for all.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// A change of the replicated state.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Names the cluster and gives it its first administrator key. Accepted once.
    Bootstrap { cluster_id: ClusterId, admin_key: NewApiKey },
    /// Creates a project with its environment `default`.
    CreateProject { name: ProjectName, display_name: DisplayName },
    /// Changes what people call a project.
    UpdateProject { name: ProjectName, display_name: DisplayName },
    /// Changes what people call a project, how much it may hold, and how much of its past is kept. What is
    /// `None` stays.
    ChangeProject {
        name: ProjectName,
        display_name: Option<DisplayName>,
        quotas: Option<Quotas>,
        retention: Option<Retention>,
    },
    /// Deletes a project that holds no configs, with its environments, schemas and keys.
    DeleteProject { name: ProjectName },
    /// Creates an environment.
    CreateEnvironment { id: EnvironmentId },
    /// Deletes an environment that holds no configs.
    DeleteEnvironment { id: EnvironmentId },
    /// Registers a schema under a name that is free.
    CreateSchema {
        id: SchemaId,
        schema: Content,
        dialect: Dialect,
        mode: SchemaMode,
        /// What it refers to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uses: Vec<SchemaUse>,
    },
    /// Registers a new version of a schema. The documents that follow it were found to satisfy the new
    /// version at the revision `checked`.
    UpdateSchema {
        id: SchemaId,
        schema: Content,
        dialect: Dialect,
        mode: Option<SchemaMode>,
        expected: Option<SchemaVersion>,
        checked: Revision,
        /// What it refers to.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uses: Vec<SchemaUse>,
    },
    /// Keeps documents that follow a schema from being written for a moment, so that a change of it that
    /// they keep overtaking comes to an end; or lets them be written again.
    HoldSchema { id: SchemaId, hold: bool },
    /// Deletes a schema that no document is bound to and no other schema uses.
    DeleteSchema { id: SchemaId, expected: Option<SchemaVersion> },
    /// Writes a whole document. It was found to satisfy `checked`, the schema version that its binding
    /// meant at the time; `None` for a document without a schema.
    PutConfig {
        id: ConfigId,
        content: Content,
        binding: BindingChange,
        checked: Option<SchemaRef>,
        expected: Precondition,
        kind: ChangeKind,
        message: Message,
        /// Make no version when the text and the binding are the same already. Without it every put makes one,
        /// as commands of before this rule did.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        keep_same: bool,
    },
    /// Deletes a document; its history stays.
    DeleteConfig { id: ConfigId, expected: Precondition, message: Message },
    /// Does all operations as one revision, or none of them.
    Transact { operations: Vec<Operation>, message: Message },
    /// Takes old versions out of the history, for good; the newest stays. Proposed by the cluster itself
    /// where a project's retention says so.
    PruneHistory { pruned: Vec<Pruned> },
    /// Creates an API key of a project, or of the platform with `None`.
    CreateApiKey { project: Option<ProjectName>, key: NewApiKey },
    /// Revokes an API key for good.
    RevokeApiKey { key: KeyRef },
    /// Gives an API key another secret; the one before ends after `overlap_ms`, with 0 at once.
    RotateApiKey {
        key: KeyRef,
        hash: Digest,
        prefix: String,
        #[serde(default)]
        overlap_ms: u64,
    },
    /// Make what was found about these people until now count for nothing. Of the cluster itself only.
    RaiseEpochs { users: Vec<UserId> },
    /// Remembers how far the audit outside of this state is cut and how far it reaches. Of the cluster itself only.
    AnchorAudit { cut: AuditPlace, end: AuditPlace },
    /// Allows a machine to join the cluster.
    AdmitMember { member: NewMember },
    /// Decides that a member leaves, and that its id never joins again.
    RetireMember { id: MemberId },
    /// Allows a member to be at other addresses.
    UpdateMember { member: NewMember },
}
