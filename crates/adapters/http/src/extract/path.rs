//! Path parameters, parsed at the edge. Extraction and documentation are one item each.

use crate::problem::{Code, Problem};
use axum::extract::{FromRequestParts, RawPathParams};
use domain::{
    ApiKeyId, ConfigId, ConfigKey, EnvironmentId, EnvironmentName, MemberId, ProjectName, SchemaId,
    SchemaName, SchemaVersion, Version,
};
use http::request::Parts;
use utoipa::IntoParams;

/// Defines a set of path parameters: their documentation and their extraction.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$param:meta])* $field:ident: $value:ty = $parse:expr,)* }) => {
        $(#[$doc])*
        #[derive(IntoParams)]
        #[into_params(parameter_in = Path)]
        pub(crate) struct $type { $($(#[$param])* pub(crate) $field: $value,)* }

        impl<S: Send + Sync> FromRequestParts<S> for $type {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                let params = params(parts, state).await?;
                Ok(Self { $($field: $parse(text(&params, stringify!($field))?)?,)* })
            }
        }
    };
}

pub(super) use names;

names! {
    /// A project.
    ProjectPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
    }
}

names! {
    /// An environment of a project.
    EnvironmentPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// The environment's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "default")]
        environment: EnvironmentName = EnvironmentName::parse,
    }
}

names! {
    /// A config.
    ConfigPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// The environment's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "default")]
        environment: EnvironmentName = EnvironmentName::parse,
        /// The config's key.
        #[param(value_type = String, max_length = 255, pattern = "^[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?)*$", example = "checkout.limits")]
        key: ConfigKey = ConfigKey::parse,
    }
}

names! {
    /// One version of a config.
    ConfigVersionPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// The environment's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "default")]
        environment: EnvironmentName = EnvironmentName::parse,
        /// The config's key.
        #[param(value_type = String, max_length = 255, pattern = "^[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?(/[A-Za-z0-9]([A-Za-z0-9._:@+~-]*[A-Za-z0-9])?)*$", example = "checkout.limits")]
        key: ConfigKey = ConfigKey::parse,
        /// The version, from 1.
        #[param(value_type = u64, minimum = 1, example = 3)]
        version: Version = version,
    }
}

names! {
    /// A schema of a project.
    SchemaPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// The schema's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$", example = "limits")]
        name: SchemaName = SchemaName::parse,
    }
}

names! {
    /// One version of a schema.
    SchemaVersionPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// The schema's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$", example = "limits")]
        name: SchemaName = SchemaName::parse,
        /// The version, from 1.
        #[param(value_type = u64, minimum = 1, example = 2)]
        version: SchemaVersion = schema_version,
    }
}

names! {
    /// An API key of a project.
    ApiKeyPath {
        /// The project's name.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", example = "demo")]
        project: ProjectName = ProjectName::parse,
        /// The key's id, not its secret.
        #[param(value_type = String, max_length = 63, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
        id: ApiKeyId = ApiKeyId::parse,
    }
}

names! {
    /// A member of the cluster.
    MemberPath {
        /// The member's id.
        #[param(value_type = String, max_length = 19, pattern = "^[1-9][0-9]{0,18}$", example = "4611686018427387904")]
        member: MemberId = member_id,
    }
}

impl EnvironmentPath {
    pub(crate) fn id(self) -> EnvironmentId {
        EnvironmentId { project: self.project, name: self.environment }
    }
}

impl ConfigPath {
    pub(crate) fn id(self) -> ConfigId {
        ConfigId { project: self.project, environment: self.environment, key: self.key }
    }
}

impl ConfigVersionPath {
    pub(crate) fn id(self) -> ConfigId {
        ConfigId { project: self.project, environment: self.environment, key: self.key }
    }
}

impl SchemaPath {
    pub(crate) fn id(self) -> SchemaId {
        SchemaId { project: self.project, name: self.name }
    }
}

impl SchemaVersionPath {
    pub(crate) fn id(self) -> SchemaId {
        SchemaId { project: self.project, name: self.name }
    }
}

/// The parameters that the route matched.
pub(super) async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    let undecodable = |_| Problem::new(Code::InvalidName, "the path is not UTF-8 once decoded");
    RawPathParams::from_request_parts(parts, state).await.map_err(undecodable)
}

/// The value of one parameter.
pub(super) fn text<'a>(params: &'a RawPathParams, name: &'static str) -> Result<&'a str, Problem> {
    let found = params.iter().find(|(param, _)| *param == name).map(|(_, text)| text);
    found.ok_or_else(|| Problem::internal(format!("the route has no parameter {name}")))
}

fn member_id(text: &str) -> Result<MemberId, Problem> {
    MemberId::parse(text).map_err(|error| {
        Problem::new(Code::InvalidName, error.to_string())
            .with("field", "member")
            .with("pattern", MemberId::PATTERN)
    })
}

fn version(text: &str) -> Result<Version, Problem> {
    number(text).map(Version)
}

fn schema_version(text: &str) -> Result<SchemaVersion, Problem> {
    number(text).map(SchemaVersion)
}

fn number(text: &str) -> Result<u64, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits && !text.starts_with('0')).ok_or_else(|| {
        let detail = "version must be a whole number from 1";
        Problem::new(Code::InvalidName, detail).with("field", "version").with("pattern", "^[1-9][0-9]*$")
    })
}
