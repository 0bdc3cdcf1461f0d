//! Bodies of configs. Documents are passed unchanged, byte for byte.

use super::{invalid, raw};
use crate::problem::Problem;
use crate::reply::rfc3339;
use application::{KeyFilter, Written};
use domain::limits::TRANSACTION_OPERATIONS_MAX;
use domain::{
    Binding, BindingChange, ChangeKind, Config, ConfigKey, ConfigRevision, SchemaName, SchemaRef,
    SchemaVersion,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A whole document to be written.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"content": {"max_items": 20}, "schema": {"name": "limits"}, "message": "raise"}))]
pub(crate) struct ConfigPut<'a> {
    /// The document: any JSON value, at most 1 MiB of compact text and 64 levels of nesting, without
    /// duplicate members.
    #[serde(borrow)]
    #[schema(value_type = serde_json::Value)]
    pub(crate) content: &'a RawValue,
    /// The schema that the document is held to from now on. Leaving it out keeps the present one, `null`
    /// removes it.
    #[serde(default)]
    #[schema(value_type = Option<BindingBody>)]
    pub(crate) schema: BindingField,
    /// Why, at most 1000 bytes.
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) message: Option<String>,
}

/// A schema to be bound.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BindingBody {
    /// The schema's name.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$")]
    name: String,
    /// The version to stay at; the newest, also later, when left out.
    #[schema(minimum = 1)]
    version: Option<u64>,
}

/// The `schema` member of a body.
#[derive(Default)]
pub(crate) enum BindingField {
    /// Absent.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// A schema.
    Named(BindingBody),
}

impl<'de> Deserialize<'de> for BindingField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Named))
    }
}

impl BindingField {
    /// The change of the binding.
    pub(crate) fn change(self) -> Result<BindingChange, Problem> {
        Ok(match self {
            Self::Missing => BindingChange::Keep,
            Self::Null => BindingChange::Set(None),
            Self::Named(binding) => BindingChange::Set(Some(Binding {
                schema: SchemaName::parse(&binding.name)?,
                pinned: binding.version.map(SchemaVersion),
            })),
        })
    }
}

/// Configs to be held to a schema.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"prefixes": ["checkout."], "schema": {"name": "limits"}, "message": "hold them"}))]
pub(crate) struct BindingsBody {
    /// These configs. `keys` and `prefixes` have 1 to 128 items together.
    #[serde(default)]
    #[schema(max_items = 128)]
    keys: Vec<String>,
    /// Those that start with one of these; an empty one means all.
    #[serde(default)]
    #[schema(max_items = 128)]
    prefixes: Vec<String>,
    /// The schema that they are held to from now on, or `null` for none.
    #[serde(default)]
    #[schema(value_type = Option<BindingBody>, required = true)]
    schema: BindingField,
    /// Why, at most 1000 bytes.
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) message: Option<String>,
}

impl BindingsBody {
    /// The affected configs and their new binding.
    pub(crate) fn what(self) -> Result<(KeyFilter, Option<Binding>), Problem> {
        let count = self.keys.len() + self.prefixes.len();
        if count == 0 || count > TRANSACTION_OPERATIONS_MAX {
            let rule = format!("and prefixes must have 1 to {TRANSACTION_OPERATIONS_MAX} items together");
            return Err(invalid("keys", &rule).with("limit", TRANSACTION_OPERATIONS_MAX));
        }
        let keys = self.keys.iter().map(|key| ConfigKey::parse(key)).collect::<Result<_, _>>()?;
        if let Some(at) = self.prefixes.iter().position(|prefix| !ConfigKey::is_prefix(prefix)) {
            let rule = format!("must match {}", ConfigKey::PREFIX_PATTERN);
            return Err(invalid(format!("prefixes[{at}]"), &rule));
        }
        let filter = KeyFilter::new(keys, self.prefixes.into_iter().collect());
        match self.schema.change()? {
            BindingChange::Set(binding) => Ok((filter, binding)),
            BindingChange::Keep => Err(invalid("schema", "is missing")),
        }
    }
}

/// A config that is bound to a schema.
#[derive(Serialize, ToSchema)]
pub(crate) struct BoundItem<'a> {
    /// The environment that holds it.
    environment: &'a str,
    /// Its key.
    key: &'a str,
    /// Its version.
    version: u64,
    /// The revision that made the version.
    revision: u64,
    /// The version of the schema that it stays at; `null` when it follows the newest.
    #[schema(required = true)]
    pinned: Option<u64>,
}

impl<'a> From<&'a Config> for BoundItem<'a> {
    fn from(config: &'a Config) -> Self {
        let pinned = config.binding.as_ref().and_then(|binding| binding.pinned);
        Self {
            environment: config.id.environment.as_str(),
            key: config.id.key.as_str(),
            version: config.version.0,
            revision: config.revision.0,
            pinned: pinned.map(|version| version.0),
        }
    }
}

/// An earlier document to be made current again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to_version": 3, "message": "back to what worked"}))]
pub(crate) struct RollbackBody {
    /// The version whose document it shall be.
    #[schema(minimum = 1)]
    pub(crate) to_version: u64,
    /// Why, at most 1000 bytes.
    #[schema(max_length = 1000, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) message: Option<String>,
}

/// The schema version that a document was checked against.
#[derive(Serialize, ToSchema)]
pub(crate) struct SchemaRefBody<'a> {
    /// The schema's name.
    name: &'a str,
    /// Its version.
    version: u64,
}

impl<'a> From<&'a SchemaRef> for SchemaRefBody<'a> {
    fn from(schema: &'a SchemaRef) -> Self {
        Self { name: schema.name.as_str(), version: schema.version.0 }
    }
}

/// What is known of a config beside its document.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigMeta<'a> {
    /// The project it belongs to.
    project: &'a str,
    /// The environment that holds it.
    environment: &'a str,
    /// Its key.
    key: &'a str,
    /// Counts the changes of this key, deletions included; the entity tag in quotes.
    version: u64,
    /// The revision that made the version.
    revision: u64,
    /// The schema version that the document was checked against, or `null`.
    #[schema(required = true)]
    schema: Option<SchemaRefBody<'a>>,
    /// Why it was changed.
    message: &'a str,
    /// When the key was created (again).
    #[schema(format = DateTime)]
    created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Who changed it last.
    #[schema(example = "api-key:0198c0de")]
    updated_by: String,
}

/// A config with its document.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "project": "demo", "environment": "default", "key": "checkout.limits", "version": 4, "revision": 1042,
    "schema": {"name": "limits", "version": 2}, "content": {"max_items": 20}, "message": "raise",
    "created_at": "2026-11-20T08:00:00.000Z", "updated_at": "2026-11-21T09:30:00.125Z",
    "updated_by": "api-key:0198c0de"
}))]
pub(crate) struct ConfigBody<'a> {
    #[serde(flatten)]
    meta: ConfigMeta<'a>,
    /// The document.
    #[schema(value_type = serde_json::Value)]
    content: &'a RawValue,
    /// `true` in the answer to a change that changed nothing: the same document, bound alike, keeps its version.
    /// Told to callers that may read it; a change of others makes a version.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchanged: Option<bool>,
}

/// A config in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigItem<'a> {
    #[serde(flatten)]
    meta: ConfigMeta<'a>,
    /// The document, with `include=content`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    content: Option<&'a RawValue>,
    /// `true` for a config that was deleted, in a list of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<bool>,
}

impl<'a> From<&'a ConfigRevision> for ConfigMeta<'a> {
    fn from(shown: &'a ConfigRevision) -> Self {
        Self {
            project: shown.id.project.as_str(),
            environment: shown.id.environment.as_str(),
            key: shown.id.key.as_str(),
            version: shown.version.0,
            revision: shown.revision.0,
            schema: shown.schema.as_ref().map(Into::into),
            message: shown.message.as_str(),
            created_at: rfc3339(shown.created_at),
            updated_at: rfc3339(shown.at),
            updated_by: shown.by.to_string(),
        }
    }
}

impl<'a> ConfigBody<'a> {
    /// The body of a config with its document; fails if there is no document.
    pub(crate) fn new(shown: &'a ConfigRevision) -> Result<Self, Problem> {
        let content = shown.content.as_ref().ok_or_else(|| Problem::internal("a config without document"))?;
        Ok(Self { meta: shown.into(), content: raw(content)?, unchanged: None })
    }

    /// The body of the response to a change.
    pub(crate) fn written(written: &'a Written) -> Result<Self, Problem> {
        let unchanged = written.unchanged.then_some(true);
        Ok(Self { unchanged, ..Self::new(&written.document.shown)? })
    }
}

impl<'a> ConfigItem<'a> {
    /// A list item, with or without its document.
    pub(crate) fn new(shown: &'a ConfigRevision, with_content: bool) -> Result<Self, Problem> {
        let content = shown.content.as_ref().filter(|_| with_content).map(raw).transpose()?;
        let deleted = (shown.kind == ChangeKind::Delete).then_some(true);
        Ok(Self { meta: shown.into(), content, deleted })
    }
}
