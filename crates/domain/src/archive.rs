//! Bodies and history: immutable records that each accepted command may add, kept outside the state.

use crate::{
    Actor, ConfigId, Content, Dialect, Digest, Message, Revision, SchemaId, SchemaRef, SchemaUse,
    SchemaVersion, Timestamp, Version,
};
use serde::{Deserialize, Serialize};

/// What kind of change made a version of a config.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The key did not exist before.
    Create,
    /// The whole document was replaced.
    Update,
    /// An earlier version's document was made current again.
    Rollback {
        /// The version whose document it is.
        from: Version,
    },
    /// The key was deleted.
    Delete,
    /// A part of the document was changed.
    Patch,
    /// The document came with an import, whether the key existed before or not.
    Import,
    /// A deleted config was brought back with the document of an earlier version.
    Undelete {
        /// The version whose document it is.
        from: Version,
    },
}

/// One version of a config, its body included. Never changed once written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ConfigRevision {
    /// Which config.
    pub id: ConfigId,
    /// Which version of it.
    pub version: Version,
    /// The revision that made it.
    pub revision: Revision,
    /// How it came about.
    pub kind: ChangeKind,
    /// The schema version it was checked against.
    pub schema: Option<SchemaRef>,
    /// The document; `None` for a deletion.
    pub content: Option<Content>,
    /// The digest of the document; zero for a deletion.
    pub digest: Digest,
    /// Why, in the author's words.
    pub message: Message,
    /// When.
    pub at: Timestamp,
    /// When the key was created (again).
    pub created_at: Timestamp,
    /// Who.
    pub by: Actor,
}

/// One version of a schema, its body included. Never changed once written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct SchemaRevision {
    /// Which schema.
    pub id: SchemaId,
    /// Which version of it.
    pub version: SchemaVersion,
    /// The revision that made it.
    pub revision: Revision,
    /// The JSON Schema.
    pub schema: Content,
    /// Its dialect.
    pub dialect: Dialect,
    /// When it was registered.
    pub at: Timestamp,
    /// Who registered it.
    pub by: Actor,
    /// What it refers to; fixed, so that the version never changes its meaning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<SchemaUse>,
}
