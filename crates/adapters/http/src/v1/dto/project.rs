//! Projects and environments.

use crate::reply::rfc3339;
use domain::{Environment, Project};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "demo", "display_name": "Demo"}))]
pub(crate) struct NewProject {
    /// Its name in paths; cannot be changed.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub(crate) name: String,
    /// Its name for people, at most 200 bytes.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) display_name: Option<String>,
}

/// A change of a project.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProjectChange {
    /// Its name for people, at most 200 bytes.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    pub(crate) display_name: String,
}

/// A project.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProjectBody {
    /// Its name in paths.
    name: String,
    /// Its name for people.
    display_name: String,
    /// `active`; other states may come.
    status: &'static str,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// The revision that last changed it.
    revision: u64,
}

impl From<&Project> for ProjectBody {
    fn from(project: &Project) -> Self {
        Self {
            name: project.name.to_string(),
            display_name: project.display_name.as_str().to_owned(),
            status: "active",
            created_at: rfc3339(project.created_at),
            updated_at: rfc3339(project.updated_at),
            revision: project.revision.0,
        }
    }
}

/// A new environment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "production"}))]
pub(crate) struct NewEnvironment {
    /// Its name in paths; cannot be changed.
    #[schema(max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    pub(crate) name: String,
}

/// An environment.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnvironmentBody {
    /// The project it belongs to.
    project: String,
    /// Its name.
    name: String,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// The revision that created it.
    revision: u64,
}

impl From<&Environment> for EnvironmentBody {
    fn from(environment: &Environment) -> Self {
        Self {
            project: environment.id.project.to_string(),
            name: environment.id.name.to_string(),
            created_at: rfc3339(environment.created_at),
            revision: environment.revision.0,
        }
    }
}
