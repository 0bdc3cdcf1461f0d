//! A schema language small enough for use-case tests: `{"required": ["a", "b"]}`.

use crate::ports::{Archive, SchemaEngine, SchemaFault, Validator, Violation};
use async_trait::async_trait;
use domain::{Content, Dialect, SchemaId, SchemaVersion};
use serde_json::Value;
use std::sync::Arc;

/// Knows one keyword, `required`; other members of the schema are ignored. A document must be an object
/// that has the members listed.
#[derive(Clone, Copy, Debug, Default)]
pub struct FakeSchemas;

struct Required(Vec<String>);

#[async_trait]
impl Validator for Required {
    async fn violations(&self, document: &Content) -> Vec<Violation> {
        let value: Value = serde_json::from_str(document.as_str()).unwrap_or_default();
        let missing = self.0.iter().filter(|name| value.get(name.as_str()).is_none());
        missing.map(|name| violation("", "required", &format!("\"{name}\" is required"))).collect()
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

fn compile(schema: &Content) -> Result<Required, SchemaFault> {
    let refused =
        |pointer: &str| SchemaFault::Invalid(vec![violation(pointer, "type", "has the wrong type")]);
    let value: Value = serde_json::from_str(schema.as_str()).map_err(|_| refused(""))?;
    let object = value.as_object().ok_or_else(|| refused(""))?;
    let Some(required) = object.get("required") else { return Ok(Required(Vec::new())) };
    let names = required.as_array().ok_or_else(|| refused("/required"))?;
    let names = names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>();
    names.map(Required).ok_or_else(|| refused("/required"))
}

#[async_trait]
impl SchemaEngine for FakeSchemas {
    async fn compile(&self, schema: &Content) -> Result<(Dialect, Arc<dyn Validator>), SchemaFault> {
        Ok((Dialect::Draft202012, Arc::new(compile(schema)?)))
    }

    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault> {
        let found = archive.schema_revision(id, version)?;
        let found = found.ok_or_else(|| SchemaFault::Missing(id.name.to_string(), version.0))?;
        Ok(Arc::new(compile(&found.schema)?))
    }
}
