//! How much a project may hold, what it holds, and how much of its past is kept.

use crate::limits::{
    API_KEYS_PER_PROJECT_DEFAULT, BYTES_PER_PROJECT_DEFAULT, DOCUMENTS_PER_PROJECT_DEFAULT,
    HISTORY_BYTES_PER_DOCUMENT_BYTE, HISTORY_BYTES_PER_PROJECT_DEFAULT, HISTORY_BYTES_PER_PROJECT_MIN,
    HISTORY_ROW_BYTES, HISTORY_VERSIONS_PER_PROJECT_DEFAULT, RETENTION_VERSIONS_DEFAULT,
    SCHEMA_BYTES_PER_PROJECT_DEFAULT, SCHEMA_VERSIONS_PER_PROJECT_DEFAULT, WATCHERS_PER_PROJECT_DEFAULT,
};
use serde::{Deserialize, Serialize};

/// How much a project may hold; `None` is the default of the platform.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Quotas {
    /// Live documents in all environments.
    pub documents: Option<u64>,
    /// Bytes of live documents together.
    pub bytes: Option<u64>,
    /// API keys.
    pub api_keys: Option<u64>,
    /// Watchers at one node.
    pub watchers: Option<u64>,
    /// Bytes of kept history: every version of every config but the present ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_bytes: Option<u64>,
    /// Kept versions of configs, the present ones apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history_versions: Option<u64>,
    /// Versions of schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_versions: Option<u64>,
    /// Bytes of all versions of schemas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_bytes: Option<u64>,
}

impl Quotas {
    /// Most live documents.
    pub fn documents(&self) -> u64 {
        self.documents.unwrap_or(DOCUMENTS_PER_PROJECT_DEFAULT)
    }

    /// Most bytes of live documents together.
    pub fn bytes(&self) -> u64 {
        self.bytes.unwrap_or(BYTES_PER_PROJECT_DEFAULT)
    }

    /// Most API keys.
    pub fn api_keys(&self) -> u64 {
        self.api_keys.unwrap_or(API_KEYS_PER_PROJECT_DEFAULT)
    }

    /// Most watchers at one node.
    pub fn watchers(&self) -> u64 {
        self.watchers.unwrap_or(WATCHERS_PER_PROJECT_DEFAULT)
    }

    /// Most bytes of kept history. Without a quota of its own it follows the quota of bytes.
    pub fn history_bytes(&self) -> u64 {
        self.history_bytes.unwrap_or_else(|| {
            let many = self.bytes().saturating_mul(HISTORY_BYTES_PER_DOCUMENT_BYTE);
            many.clamp(HISTORY_BYTES_PER_PROJECT_MIN, HISTORY_BYTES_PER_PROJECT_DEFAULT)
        })
    }

    /// Most kept versions of configs.
    pub fn history_versions(&self) -> u64 {
        self.history_versions.unwrap_or(HISTORY_VERSIONS_PER_PROJECT_DEFAULT)
    }

    /// Most versions of schemas.
    pub fn schema_versions(&self) -> u64 {
        self.schema_versions.unwrap_or(SCHEMA_VERSIONS_PER_PROJECT_DEFAULT)
    }

    /// Most bytes of all versions of schemas.
    pub fn schema_bytes(&self) -> u64 {
        self.schema_bytes.unwrap_or(SCHEMA_BYTES_PER_PROJECT_DEFAULT)
    }

    /// Every quota that is set.
    pub fn set(&self) -> impl Iterator<Item = u64> {
        let Self { documents, bytes, api_keys, watchers, .. } = *self;
        let Self { history_bytes, history_versions, schema_versions, schema_bytes, .. } = *self;
        [documents, bytes, api_keys, watchers, history_bytes, history_versions, schema_versions, schema_bytes]
            .into_iter()
            .flatten()
    }
}

/// How much of the past of each config is kept. The newest version always is; with both bounds, what
/// either of them lets go goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Retention {
    /// So many versions; `None` for all.
    pub versions: Option<u64>,
    /// Every version that was current within this time, in milliseconds; `None` for ever.
    pub age_ms: Option<i64>,
}

impl Retention {
    /// Whether the project chose it. One that did not keeps the platform's default, and less when its history
    /// is nearly full.
    pub fn is_chosen(&self) -> bool {
        *self != Self::default()
    }

    /// How many versions are kept, when their number is bounded.
    pub fn versions(&self) -> Option<u64> {
        if self.is_chosen() { self.versions } else { Some(RETENTION_VERSIONS_DEFAULT) }
    }
}

/// What is kept of the past: versions, and their bytes with what each row takes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Past {
    /// Kept versions.
    pub versions: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Past {
    /// So many versions with documents of so many bytes together.
    pub(crate) fn of(versions: u64, documents: u64) -> Self {
        Self { versions, bytes: documents.saturating_add(versions.saturating_mul(HISTORY_ROW_BYTES)) }
    }
}

/// What a project holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Usage {
    /// Live documents in all environments.
    pub documents: u64,
    /// Bytes of live documents together.
    pub bytes: u64,
    /// What is kept of its configs, the present documents apart.
    pub history: Past,
    /// Versions of its schemas.
    pub schema_versions: u64,
    /// Their bytes.
    pub schema_bytes: u64,
}
