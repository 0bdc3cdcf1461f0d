//! Compiling JSON Schemas and checking documents against them.

use super::{Archive, ArchiveError, View};
use async_trait::async_trait;
use domain::{ConfigId, Content, Dialect, SchemaId, SchemaUse, SchemaVersion, Version};
use std::fmt;
use std::sync::Arc;

/// One reason why a document does not satisfy its schema, or why a schema is not one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Where in the document, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// Which rule of the schema, as a JSON Pointer into the schema.
    pub schema_pointer: String,
    /// The rule's keyword, such as `required`.
    pub keyword: String,
    /// What is wrong, for people. Never quotes more of the document than a short excerpt.
    pub message: String,
}

/// Why a document was not checked. It says nothing about the document.
#[derive(Debug, thiserror::Error)]
pub enum CheckFault {
    /// The check needs more work than is done for one document.
    #[error("the check needs more than {steps_max} steps")]
    TooExpensive {
        /// The limit, in steps.
        steps_max: u64,
    },
    /// The project has too many checks waiting, or this one waited too long.
    #[error("too many schema checks of the project are waiting")]
    Busy,
    /// A document could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The check broke.
    #[error("the check did not finish")]
    Failed,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaFault {
    /// It is not a valid schema, breaks a limit, or refers to what is not there.
    #[error("the schema is not valid")]
    Invalid(Vec<Violation>),
    /// Its body could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It was not compiled.
    #[error(transparent)]
    Check(#[from] CheckFault),
    /// The archive has no such version; the state and the archive disagree.
    #[error("schema {0} version {1} has no body")]
    Missing(String, u64),
}

/// A schema that is ready to check documents.
#[async_trait]
pub trait Validator: Send + Sync {
    /// What is wrong with the document; empty when it satisfies the schema. At most 100 are listed.
    async fn violations(&self, document: &Content) -> Result<Vec<Violation>, CheckFault>;

    /// What is wrong with each of these documents, in their order, when they are many: reads them one
    /// after the other, and keeps other work waiting no longer than one of them takes. `None` for one
    /// that the archive does not have.
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

/// A schema that a client offers, found to be one.
pub struct Offered {
    /// The dialect it is written in.
    pub dialect: Dialect,
    /// What it refers to, as it was when it was compiled.
    pub uses: Vec<SchemaUse>,
    /// Checks documents against it.
    pub validator: Arc<dyn Validator>,
}

impl fmt::Debug for Offered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offered").field("uses", &self.uses).finish_non_exhaustive()
    }
}

/// Compiles schemas. Never reaches outside the schemas of the project: no network, no files.
#[async_trait]
pub trait SchemaEngine: Send + Sync {
    /// Compiles a schema that a client offers under `id`, with what it refers to in this view.
    async fn compile(&self, id: &SchemaId, schema: &Content, view: &View) -> Result<Offered, SchemaFault>;

    /// The validator of a committed version; kept, because versions never change.
    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault>;
}
