//! Bodies of dry runs.

use super::patch::DiffOperation;
use super::raw_or_null;
use application::Effect;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The response to a dry run: the body of the change, and its effects.
#[derive(Serialize)]
pub(crate) struct Tried<'a, B> {
    #[serde(flatten)]
    body: &'a B,
    dry_run: bool,
    effects: Vec<EffectBody<'a>>,
}

/// An empty object.
#[derive(Serialize)]
pub(crate) struct Nothing {}

/// What a dry run adds to the body that the change would have had.
#[derive(ToSchema)]
#[schema(as = DryRun, example = json!({"dry_run": true, "effects": [{
    "action": "update", "kind": "config", "name": "demo/default/checkout.limits", "from_version": 3,
    "to_version": 4, "before": {"max_items": 10}, "after": {"max_items": 20}
}]}))]
#[expect(dead_code, reason = "only documents what Tried writes")]
pub(crate) struct DryRunBody<'a> {
    /// Nothing was kept.
    dry_run: bool,
    /// What would have changed, in order.
    effects: Vec<EffectBody<'a>>,
}

/// One thing that would have changed.
#[derive(Serialize, ToSchema)]
#[schema(as = Effect)]
pub(crate) struct EffectBody<'a> {
    /// `create`, `update` or `delete`.
    action: &'static str,
    /// `project`, `environment`, `schema`, `config` or `api_key`.
    kind: &'static str,
    /// Its name, with the names of what holds it.
    name: &'a str,
    /// Its version before; 0 when it did not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_version: Option<u64>,
    /// Its version afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_version: Option<u64>,
    /// Its document or schema before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    before: Option<&'a RawValue>,
    /// Its document or schema afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    after: Option<&'a RawValue>,
    /// The operations (RFC 6902) that turn the one into the other; left out when all contents together have more
    /// than 256 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Vec<DiffOperation<'a>>>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

impl<'a, B> Tried<'a, B> {
    pub(crate) fn new(body: &'a B, effects: &'a [Effect]) -> Self {
        Self { body, dry_run: true, effects: effects.iter().map(Into::into).collect() }
    }
}

impl<'a> From<&'a Effect> for EffectBody<'a> {
    fn from(effect: &'a Effect) -> Self {
        Self {
            action: effect.action,
            kind: effect.kind,
            name: &effect.name,
            from_version: effect.from_version,
            to_version: effect.to_version,
            before: raw_or_null(effect.before.as_ref()),
            after: raw_or_null(effect.after.as_ref()),
            patch: effect
                .difference
                .as_ref()
                .map(|found| found.patch.iter().filter_map(DiffOperation::of).collect()),
            text: effect.difference.as_ref().map(|found| found.text.as_str()),
        }
    }
}
