//! A minimal schema language for use-case tests: `{"required": ["a", "b"], "$ref": "schema:other@2"}`.

use crate::ports::{Archive, CheckFault, Offered, SchemaEngine, SchemaFault, Validator, View, Violation};
use async_trait::async_trait;
use domain::{Content, Dialect, SchemaId, SchemaName, SchemaRevision, SchemaUse, SchemaVersion};
use serde_json::Value;
use std::sync::Arc;

/// Supports the keywords `required` and `$ref`, and ignores others. A document must be an object with the
/// required members.
#[derive(Clone, Copy, Debug, Default)]
pub struct FakeSchemas;

struct Required(Vec<String>);

#[async_trait]
impl Validator for Required {
    async fn violations(&self, document: &Content) -> Result<Vec<Violation>, CheckFault> {
        let value: Value = serde_json::from_str(document.as_str()).unwrap_or_default();
        let missing = self.0.iter().filter(|name| value.get(name.as_str()).is_none());
        Ok(missing.map(|name| violation("", "required", &format!("\"{name}\" is required"))).collect())
    }
}

fn violation(pointer: &str, keyword: &str, message: &str) -> Violation {
    Violation {
        pointer: pointer.to_owned(),
        schema_pointer: format!("/{keyword}"),
        keyword: keyword.to_owned(),
        message: message.to_owned(),
    }
}

/// Resolves a reference with an optional version.
type Find<'a> = dyn Fn(&SchemaName, Option<SchemaVersion>) -> Option<SchemaRevision> + Sync + 'a;

fn compile(schema: &Content, find: &Find<'_>) -> Result<(Required, Vec<SchemaUse>), SchemaFault> {
    let refused =
        |pointer: &str| SchemaFault::Invalid(vec![violation(pointer, "type", "has the wrong type")]);
    let value: Value = serde_json::from_str(schema.as_str()).map_err(|_| refused(""))?;
    let object = value.as_object().ok_or_else(|| refused(""))?;
    let mut required = Vec::new();
    for name in object.get("required").map_or(Ok(&[][..]), |names| {
        names.as_array().map(Vec::as_slice).ok_or_else(|| refused("/required"))
    })? {
        required.push(name.as_str().ok_or_else(|| refused("/required"))?.to_owned());
    }
    let Some(reference) = object.get("$ref") else { return Ok((Required(required), Vec::new())) };
    let text = reference.as_str().and_then(|text| text.strip_prefix("schema:"));
    let text = text.ok_or_else(|| refused("/$ref"))?;
    let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
    let name = SchemaName::parse(name).map_err(|_| refused("/$ref"))?;
    let version = version.map(|text| text.parse().map(SchemaVersion).map_err(|_| refused("/$ref")));
    let version = version.transpose()?;
    let found = find(&name, version).ok_or_else(|| refused("/$ref"))?;
    let fixed = |name: &SchemaName, version: Option<SchemaVersion>| {
        let newest = found.uses.iter().find(|used| used.newest && used.name == *name);
        find(name, version.or(newest.map(|used| used.version)))
    };
    required.extend(compile(&found.schema, &fixed)?.0.0);
    let used = SchemaUse { name, version: found.version, newest: version.is_none() };
    Ok((Required(required), vec![used]))
}

#[async_trait]
impl SchemaEngine for FakeSchemas {
    async fn compile(&self, id: &SchemaId, schema: &Content, view: &View) -> Result<Offered, SchemaFault> {
        let find = |name: &SchemaName, version: Option<SchemaVersion>| {
            let used = SchemaId { project: id.project.clone(), name: name.clone() };
            let series = view.state.schema(&used)?;
            let leads_back = view.state.schemas_lead_to(std::iter::once(used.clone()), id);
            let version = version.unwrap_or(series.latest);
            let kept = (series.first..=series.latest).contains(&version) && !leads_back;
            kept.then(|| view.archive.schema_revision(&used, version).ok().flatten()).flatten()
        };
        let (required, uses) = compile(schema, &find)?;
        Ok(Offered { dialect: Dialect::Draft202012, uses, validator: Arc::new(required) })
    }

    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault> {
        let found = archive.schema_revision(id, version)?;
        let found = found.ok_or_else(|| SchemaFault::Missing(id.name.to_string(), version.0))?;
        let find = |name: &SchemaName, version: Option<SchemaVersion>| {
            let newest = || found.uses.iter().find(|used| used.newest && used.name == *name);
            let version = version.or_else(|| newest().map(|used| used.version))?;
            let id = SchemaId { project: id.project.clone(), name: name.clone() };
            archive.schema_revision(&id, version).ok().flatten()
        };
        Ok(Arc::new(compile(&found.schema, &find)?.0))
    }
}
