//! Who may do what. Deny by default: only what a key's permissions and scopes name is allowed.
//!
//! The same function answers before a command is proposed and again when it is applied, so a key
//! that was revoked in between changes nothing.

use crate::{ApiKey, ConfigId, EnvironmentId, KeyRef, ProjectName, State, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who asks for a change.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The cluster itself, for its own start-up.
    System,
    /// The holder of an API key.
    ApiKey(KeyRef),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::ApiKey(key) => write!(f, "api-key:{}", key.id),
        }
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// One right, written `namespace:resource:action`.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// Every permission there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The permission as clients write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Reads a permission as clients write it.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    /// See and follow the members of the cluster.
    ClusterRead = "cluster:member:read",
    /// Change the members of the cluster.
    ClusterWrite = "cluster:member:write",
    /// Delete documents.
    DocumentDelete = "config:document:delete",
    /// Read documents and their history.
    DocumentRead = "config:document:read",
    /// Create, change and roll back documents.
    DocumentWrite = "config:document:write",
    /// Delete schemas.
    SchemaDelete = "config:schema:delete",
    /// Read schemas.
    SchemaRead = "config:schema:read",
    /// Register schemas and new versions.
    SchemaWrite = "config:schema:write",
    /// Delete environments.
    EnvironmentDelete = "project:environment:delete",
    /// See environments.
    EnvironmentRead = "project:environment:read",
    /// Create environments.
    EnvironmentWrite = "project:environment:write",
    /// Change how much projects may hold.
    QuotaWrite = "platform:quota:write",
    /// See API keys, never their secrets.
    KeyRead = "project:key:read",
    /// Create and revoke API keys.
    KeyWrite = "project:key:write",
    /// Create projects.
    ProjectCreate = "project:project:create",
    /// Delete projects.
    ProjectDelete = "project:project:delete",
    /// See projects.
    ProjectRead = "project:project:read",
    /// Change projects.
    ProjectWrite = "project:project:write",
}

/// What an action reaches.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// The cluster and the list of projects.
    Platform,
    /// One project and what belongs to it as a whole.
    Project(&'a ProjectName),
    /// One environment.
    Environment(&'a EnvironmentId),
    /// Every config of an environment whose key starts with a prefix.
    Configs(&'a EnvironmentId, &'a str),
    /// One config.
    Config(&'a ConfigId),
}

/// Why an action is not allowed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Denied {
    /// The key does not exist (any more).
    #[error("the API key is unknown or revoked")]
    UnknownKey,
    /// The key's time is over.
    #[error("the API key has expired")]
    ExpiredKey,
    /// The key lacks a permission.
    #[error("the API key lacks the permission {}", .0.as_str())]
    MissingPermission(Permission),
    /// The key has the permission, but not for this project, environment or config key.
    #[error("the API key's scope does not reach this resource")]
    OutOfScope,
}

/// Says whether `actor` is known at the time `at`, whatever it may do.
pub fn identify(state: &State, actor: &Actor, at: Timestamp) -> Result<(), Denied> {
    known_key(state, actor, at).map(drop)
}

/// The actor's key; `None` for the cluster itself.
fn known_key<'a>(state: &'a State, actor: &Actor, at: Timestamp) -> Result<Option<&'a ApiKey>, Denied> {
    let key = match actor {
        Actor::System => return Ok(None),
        Actor::ApiKey(key) => state.api_key(key).ok_or(Denied::UnknownKey)?,
    };
    if key.expires_at.is_some_and(|expiry| expiry <= at) {
        return Err(Denied::ExpiredKey);
    }
    Ok(Some(key))
}

/// Says whether `actor` may use `permission` on `resource` at the time `at`.
pub fn authorize(
    state: &State,
    actor: &Actor,
    permission: Permission,
    resource: Resource<'_>,
    at: Timestamp,
) -> Result<(), Denied> {
    let Some(key) = known_key(state, actor, at)? else { return Ok(()) };
    if !reaches(key, permission, resource) {
        return Err(Denied::OutOfScope);
    }
    if !key.permissions.contains(&permission) {
        return Err(Denied::MissingPermission(permission));
    }
    Ok(())
}

impl Permission {
    /// Whether it only lets see what belongs to a project as a whole.
    fn reads_project(self) -> bool {
        matches!(self, Self::ProjectRead | Self::EnvironmentRead | Self::SchemaRead)
    }
}

/// A key that is scoped to environments or key prefixes sees its project, but changes nothing that others
/// share: a schema, a key or an environment concerns what is out of its scope.
fn reaches(key: &ApiKey, permission: Permission, resource: Resource<'_>) -> bool {
    let whole_project = key.environments.is_none() && key.key_prefixes.is_none();
    let whole_environment = key.key_prefixes.is_none();
    let owns = |project: &ProjectName| key.key.project.as_ref().is_none_or(|own| own == project);
    let in_environment = |environment: &EnvironmentId| {
        owns(&environment.project)
            && key.environments.as_ref().is_none_or(|allowed| allowed.contains(&environment.name))
    };
    let has_prefix = |text: &str| {
        key.key_prefixes
            .as_ref()
            .is_none_or(|allowed| allowed.iter().any(|prefix| text.starts_with(prefix.as_str())))
    };
    match resource {
        Resource::Platform => key.key.project.is_none(),
        Resource::Project(project) => owns(project) && (whole_project || permission.reads_project()),
        Resource::Environment(environment) => {
            in_environment(environment) && (whole_environment || permission.reads_project())
        }
        Resource::Configs(environment, prefix) => in_environment(environment) && has_prefix(prefix),
        Resource::Config(id) => in_environment(&id.environment_id()) && has_prefix(id.key.as_str()),
    }
}

/// Says whether `parent` may hand out a key with the rights of `child`: no key grants more than it has.
pub fn may_grant(parent: &ApiKey, child: &ApiKey) -> bool {
    let expiry_within = match (parent.expires_at, child.expires_at) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(parent), Some(child)) => child <= parent,
    };
    let environments_within = match (&parent.environments, &child.environments) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(parent), Some(child)) => child.is_subset(parent),
    };
    let prefixes_within = match (&parent.key_prefixes, &child.key_prefixes) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(parent), Some(child)) => {
            child.iter().all(|prefix| parent.iter().any(|allowed| prefix.starts_with(allowed.as_str())))
        }
    };
    child.permissions.is_subset(&parent.permissions)
        && expiry_within
        && environments_within
        && prefixes_within
}
