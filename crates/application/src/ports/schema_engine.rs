//! Compiling JSON Schemas and checking documents against them.

use super::{Archive, ArchiveError, View};
use async_trait::async_trait;
use domain::{ConfigId, Content, Dialect, SchemaId, SchemaUse, SchemaVersion, Version};
use std::fmt;
use std::sync::Arc;

/// A place in a document that breaks its schema, or in a schema that makes it invalid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The place in the document, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// The rule in the schema, as a JSON Pointer.
    pub schema_pointer: String,
    /// The keyword of the rule, such as `required`.
    pub keyword: String,
    /// The message. Quotes at most a short excerpt of the document.
    pub message: String,
}

/// The reason why a document was not checked. Says nothing about the document.
#[derive(Debug, thiserror::Error)]
pub enum CheckFault {
    /// The check exceeds the step limit for one document.
    #[error("the check needs more than {steps_max} steps")]
    TooExpensive {
        /// The limit, in steps.
        steps_max: u64,
    },
    /// The project has too many pending checks, or this one waited too long.
    #[error("too many schema checks of the project are waiting")]
    Busy,
    /// A document could not be read from the archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The check failed internally.
    #[error("the check did not finish")]
    Failed,
}

/// The reason why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFault {
    /// The schema is invalid, exceeds a limit, or refers to a schema that does not exist.
    #[error("the schema is not valid")]
    Invalid(Vec<Violation>),
    /// The body of a schema could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The schema was not compiled.
    #[error(transparent)]
    Check(#[from] CheckFault),
    /// The archive lacks this version: state and archive disagree.
    #[error("schema {0} version {1} has no body")]
    Missing(String, u64),
}

/// A compiled schema.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Checks a document. Returns at most 100 violations; none if the document satisfies the schema.
    async fn violations(&self, document: &Content) -> Result<Vec<Violation>, CheckFault>;

    /// Checks many documents, and returns the violations of each in the same order.
    ///
    /// - Reads one document after another, and delays other checks by at most one of them.
    /// - `None` for a document that the archive does not have.
    async fn survey(
        &self,
        archive: &Arc<dyn Archive>,
        documents: Vec<(ConfigId, Version)>,
    ) -> Result<Vec<Option<Vec<Violation>>>, CheckFault> {
        let mut found = Vec::with_capacity(documents.len());
        for (id, version) in documents {
            let content = archive.config_revision(&id, version)?.and_then(|revision| revision.content);
            found.push(match content {
                Some(content) => Some(self.violations(&content).await?),
                None => None,
            });
        }
        Ok(found)
    }
}

/// A compiled schema that a client submitted.
pub struct Offered {
    /// The dialect.
    pub dialect: Dialect,
    /// The schema versions that its references resolved to.
    pub uses: Vec<SchemaUse>,
    /// The compiled schema.
    pub validator: Arc<dyn Validator>,
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offered").field("uses", &self.uses).finish_non_exhaustive()
    }
}

/// Compiles schemas. Resolves references only within the schemas of the project: no network, no files.
#[async_trait]
pub trait SchemaEngine: Send + Sync {
    /// Compiles a schema that a client submitted as `id`; references resolve in this view.
    async fn compile(&self, id: &SchemaId, schema: &Content, view: &View) -> Result<Offered, SchemaFault>;

    /// The validator of a registered version. Cached, because versions are immutable.
    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault>;
}
