//! Authorisation. Denies by default: only permissions of an API key or a role within their scope are allowed.
//!
//! The same function checks a command before it is proposed and when it is applied, so a key that was revoked
//! in between changes nothing.

use crate::role::{BuiltInRole, Grant, Person};
use crate::{
    ApiKey, ConfigId, EnvironmentId, EnvironmentName, KeyRef, ProjectName, State, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// The principal of a request, as the history and the audit name it.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The cluster itself, such as for bootstrap and upkeep.
    System,
    /// A program with an API key.
    ApiKey(KeyRef),
    /// A user who signed in.
    User(UserId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::ApiKey(key) => write!(f, "api-key:{}", key.id),
            Self::User(user) => write!(f, "user:{user}"),
        }
    }
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A permission, written `namespace:resource:action`.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// All permissions.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The permission in its wire form.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Parses the wire form; `None` if there is no such permission.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

permissions! {
    /// Read and watch the members of the cluster.
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
    /// Read environments.
    EnvironmentRead = "project:environment:read",
    /// Create environments.
    EnvironmentWrite = "project:environment:write",
    /// Read and search audit records.
    AuditRead = "audit:record:read",
    /// Read groups.
    GroupRead = "platform:group:read",
    /// Create, change and delete groups.
    GroupWrite = "platform:group:write",
    /// Read organisations.
    OrganisationRead = "platform:organisation:read",
    /// Change organisations, their members and the projects that they own.
    OrganisationWrite = "platform:organisation:write",
    /// Read roles.
    RoleRead = "platform:role:read",
    /// Create, change and delete roles.
    RoleWrite = "platform:role:write",
    /// Read users.
    UserRead = "platform:user:read",
    /// Invite, change and deactivate users.
    UserWrite = "platform:user:write",
    /// Read the members of a project and their roles.
    MemberRead = "project:member:read",
    /// Grant and revoke roles in a project.
    MemberWrite = "project:member:write",
    /// Change the quotas of projects.
    QuotaWrite = "platform:quota:write",
    /// Read API keys without their secrets.
    KeyRead = "project:key:read",
    /// Create and revoke API keys.
    KeyWrite = "project:key:write",
    /// Create projects.
    ProjectCreate = "project:project:create",
    /// Delete projects.
    ProjectDelete = "project:project:delete",
    /// Read projects.
    ProjectRead = "project:project:read",
    /// Change projects.
    ProjectWrite = "project:project:write",
}

/// The target of an action.
#[derive(Clone, Copy, Debug)]
pub enum Resource<'a> {
    /// The whole platform: the cluster, the list of projects, users and roles.
    Platform,
    /// A project as a whole.
    Project(&'a ProjectName),
    /// An environment as a whole.
    Environment(&'a EnvironmentId),
    /// All configs of an environment whose key starts with a prefix.
    Configs(&'a EnvironmentId, &'a str),
    /// One config.
    Config(&'a ConfigId),
}

/// The reason why a principal may not perform an action.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Denied {
    /// The API key does not exist or was revoked.
    #[error("the API key is unknown or revoked")]
    UnknownKey,
    /// The API key has expired.
    #[error("the API key has expired")]
    ExpiredKey,
    /// A scope of the principal covers the resource, but without this permission.
    #[error("the credential lacks the permission {}", .0.as_str())]
    MissingPermission(Permission),
    /// No scope of the principal covers the resource.
    #[error("the credential's scope does not reach this resource")]
    OutOfScope,
    /// The user's rights were resolved before the user's current epoch.
    #[error("the access token is from before a change of the person's rights or sessions; refresh it")]
    Outdated,
}

/// The actor of a request, with the rights that the request carries for a user.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    /// The actor.
    pub actor: &'a Actor,
    /// The resolved rights of a user; `None` for other actors.
    pub person: Option<&'a Person>,
}

/// The effective rights of a principal.
enum Rights<'a> {
    /// All permissions everywhere: the system actor.
    All,
    /// The permissions and scope of an API key.
    Key(&'a ApiKey),
    /// The grants of a user that hold in this state.
    Grants(Vec<Cow<'a, Grant>>),
}

/// Checks that the credential is valid at the time `at`, without checking any permission.
///
/// Fails with [`Denied::UnknownKey`], [`Denied::ExpiredKey`] or [`Denied::Outdated`].
pub fn identify(state: &State, who: Principal<'_>, at: Timestamp) -> Result<(), Denied> {
    rights(state, who, at).map(drop)
}

fn rights<'a>(state: &'a State, who: Principal<'a>, at: Timestamp) -> Result<Rights<'a>, Denied> {
    match who.actor {
        Actor::System => Ok(Rights::All),
        Actor::ApiKey(key) => {
            let key = state.api_key(key).ok_or(Denied::UnknownKey)?;
            if key.expires_at.is_some_and(|expiry| expiry <= at) {
                return Err(Denied::ExpiredKey);
            }
            Ok(Rights::Key(key))
        }
        Actor::User(user) => match who.person {
            Some(person) if person.epoch >= state.epoch(user) => {
                Ok(Rights::Grants(person.holding(state).collect()))
            }
            _ => Err(Denied::Outdated),
        },
    }
}

/// Checks that the principal has `permission` on `resource` at the time `at`.
pub fn authorize(
    state: &State,
    who: Principal<'_>,
    permission: Permission,
    resource: Resource<'_>,
    at: Timestamp,
) -> Result<(), Denied> {
    let rights = rights(state, who, at)?;
    let rights = match &rights {
        Rights::All => return Ok(()),
        Rights::Key(key) => vec![(key.scope(), &key.permissions)],
        Rights::Grants(grants) => grants.iter().map(|grant| (grant.scope(), &grant.permissions)).collect(),
    };
    let mut reached = rights.iter().filter(|(scope, _)| reaches(*scope, permission, resource)).peekable();
    if reached.peek().is_none() {
        return Err(Denied::OutOfScope);
    }
    if reached.any(|(_, permissions)| permissions.contains(&permission)) {
        Ok(())
    } else {
        Err(Denied::MissingPermission(permission))
    }
}

/// Checks that the principal has one of `permissions` on any part of the project at the time `at`.
pub fn authorize_somewhere(
    state: &State,
    who: Principal<'_>,
    permissions: &[Permission],
    project: &ProjectName,
    at: Timestamp,
) -> Result<(), Denied> {
    let has = |scope: Scope<'_>, held: &BTreeSet<Permission>| {
        scope.project.is_none_or(|own| own == project) && permissions.iter().any(|one| held.contains(one))
    };
    let allowed = match rights(state, who, at)? {
        Rights::All => true,
        Rights::Key(key) => has(key.scope(), &key.permissions),
        Rights::Grants(grants) => grants.iter().any(|grant| has(grant.scope(), &grant.permissions)),
    };
    match permissions.first() {
        Some(first) if !allowed => Err(Denied::MissingPermission(*first)),
        _ => Ok(()),
    }
}

impl Permission {
    /// The weakest built-in role that includes this permission.
    pub fn least_role(self) -> BuiltInRole {
        match self {
            Self::DocumentRead | Self::SchemaRead | Self::EnvironmentRead | Self::ProjectRead => {
                BuiltInRole::Viewer
            }
            Self::DocumentWrite | Self::DocumentDelete | Self::SchemaWrite => BuiltInRole::Editor,
            Self::SchemaDelete
            | Self::EnvironmentWrite
            | Self::EnvironmentDelete
            | Self::KeyRead
            | Self::KeyWrite
            | Self::MemberRead
            | Self::MemberWrite
            | Self::AuditRead
            | Self::ProjectWrite => BuiltInRole::Admin,
            Self::ClusterRead
            | Self::ClusterWrite
            | Self::GroupRead
            | Self::GroupWrite
            | Self::OrganisationRead
            | Self::OrganisationWrite
            | Self::ProjectCreate
            | Self::ProjectDelete
            | Self::QuotaWrite
            | Self::RoleRead
            | Self::RoleWrite
            | Self::UserRead
            | Self::UserWrite => BuiltInRole::PlatformAdmin,
        }
    }

    /// Whether the permission only reads metadata of a project: the project, its environments, its schemas.
    fn reads_project(self) -> bool {
        matches!(self, Self::ProjectRead | Self::EnvironmentRead | Self::SchemaRead)
    }
}

/// The part of the platform in which a permission holds.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The project; `None` means the platform and all projects.
    pub project: Option<&'a ProjectName>,
    /// The environments; `None` means all.
    pub environments: Option<&'a BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys; `None` means all keys.
    pub key_prefixes: Option<&'a BTreeSet<String>>,
}

/// Whether the scope covers the resource for this permission.
///
/// A scope that is limited to environments or key prefixes may read its project, but may not change what the
/// whole project shares (schemas, API keys, environments), nor anything of the platform.
fn reaches(scope: Scope<'_>, permission: Permission, resource: Resource<'_>) -> bool {
    let whole_project = scope.environments.is_none() && scope.key_prefixes.is_none();
    let whole_environment = scope.key_prefixes.is_none();
    let owns = |project: &ProjectName| scope.project.is_none_or(|own| own == project);
    let in_environment = |environment: &EnvironmentId| {
        owns(&environment.project)
            && scope.environments.is_none_or(|allowed| allowed.contains(&environment.name))
    };
    let has_prefix = |text: &str| {
        scope
            .key_prefixes
            .is_none_or(|allowed| allowed.iter().any(|prefix| text.starts_with(prefix.as_str())))
    };
    match resource {
        Resource::Platform => scope.project.is_none() && (whole_project || permission.reads_project()),
        Resource::Project(project) => owns(project) && (whole_project || permission.reads_project()),
        Resource::Environment(environment) => {
            in_environment(environment) && (whole_environment || permission.reads_project())
        }
        Resource::Configs(environment, prefix) => in_environment(environment) && has_prefix(prefix),
        Resource::Config(id) => in_environment(&id.environment_id()) && has_prefix(id.key.as_str()),
    }
}

/// Whether the principal may issue the key `child`: it must have every permission of the key, in the key's
/// whole scope, and must not expire before it. The permissions of a user may come from several roles.
pub fn may_grant(state: &State, who: Principal<'_>, child: &ApiKey, at: Timestamp) -> Result<bool, Denied> {
    Ok(match rights(state, who, at)? {
        Rights::All => true,
        Rights::Key(parent) => {
            let expires_within = match (parent.expires_at, child.expires_at) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(parent), Some(child)) => child <= parent,
            };
            child.permissions.is_subset(&parent.permissions)
                && expires_within
                && child.scope().is_within(parent.scope())
        }
        Rights::Grants(grants) => child.permissions.iter().all(|permission| {
            let grants_it = |grant: &Cow<'_, Grant>| {
                grant.permissions.contains(permission) && child.scope().is_within(grant.scope())
            };
            grants.iter().any(grants_it)
        }),
    })
}

/// Whether the principal has all of these permissions in the whole scope without an expiry, as granting a
/// role requires. Always false for an API key that expires.
pub fn holds(
    state: &State,
    who: Principal<'_>,
    permissions: &BTreeSet<Permission>,
    scope: Scope<'_>,
    at: Timestamp,
) -> Result<bool, Denied> {
    Ok(match rights(state, who, at)? {
        Rights::All => true,
        Rights::Key(key) => {
            key.expires_at.is_none()
                && permissions.is_subset(&key.permissions)
                && scope.is_within(key.scope())
        }
        Rights::Grants(grants) => permissions.iter().all(|permission| {
            let gives = |grant: &Cow<'_, Grant>| {
                grant.permissions.contains(permission) && scope.is_within(grant.scope())
            };
            grants.iter().any(gives)
        }),
    })
}

impl Scope<'_> {
    /// Whether `other` covers everything that this scope covers.
    pub fn is_within(self, other: Scope<'_>) -> bool {
        let project = other.project.is_none() || self.project == other.project;
        let environments = match (other.environments, self.environments) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(outer), Some(inner)) => inner.is_subset(outer),
        };
        let prefixes = match (other.key_prefixes, self.key_prefixes) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(outer), Some(inner)) => {
                inner.iter().all(|prefix| outer.iter().any(|allowed| prefix.starts_with(allowed.as_str())))
            }
        };
        project && environments && prefixes
    }
}
