//! The quotas, the usage and the history retention of a project.

use crate::limits::{
    API_KEYS_PER_PROJECT_DEFAULT, BYTES_PER_PROJECT_DEFAULT, DOCUMENTS_PER_PROJECT_DEFAULT,
    HISTORY_BYTES_PER_DOCUMENT_BYTE, HISTORY_BYTES_PER_PROJECT_DEFAULT, HISTORY_BYTES_PER_PROJECT_MIN,
    HISTORY_ROW_BYTES, HISTORY_VERSIONS_PER_PROJECT_DEFAULT, RETENTION_VERSIONS_DEFAULT,
    SCHEMA_BYTES_PER_PROJECT_DEFAULT, SCHEMA_VERSIONS_PER_PROJECT_DEFAULT, WATCHERS_PER_PROJECT_DEFAULT,
};
use serde::{Deserialize, Serialize};

/// The quotas of a project; `None` means the default of the platform.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Quotas {
    /// Live documents in all environments.
    pub documents: Option<u64>,
    /// Size of all live documents, in bytes.
    pub bytes: Option<u64>,
    /// API keys.
    pub api_keys: Option<u64>,
    /// Watchers on each node.
    pub watchers: Option<u64>,
    /// Size of the history without the current documents, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_bytes: Option<u64>,
    /// Versions in the history, without the current ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_versions: Option<u64>,
    /// Schema versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_versions: Option<u64>,
    /// Size of all schema versions, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_bytes: Option<u64>,
}

impl Quotas {
    /// The effective quota of live documents.
    pub fn documents(&self) -> u64 {
        self.documents.unwrap_or(DOCUMENTS_PER_PROJECT_DEFAULT)
    }

    /// The effective quota of live documents, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.unwrap_or(BYTES_PER_PROJECT_DEFAULT)
    }

    /// The effective quota of API keys.
    pub fn api_keys(&self) -> u64 {
        self.api_keys.unwrap_or(API_KEYS_PER_PROJECT_DEFAULT)
    }

    /// The effective quota of watchers on each node.
    pub fn watchers(&self) -> u64 {
        self.watchers.unwrap_or(WATCHERS_PER_PROJECT_DEFAULT)
    }

    /// The effective quota of history, in bytes. Derived from the quota of document bytes unless it is set.
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes.unwrap_or_else(|| {
            let many = self.bytes().saturating_mul(HISTORY_BYTES_PER_DOCUMENT_BYTE);
            many.clamp(HISTORY_BYTES_PER_PROJECT_MIN, HISTORY_BYTES_PER_PROJECT_DEFAULT)
        })
    }

    /// The effective quota of versions in the history.
    pub fn history_versions(&self) -> u64 {
        self.history_versions.unwrap_or(HISTORY_VERSIONS_PER_PROJECT_DEFAULT)
    }

    /// The effective quota of schema versions.
    pub fn schema_versions(&self) -> u64 {
        self.schema_versions.unwrap_or(SCHEMA_VERSIONS_PER_PROJECT_DEFAULT)
    }

    /// The effective quota of schema versions, in bytes.
    pub fn schema_bytes(&self) -> u64 {
        self.schema_bytes.unwrap_or(SCHEMA_BYTES_PER_PROJECT_DEFAULT)
    }

    /// All quotas that are set.
    pub fn set(&self) -> impl Iterator<Item = u64> {
        let Self { documents, bytes, api_keys, watchers, .. } = *self;
        let Self { history_bytes, history_versions, schema_versions, schema_bytes, .. } = *self;
        [documents, bytes, api_keys, watchers, history_bytes, history_versions, schema_versions, schema_bytes]
            .into_iter()
            .flatten()
    }
}

/// The history retention of each config in a project. The newest version is never pruned. If both limits are
/// set, a version beyond either of them is pruned.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Retention {
    /// Number of versions that stay; `None` for all.
    pub versions: Option<u64>,
    /// Versions that were current within this time stay, in milliseconds; `None` for no limit.
    pub age_ms: Option<i64>,
}

impl Retention {
    /// Whether the project set a retention. Otherwise the default applies, and more is pruned when the
    /// history quota is nearly used up.
    pub fn is_chosen(&self) -> bool {
        *self != Self::default()
    }

    /// The number of versions that stay; `None` if it is not limited.
    pub fn versions(&self) -> Option<u64> {
        if self.is_chosen() { self.versions } else { Some(RETENTION_VERSIONS_DEFAULT) }
    }
}

/// The size of a history.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Past {
    /// Number of versions.
    pub versions: u64,
    /// Their bytes, including [`HISTORY_ROW_BYTES`] for each version.
    pub bytes: u64,
}

impl Past {
    /// Takes the number of versions and the total size of their documents in bytes.
    pub(crate) fn of(versions: u64, documents: u64) -> Self {
        Self { versions, bytes: documents.saturating_add(versions.saturating_mul(HISTORY_ROW_BYTES)) }
    }
}

/// The usage of a project.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Live documents in all environments.
    pub documents: u64,
    /// Size of all live documents, in bytes.
    pub bytes: u64,
    /// The history of its configs, without the current documents.
    pub history: Past,
    /// Schema versions.
    pub schema_versions: u64,
    /// Size of all schema versions, in bytes.
    pub schema_bytes: u64,
}
