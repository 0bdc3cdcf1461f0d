//! Bodies of built-in and custom roles.

use crate::problem::Problem;
use crate::reply::rfc3339;
use crate::v1::dto::api_key::{permission_list, permissions};
use application::identity::PutRole;
use application::ports::identity::CustomRole;
use domain::{BuiltInRole, RoleName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A role to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "description": "May change documents, and nothing else",
    "permissions": ["config:document:read", "config:document:write"]
}))]
pub(in crate::v1) struct AccessRolePut {
    /// What it is for, at most 1024 bytes.
    #[schema(max_length = 1024)]
    #[serde(default)]
    description: String,
    /// What it allows.
    #[schema(schema_with = permission_list)]
    permissions: Vec<String>,
}

/// A role.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct AccessRoleBody {
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// What it allows.
    permissions: Vec<&'static str>,
    /// Whether every installation has it and nobody changes it.
    built_in: bool,
    /// When it was last changed; `null` for a built-in one.
    #[schema(required = true, format = DateTime)]
    updated_at: Option<String>,
}

impl AccessRolePut {
    pub(in crate::v1) fn request(self, name: RoleName) -> Result<PutRole, Problem> {
        Ok(PutRole { name, description: self.description, permissions: permissions(&self.permissions)? })
    }
}

impl From<&CustomRole> for AccessRoleBody {
    fn from(role: &CustomRole) -> Self {
        Self {
            name: role.name.to_string(),
            description: role.description.clone(),
            permissions: role.permissions.iter().map(|permission| permission.as_str()).collect(),
            built_in: false,
            updated_at: Some(rfc3339(role.updated_at)),
        }
    }
}

impl From<BuiltInRole> for AccessRoleBody {
    fn from(role: BuiltInRole) -> Self {
        let description = match role {
            BuiltInRole::Viewer => "Reads a project",
            BuiltInRole::Editor => "Also changes its documents and schemas",
            BuiltInRole::Admin => "Also manages its environments, keys and members",
            BuiltInRole::PlatformAdmin => "May do everything everywhere",
        };
        Self {
            name: role.as_str().to_owned(),
            description: description.to_owned(),
            permissions: role.permissions().iter().map(|permission| permission.as_str()).collect(),
            built_in: true,
            updated_at: None,
        }
    }
}
