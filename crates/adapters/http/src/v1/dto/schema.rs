//! Bodies of schemas.

use super::raw;
use crate::openapi::FailureBody;
use crate::problem::{Problem, failures};
use crate::reply::rfc3339;
use crate::v1::actors::NamesActor;
use application::{FailuresPage, SchemaDetail, UpdatedSchema};
use domain::{Dialect, SchemaMode, SchemaUse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// How a new version treats documents that do not satisfy it.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModeBody {
    /// Refuse the version while any document that follows the schema fails.
    Strict,
    /// Accept the version: documents that fail may stay until they are next written; no write adds one.
    Ratchet,
}

/// A schema to be registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "limits",
    "schema": {"type": "object", "properties": {"max_items": {"type": "integer"}}, "required": ["max_items"]}
}))]
pub(crate) struct NewSchema<'a> {
    /// Its name; unique in the project.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
    pub(crate) name: String,
    /// The JSON Schema itself: an object or a boolean, at most 256 KiB of compact text, 10,000 values, 500
    /// references and 64 levels of nesting. `{"$ref": "schema:port"}` refers to another schema of the project,
    /// as it is at the time; `schema:port@3` to that version; both may have a fragment.
    #[serde(borrow)]
    #[schema(schema_with = first_schema)]
    pub(crate) schema: &'a RawValue,
    /// How later versions treat documents; `strict` when left out.
    pub(crate) mode: Option<ModeBody>,
}

/// A new version of a schema.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaChange<'a> {
    /// The JSON Schema itself, within the same limits as the first version.
    #[serde(borrow)]
    #[schema(schema_with = next_schema)]
    pub(crate) schema: &'a RawValue,
    /// How this version treats documents, and later ones that do not say; as before when left out.
    pub(crate) mode: Option<ModeBody>,
}

/// What is known of a schema without its body.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchemaItem {
    /// The project it belongs to.
    project: String,
    /// Its name.
    name: String,
    /// The version that is shown.
    version: u64,
    /// The URI of the dialect that the version is written in.
    #[schema(example = "https://json-schema.org/draft/2020-12/schema")]
    dialect: &'static str,
    /// How the newest version treated documents, and the next one will unless it says otherwise.
    mode: ModeBody,
    /// How many documents are bound to the schema, at whatever version.
    bound_documents: u64,
    /// When the version was registered.
    #[schema(format = DateTime)]
    created_at: String,
    /// Who registered the version.
    created_by: String,
    /// The e-mail address of the user, in a list of versions and where the caller may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_email: Option<String>,
    /// The revision that registered the version.
    revision: u64,
}

/// One schema version that a schema refers to.
#[derive(Serialize, ToSchema)]
#[schema(as = SchemaUse, example = json!({"name": "port", "version": 3, "newest": true}))]
pub(crate) struct SchemaUseBody<'a> {
    /// The other schema's name.
    name: &'a str,
    /// The version that is meant, also after newer ones.
    version: u64,
    /// The reference names no version, and this was the newest.
    newest: bool,
}

/// One version of a schema.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchemaBody<'a> {
    #[serde(flatten)]
    item: SchemaItem,
    /// The schema versions of the project that it refers to, fixed when it was registered.
    uses: Vec<SchemaUseBody<'a>>,
    /// The JSON Schema itself.
    #[schema(value_type = serde_json::Value)]
    schema: &'a RawValue,
}

/// A new version of a schema; in a dry run also what it would do to documents.
#[derive(Serialize, ToSchema)]
#[schema(as = UpdatedSchema)]
pub(crate) struct UpdatedBody<'a> {
    #[serde(flatten)]
    body: SchemaBody<'a>,
    /// Only in a dry run under `ratchet`: how many documents follow the schema and do not satisfy the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_documents: Option<u64>,
    /// Only in a dry run under `ratchet`: the first 10,000 of them that the caller may read, each with at most
    /// 3 errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<FailureBody>>)]
    failures: Option<Value>,
}

/// A part of the list of documents that do not satisfy the newest version of their schema.
#[derive(Serialize, ToSchema)]
#[schema(as = FailureList)]
pub(crate) struct FailureListBody {
    /// The documents, by environment and key, each with at most 3 errors.
    #[schema(value_type = Vec<FailureBody>)]
    items: Value,
    /// Give it as `page_token` to go on; empty at the end.
    next_page_token: String,
    /// How many others fail in the stretch that this page covers, which the caller may not read.
    hidden: u64,
    /// The version of the schema that the documents were held against.
    version: u64,
}

/// The contract's schema of an offered schema; its validity is checked separately.
fn first_schema() -> Object {
    object_or_boolean(
        "The JSON Schema itself: an object or a boolean, at most 256 KiB of compact text, 10,000 values, 500 \
         references and 64 levels of nesting. `{\"$ref\": \"schema:port\"}` refers to another schema of the \
         project, as it is at the time; `schema:port@3` to that version; both may have a fragment.",
    )
}

fn next_schema() -> Object {
    object_or_boolean("The JSON Schema itself, within the same limits as the first version.")
}

fn object_or_boolean(description: &str) -> Object {
    let types = SchemaType::from_iter([Type::Object, Type::Boolean]);
    ObjectBuilder::new().schema_type(types).description(Some(description)).build()
}

impl From<&SchemaDetail> for SchemaItem {
    fn from(detail: &SchemaDetail) -> Self {
        Self {
            project: detail.schema.id.project.to_string(),
            name: detail.schema.id.name.to_string(),
            version: detail.shown.version.0,
            dialect: dialect_uri(detail.shown.dialect),
            mode: detail.schema.mode.into(),
            bound_documents: detail.bound_documents,
            created_at: rfc3339(detail.shown.at),
            created_by: detail.shown.by.to_string(),
            actor_email: None,
            revision: detail.shown.revision.0,
        }
    }
}

impl NamesActor for SchemaItem {
    fn actor(&self) -> &str {
        &self.created_by
    }

    fn set_email(&mut self, email: String) {
        self.actor_email = Some(email);
    }
}

impl<'a> SchemaBody<'a> {
    pub(crate) fn new(detail: &'a SchemaDetail) -> Result<Self, Problem> {
        let uses = detail.shown.uses.iter().map(Into::into).collect();
        Ok(Self { item: detail.into(), uses, schema: raw(&detail.shown.schema)? })
    }
}

impl<'a> UpdatedBody<'a> {
    pub(crate) fn new(updated: &'a UpdatedSchema) -> Result<Self, Problem> {
        let breaks = updated.breaks.as_ref().filter(|_| updated.detail.schema.mode == SchemaMode::Ratchet);
        Ok(Self {
            body: SchemaBody::new(&updated.detail)?,
            failing_documents: breaks.map(|breaks| breaks.total),
            failures: breaks.map(|breaks| failures(&breaks.failures)),
        })
    }
}

impl FailureListBody {
    pub(crate) fn new(found: &FailuresPage, next_page_token: String) -> Self {
        let items = failures(&found.page.items);
        Self { items, next_page_token, hidden: found.hidden, version: found.version.0 }
    }
}

impl<'a> From<&'a SchemaUse> for SchemaUseBody<'a> {
    fn from(used: &'a SchemaUse) -> Self {
        Self { name: used.name.as_str(), version: used.version.0, newest: used.newest }
    }
}

impl From<SchemaMode> for ModeBody {
    fn from(mode: SchemaMode) -> Self {
        match mode {
            SchemaMode::Strict => Self::Strict,
            SchemaMode::Ratchet => Self::Ratchet,
        }
    }
}

impl From<ModeBody> for SchemaMode {
    fn from(mode: ModeBody) -> Self {
        match mode {
            ModeBody::Strict => Self::Strict,
            ModeBody::Ratchet => Self::Ratchet,
        }
    }
}

/// The `$schema` of a dialect.
fn dialect_uri(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Draft4 => "http://json-schema.org/draft-04/schema#",
        Dialect::Draft6 => "http://json-schema.org/draft-06/schema#",
        Dialect::Draft7 => "http://json-schema.org/draft-07/schema#",
        Dialect::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
        Dialect::Draft202012 => "https://json-schema.org/draft/2020-12/schema",
    }
}
