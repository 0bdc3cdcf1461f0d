//! Bodies of the history.

use super::config::SchemaRefBody;
use super::raw;
use crate::problem::Problem;
use crate::reply::rfc3339;
use crate::v1::actors::NamesActor;
use domain::{ChangeKind, ConfigRevision};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One version of a config, without its document.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryItem<'a> {
    /// The version.
    version: u64,
    /// The revision that made it.
    revision: u64,
    /// `create`, `update`, `patch`, `rollback`, `delete` or `import`; other kinds may come.
    #[schema(example = "update")]
    kind: &'static str,
    /// The schema version that the document was checked against, or `null`.
    #[schema(required = true)]
    schema: Option<SchemaRefBody<'a>>,
    /// Why.
    message: &'a str,
    /// When.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who.
    created_by: String,
    /// The e-mail address of the user, where the caller may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_email: Option<String>,
    /// SHA-256 of the document's compact text, in hexadecimal; `null` for a deletion.
    #[schema(required = true, min_length = 64, max_length = 64)]
    content_sha256: Option<String>,
    /// For a rollback: the version whose document it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_version: Option<u64>,
}

/// One version of a config.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryVersion<'a> {
    #[serde(flatten)]
    pub(crate) item: HistoryItem<'a>,
    /// The document; `null` for a deletion (as for the document `null`: `kind` tells them apart).
    #[schema(value_type = serde_json::Value)]
    content: Option<&'a RawValue>,
}

impl<'a> From<&'a ConfigRevision> for HistoryItem<'a> {
    fn from(shown: &'a ConfigRevision) -> Self {
        let (kind, from_version) = match shown.kind {
            ChangeKind::Create => ("create", None),
            ChangeKind::Update => ("update", None),
            ChangeKind::Rollback { from } | ChangeKind::Undelete { from } => ("rollback", Some(from.0)),
            ChangeKind::Delete => ("delete", None),
            ChangeKind::Patch => ("patch", None),
            ChangeKind::Import => ("import", None),
        };
        Self {
            version: shown.version.0,
            revision: shown.revision.0,
            kind,
            schema: shown.schema.as_ref().map(Into::into),
            message: shown.message.as_str(),
            created_at: rfc3339(shown.at),
            created_by: shown.by.to_string(),
            actor_email: None,
            content_sha256: (shown.kind != ChangeKind::Delete).then(|| shown.digest.to_string()),
            from_version,
        }
    }
}

impl NamesActor for HistoryItem<'_> {
    fn actor(&self) -> &str {
        &self.created_by
    }

    fn set_email(&mut self, email: String) {
        self.actor_email = Some(email);
    }
}

impl<'a> HistoryVersion<'a> {
    pub(crate) fn new(shown: &'a ConfigRevision) -> Result<Self, Problem> {
        Ok(Self { item: shown.into(), content: shown.content.as_ref().map(raw).transpose()? })
    }
}
