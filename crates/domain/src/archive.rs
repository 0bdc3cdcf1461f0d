//! The archive: immutable versions of configs and schemas, stored outside the state.

use crate::{
    Actor, ConfigId, Content, Dialect, Digest, Message, Revision, SchemaId, SchemaRef, SchemaUse,
    SchemaVersion, Timestamp, Version,
};
use serde::{Deserialize, Serialize};

/// The kind of change that created a version of a config.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The config was created.
    Create,
    /// The whole document was replaced.
    Update,
    /// The document of an earlier version was written again.
    Rollback {
        /// The version that the document was taken from.
        from: Version,
    },
    /// The key was deleted.
    Delete,
    /// The document was changed by a patch.
    Patch,
    /// The document was imported; the config may have existed before.
    Import,
    /// A deleted config was created again with the document of an earlier version.
    Undelete {
        /// The version that the document was taken from.
        from: Version,
    },
}

/// One version of a config with its document. Immutable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConfigRevision {
    /// The config.
    pub id: ConfigId,
    /// The version of the config.
    pub version: Version,
    /// The revision that created this version.
    pub revision: Revision,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The schema version that the document was checked against; `None` without a binding.
    pub schema: Option<SchemaRef>,
    /// The document; `None` for a deletion.
    pub content: Option<Content>,
    /// The digest of the document; zero for a deletion.
    pub digest: Digest,
    /// The change message of the author.
    pub message: Message,
    /// The time of the change.
    pub at: Timestamp,
    /// The time at which the config was created; after a deletion, created again.
    pub created_at: Timestamp,
    /// The author of the change.
    pub by: Actor,
}

/// One version of a schema with its body. Immutable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaRevision {
    /// The schema.
    pub id: SchemaId,
    /// The version of the schema.
    pub version: SchemaVersion,
    /// The revision that created this version.
    pub revision: Revision,
    /// The JSON Schema.
    pub schema: Content,
    /// Its dialect.
    pub dialect: Dialect,
    /// When it was registered.
    pub at: Timestamp,
    /// Who registered it.
    pub by: Actor,
    /// The schema versions that its references resolve to. Fixed at registration, so that the meaning of the
    /// version never changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<SchemaUse>,
}
