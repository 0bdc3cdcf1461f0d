//! Bodies of watch events. Documents are passed unchanged, byte for byte.

use super::config::SchemaRefBody;
use super::raw;
use crate::problem::Problem;
use crate::reply::rfc3339;
use domain::ConfigRevision;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What is known of a change beside the document.
#[derive(Serialize, ToSchema)]
pub(crate) struct WatchMeta<'a> {
    /// The project.
    project: &'a str,
    /// The environment.
    environment: &'a str,
    /// The config's key.
    key: &'a str,
    /// The version that the change made.
    version: u64,
    /// The revision that the change made.
    revision: u64,
    /// The schema version that the document was checked against, or `null`.
    #[schema(required = true)]
    schema: Option<SchemaRefBody<'a>>,
    /// When.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Who.
    #[schema(example = "api-key:0198c0de")]
    updated_by: String,
}

/// The data of the event `put`: a config was written, or is part of a snapshot.
#[derive(Serialize, ToSchema)]
pub(crate) struct WatchPut<'a> {
    #[serde(flatten)]
    meta: WatchMeta<'a>,
    /// The document.
    #[schema(value_type = serde_json::Value)]
    content: &'a RawValue,
}

/// The data of the event `delete`: a config was deleted. `version` is that of the deletion.
#[derive(Serialize, ToSchema)]
pub(crate) struct WatchDelete<'a> {
    #[serde(flatten)]
    meta: WatchMeta<'a>,
}

/// The data of `bookmark` and `synced`, after which everything up to the revision was sent, and of `reset`, after
/// which every config as it was at the revision is.
#[derive(Serialize, ToSchema)]
pub(crate) struct WatchBookmark {
    /// The revision.
    pub(crate) revision: u64,
}

/// The data of the event `reset` with `snapshot=one`: every matching config as it was at the revision. It replaces all that
/// was sent before. Written in pieces.
#[derive(Serialize, ToSchema)]
pub(crate) struct WatchReset<'a> {
    /// The revision.
    revision: u64,
    /// The configs, by key.
    items: Vec<WatchPut<'a>>,
}

/// The data of one event.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!("event: put\ndata: {\"project\":\"demo\",\"environment\":\"default\",\
    \"key\":\"checkout.limits\",\"version\":4,\"revision\":1042,\"schema\":null,\
    \"updated_at\":\"2026-11-21T09:30:00.125Z\",\"updated_by\":\"api-key:0198c0de\",\
    \"content\":{\"max_items\":20}}\nid: 1042\n\nevent: bookmark\ndata: {\"revision\":1100}\nid: 1100\n\n"))]
#[expect(dead_code, reason = "only documents what v1::watch writes")]
pub(crate) enum WatchEvent<'a> {
    #[schema(title = "put")]
    Put(WatchPut<'a>),
    #[schema(title = "delete")]
    Delete(WatchDelete<'a>),
    #[schema(title = "bookmark")]
    Bookmark(WatchBookmark),
    #[schema(title = "reset")]
    Reset(WatchReset<'a>),
}

impl<'a> From<&'a ConfigRevision> for WatchMeta<'a> {
    fn from(shown: &'a ConfigRevision) -> Self {
        Self {
            project: shown.id.project.as_str(),
            environment: shown.id.environment.as_str(),
            key: shown.id.key.as_str(),
            version: shown.version.0,
            revision: shown.revision.0,
            schema: shown.schema.as_ref().map(Into::into),
            updated_at: rfc3339(shown.at),
            updated_by: shown.by.to_string(),
        }
    }
}

/// The name of the event of a change, and its data as JSON.
pub(crate) fn changed(shown: &ConfigRevision) -> Result<(&'static str, Vec<u8>), Problem> {
    let meta = shown.into();
    let (event, data) = match &shown.content {
        Some(content) => ("put", serde_json::to_vec(&WatchPut { meta, content: raw(content)? })),
        None => ("delete", serde_json::to_vec(&WatchDelete { meta })),
    };
    Ok((event, data.map_err(Problem::internal)?))
}
