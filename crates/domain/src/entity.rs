//! What the replicated state holds: the entities and the composite ids that order them.
//!
//! Fields are public because there is no invariant between them; names and texts carry their own.
//! These types are stored and replicated: fields are only ever added, with a default.

use crate::access::Scope;
use crate::limits::{HISTORY_ROW_BYTES, SCHEMA_HOLD_MS};
use crate::{
    Actor, ApiKeyId, ConfigKey, Digest, DisplayName, EnvironmentName, KeyLabel, Past, Permission,
    ProjectName, Quotas, Retention, Revision, SchemaName, SchemaVersion, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A tenant: the owner of environments, schemas and keys.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Project {
    /// The name in paths.
    pub name: ProjectName,
    /// The name for people.
    pub display_name: DisplayName,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The revision that created it. History older than this belonged to an earlier project of the
    /// same name and is not shown.
    pub created_revision: Revision,
    /// The revision that last changed it.
    pub revision: Revision,
    /// How much it may hold.
    #[serde(default)]
    pub quotas: Quotas,
    /// How much of the past is kept.
    #[serde(default)]
    pub retention: Retention,
}

/// Identifies an environment.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct EnvironmentId {
    /// The owning project.
    pub project: ProjectName,
    /// The name within the project.
    pub name: EnvironmentName,
}

/// A set of configs that are read together, such as `production`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Environment {
    /// What identifies it.
    pub id: EnvironmentId,
    /// When it was created.
    pub created_at: Timestamp,
    /// The revision that created it.
    pub revision: Revision,
}

/// Identifies a schema.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SchemaId {
    /// The owning project.
    pub project: ProjectName,
    /// The name within the project.
    pub name: SchemaName,
}

/// The JSON Schema dialect that a schema is written in.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Draft 4 (2013).
    Draft4,
    /// Draft 6 (2017).
    Draft6,
    /// Draft 7 (2018).
    Draft7,
    /// Draft 2019-09.
    Draft201909,
    /// Draft 2020-12.
    Draft202012,
}

/// How a new schema version treats documents that do not satisfy it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaMode {
    /// Refuse the version while any document that follows the schema fails.
    #[default]
    Strict,
    /// Accept the version all the same: documents that fail may stay until they are next written, and no
    /// write may add one.
    Ratchet,
}

/// A named series of immutable schema versions; the bodies are in the archive.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Schema {
    /// What identifies it.
    pub id: SchemaId,
    /// The newest version: the one that unpinned documents must satisfy.
    pub latest: SchemaVersion,
    /// The oldest version of this incarnation; earlier ones were deleted with their schema.
    pub first: SchemaVersion,
    /// The dialect of the newest version.
    pub dialect: Dialect,
    /// How the newest version treated documents, and the next one will unless it says otherwise.
    pub mode: SchemaMode,
    /// When the newest version was registered.
    pub created_at: Timestamp,
    /// Who registered the newest version.
    pub created_by: Actor,
    /// The revision that registered the newest version.
    pub revision: Revision,
    /// The last revision at which a document that follows this schema was put. A check of the bound
    /// documents made at this revision or later is still good.
    pub bound_changed: Revision,
    /// The schemas of the project that any version of this one refers to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uses: BTreeSet<SchemaName>,
    /// Since when documents that follow the schema are not written, so that a change of it comes to an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_at: Option<Timestamp>,
    /// The bytes of all its versions; those that an older program registered are not counted.
    #[serde(default)]
    pub bytes: u64,
}

impl Schema {
    /// How many versions it has.
    pub fn versions(&self) -> u64 {
        (self.latest.0 + 1).saturating_sub(self.first.0)
    }

    /// Whether documents that follow it are not to be written at the time `at`. Counted both ways, because
    /// the clocks of two nodes differ.
    pub fn is_held(&self, at: Timestamp) -> bool {
        self.held_at.is_some_and(|since| at.0.abs_diff(since.0) < SCHEMA_HOLD_MS.unsigned_abs())
    }
}

/// Identifies a config.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ConfigId {
    /// The owning project.
    pub project: ProjectName,
    /// The environment that holds it.
    pub environment: EnvironmentName,
    /// The key within the environment.
    pub key: ConfigKey,
}

impl ConfigId {
    /// The one that sorts before all others: names sort by their bytes, and "0" is the first.
    pub(crate) fn smallest() -> Self {
        Self {
            project: ProjectName::parse("0").expect("a digit is a name"),
            environment: EnvironmentName::parse("0").expect("a digit is a name"),
            key: ConfigKey::parse("0").expect("a digit is a key"),
        }
    }

    /// The environment that holds it.
    pub fn environment_id(&self) -> EnvironmentId {
        EnvironmentId { project: self.project.clone(), name: self.environment.clone() }
    }

    /// The schema of the same project that has the given name.
    pub fn schema_id(&self, name: &SchemaName) -> SchemaId {
        SchemaId { project: self.project.clone(), name: name.clone() }
    }
}

impl fmt::Display for ConfigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.project, self.environment, self.key)
    }
}

/// Ties a config to a schema of its project.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Binding {
    /// The schema's name.
    pub schema: SchemaName,
    /// The version the document is held to; `None` follows the newest.
    pub pinned: Option<SchemaVersion>,
}

/// One exact schema version of a project.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaRef {
    /// The schema's name.
    pub name: SchemaName,
    /// Its version.
    pub version: SchemaVersion,
}

/// One exact schema version that another schema of the project refers to.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SchemaUse {
    /// The schema's name.
    pub name: SchemaName,
    /// The version that is meant for good.
    pub version: SchemaVersion,
    /// The reference names no version: it is the one that was the newest when the user was registered.
    pub newest: bool,
}

/// What is known about a live config without its body.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Config {
    /// What identifies it.
    pub id: ConfigId,
    /// The version of the newest change.
    pub version: Version,
    /// The revision of the newest change.
    pub revision: Revision,
    /// The schema it is held to.
    pub binding: Option<Binding>,
    /// The digest of the body.
    pub digest: Digest,
    /// The size of the body, in bytes.
    pub bytes: u32,
    /// When the key was created (again).
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who changed it last.
    pub updated_by: Actor,
    /// The oldest version that is kept; 0 and 1 both mean that all are.
    #[serde(default)]
    pub oldest: Version,
    /// The bytes of the documents that are kept beside the newest; `None` in rows of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_bytes: Option<u64>,
}

impl Config {
    /// What is kept of its past, the present document apart.
    pub fn past(&self) -> Past {
        let versions = self.version.0.saturating_sub(self.oldest.0.max(1));
        // Older programs did not count; as if every version was as large as the newest.
        Past::of(versions, self.past_bytes.unwrap_or_else(|| versions.saturating_mul(self.bytes.into())))
    }

    /// The bytes of the documents of its past.
    pub(crate) fn past_documents(&self) -> u64 {
        let past = self.past();
        past.bytes.saturating_sub(past.versions.saturating_mul(HISTORY_ROW_BYTES))
    }
}

/// What is left of a config that was deleted: enough to go on counting.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Retired {
    /// The version of the deletion.
    pub version: Version,
    /// The revision of the deletion.
    pub revision: Revision,
    /// The oldest version that is kept; 0 and 1 both mean that all are.
    #[serde(default)]
    pub oldest: Version,
    /// The bytes of the documents that are kept; not counted in rows of older programs.
    #[serde(default)]
    pub past_bytes: u64,
}

impl Retired {
    /// What is kept of it, the deletion included.
    pub fn past(&self) -> Past {
        Past::of((self.version.0 + 1).saturating_sub(self.oldest.0.max(1)), self.past_bytes)
    }
}

/// Finds an API key: who owns it, and its id there.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KeyRef {
    /// The owning project; `None` for a key of the platform.
    pub project: Option<ProjectName>,
    /// The id.
    pub id: ApiKeyId,
}

/// A credential of a program. The secret itself is never stored, only its digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiKey {
    /// What identifies it.
    pub key: KeyRef,
    /// What people call it.
    pub name: KeyLabel,
    /// SHA-256 of the secret. The secret has 178 random bits, so a fast digest is enough.
    pub hash: Digest,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// The environments it may reach; `None` for all of its project.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The config keys it may reach start with one of these; `None` for all.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: Actor,
    /// The revision that created it or gave it its present secret.
    pub revision: Revision,
    /// The secret before the present one, while it may still be good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// A secret that another one replaced.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PreviousSecret {
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// From when on it is refused.
    pub ends_at: Timestamp,
}

impl ApiKey {
    /// Whether the secret with this digest is good at the time `at`; whether the key itself has expired is another
    /// question.
    pub fn is_opened_by(&self, hash: &Digest, at: Timestamp) -> bool {
        self.hash == *hash
            || self.previous.as_ref().is_some_and(|previous| previous.hash == *hash && at < previous.ends_at)
    }

    /// Where its permissions hold.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            project: self.key.project.as_ref(),
            environments: self.environments.as_ref(),
            key_prefixes: self.key_prefixes.as_ref(),
        }
    }
}
