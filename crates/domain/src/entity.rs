//! The entities of the replicated state, and the composite ids that order them.
//!
//! Fields are public because no invariant spans them; names and texts validate themselves. These types are
//! stored and replicated: fields are only added, each with a default.

use crate::access::Scope;
use crate::limits::{HISTORY_ROW_BYTES, SCHEMA_HOLD_MS};
use crate::{
    Actor, ApiKeyId, ConfigKey, Digest, DisplayName, EnvironmentName, KeyLabel, Past, Permission,
    ProjectName, Quotas, Retention, Revision, SchemaName, SchemaVersion, Timestamp, Version,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A project: the unit of tenancy, which owns environments, schemas and API keys.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Project {
    /// The name, as used in paths.
    pub name: ProjectName,
    /// The display name.
    pub display_name: DisplayName,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The revision that created it. Older history belongs to an earlier project of the same name and is not
    /// returned.
    pub created_revision: Revision,
    /// The revision that last changed it.
    pub revision: Revision,
    /// The quotas.
    #[serde(default)]
    pub quotas: Quotas,
    /// The retention of its history.
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

/// A named set of configs, such as `production`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Environment {
    /// The id.
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

/// How the registration of a schema version treats documents that do not satisfy it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaMode {
    /// Refuses the version if any document that follows the schema fails.
    #[default]
    Strict,
    /// Accepts the version. Failing documents stay until their next write; a write must satisfy the version.
    Ratchet,
}

/// A schema: a named series of immutable versions. The bodies are in the archive.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Schema {
    /// The id.
    pub id: SchemaId,
    /// The newest version, which documents with an unpinned binding must satisfy.
    pub latest: SchemaVersion,
    /// The oldest version since the schema was last created. Versions of a deleted schema of the same name
    /// are older.
    pub first: SchemaVersion,
    /// The dialect of the newest version.
    pub dialect: Dialect,
    /// The mode of the newest version, which is the default of the next one.
    pub mode: SchemaMode,
    /// When the newest version was registered.
    pub created_at: Timestamp,
    /// Who registered the newest version.
    pub created_by: Actor,
    /// The revision that registered the newest version.
    pub revision: Revision,
    /// The last revision that wrote a document that follows this schema. A check of the bound documents at
    /// this revision or later is current.
    pub bound_changed: Revision,
    /// The schemas that any version of this one refers to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub uses: BTreeSet<SchemaName>,
    /// The time since which writes of documents that follow the schema are blocked; `None` if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_at: Option<Timestamp>,
    /// The size of all versions, in bytes. Versions registered by older releases are not counted.
    #[serde(default)]
    pub bytes: u64,
}

impl Schema {
    /// The number of versions since the schema was last created.
    pub fn versions(&self) -> u64 {
        (self.latest.0 + 1).saturating_sub(self.first.0)
    }

    /// Whether writes of documents that follow the schema are blocked at the time `at`. A hold also covers
    /// times shortly before it began, because the clocks of nodes differ.
    pub fn is_held(&self, at: Timestamp) -> bool {
        self.held_at.is_some_and(|since| at.0.abs_diff(since.0) < SCHEMA_HOLD_MS.unsigned_abs())
    }
}

/// Identifies a config.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ConfigId {
    /// The owning project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The config key.
    pub key: ConfigKey,
}

impl ConfigId {
    /// The id that sorts before all others: names sort by bytes, and "0" is the smallest.
    pub(crate) fn smallest() -> Self {
        Self {
            project: ProjectName::parse("0").expect("a digit is a name"),
            environment: EnvironmentName::parse("0").expect("a digit is a name"),
            key: ConfigKey::parse("0").expect("a digit is a key"),
        }
    }

    /// The id of the config's environment.
    pub fn environment_id(&self) -> EnvironmentId {
        EnvironmentId { project: self.project.clone(), name: self.environment.clone() }
    }

    /// The id of the schema `name` in the config's project.
    pub fn schema_id(&self, name: &SchemaName) -> SchemaId {
        SchemaId { project: self.project.clone(), name: name.clone() }
    }
}

impl fmt::Display for ConfigId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.project, self.environment, self.key)
    }
}

/// The schema that a config must satisfy.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Binding {
    /// The schema's name.
    pub schema: SchemaName,
    /// The pinned version; `None` follows the newest version.
    pub pinned: Option<SchemaVersion>,
}

/// One version of a schema of the project.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaRef {
    /// The schema's name.
    pub name: SchemaName,
    /// Its version.
    pub version: SchemaVersion,
}

/// A reference of a schema to one version of another schema in the project.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct SchemaUse {
    /// The schema's name.
    pub name: SchemaName,
    /// The version that the reference resolves to, permanently.
    pub version: SchemaVersion,
    /// Whether the reference names no version, so that it was resolved to the newest one at registration.
    pub newest: bool,
}

/// The metadata of a live config.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Config {
    /// The id.
    pub id: ConfigId,
    /// The version of the last change.
    pub version: Version,
    /// The revision of the last change.
    pub revision: Revision,
    /// The binding to a schema; `None` means unchecked.
    pub binding: Option<Binding>,
    /// The digest of the document.
    pub digest: Digest,
    /// The size of the document, in bytes.
    pub bytes: u32,
    /// The time at which the config was created; after a deletion, created again.
    pub created_at: Timestamp,
    /// The time of the last change.
    pub updated_at: Timestamp,
    /// The actor of the last change.
    pub updated_by: Actor,
    /// The oldest version in the history; 0 and 1 both mean that nothing was pruned.
    #[serde(default)]
    pub oldest: Version,
    /// The size of the documents in the history without the current one, in bytes; `None` in rows of older
    /// releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past_bytes: Option<u64>,
}

impl Config {
    /// The size of the history, without the current document.
    pub fn past(&self) -> Past {
        let versions = self.version.0.saturating_sub(self.oldest.0.max(1));
        // Older releases did not count the bytes: assume that every version is as large as the current one.
        Past::of(versions, self.past_bytes.unwrap_or_else(|| versions.saturating_mul(self.bytes.into())))
    }

    /// The size of the documents in the history without the current one, in bytes.
    pub(crate) fn past_documents(&self) -> u64 {
        let past = self.past();
        past.bytes.saturating_sub(past.versions.saturating_mul(HISTORY_ROW_BYTES))
    }
}

/// What remains of a deleted config: its version counter and its history.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Retired {
    /// The version of the deletion.
    pub version: Version,
    /// The revision of the deletion.
    pub revision: Revision,
    /// The oldest version in the history; 0 and 1 both mean that nothing was pruned.
    #[serde(default)]
    pub oldest: Version,
    /// The size of the documents in the history, in bytes; 0 in rows of older releases.
    #[serde(default)]
    pub past_bytes: u64,
}

impl Retired {
    /// The size of the history, including the deletion.
    pub fn past(&self) -> Past {
        Past::of((self.version.0 + 1).saturating_sub(self.oldest.0.max(1)), self.past_bytes)
    }
}

/// The id of an API key within its owner.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct KeyRef {
    /// The owning project; `None` for a key of the platform.
    pub project: Option<ProjectName>,
    /// The id within the owner.
    pub id: ApiKeyId,
}

/// An API key, the credential of a program. Only a digest of its secret is stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ApiKey {
    /// The id.
    pub key: KeyRef,
    /// The label.
    pub name: KeyLabel,
    /// SHA-256 of the secret. A fast digest is enough, because the secret has 178 random bits.
    pub hash: Digest,
    /// The first characters of the secret, for display.
    pub prefix: String,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
    /// The environments in its scope; `None` means all of its project.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys in its scope; `None` means all keys.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// The time from which it is refused; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it.
    pub created_by: Actor,
    /// The revision that created it or last rotated its secret.
    pub revision: Revision,
    /// The previous secret, which may still be valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// A secret that was replaced by a rotation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PreviousSecret {
    /// SHA-256 of the secret.
    pub hash: Digest,
    /// The time from which it is refused.
    pub ends_at: Timestamp,
}

impl ApiKey {
    /// Whether the secret with this digest is valid at the time `at`. Ignores the expiry of the key itself.
    pub fn is_opened_by(&self, hash: &Digest, at: Timestamp) -> bool {
        self.hash == *hash
            || self.previous.as_ref().is_some_and(|previous| previous.hash == *hash && at < previous.ends_at)
    }

    /// The scope of its permissions.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            project: self.key.project.as_ref(),
            environments: self.environments.as_ref(),
            key_prefixes: self.key_prefixes.as_ref(),
        }
    }
}
