//! Who may do what. Deny by default: only what a key's or a role's permissions and scopes name is allowed.
//!
//! The same function answers before a command is proposed and again when it is applied, so a key
//! that was revoked in between changes nothing.

use crate::role::{BuiltInRole, Grant, Person};
use crate::{
    ApiKey, ConfigId, EnvironmentId, EnvironmentName, KeyRef, ProjectName, State, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// Who asks for a change.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The cluster itself, for its own start-up.
    System,
    /// The holder of an API key.
    ApiKey(KeyRef),
    /// A person who signed in.
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
    /// See and search what was done, by whom.
    AuditRead = "audit:record:read",
    /// See groups of people.
    GroupRead = "platform:group:read",
    /// Change groups of people.
    GroupWrite = "platform:group:write",
    /// See organisations.
    OrganisationRead = "platform:organisation:read",
    /// Change organisations, their members and what they own.
    OrganisationWrite = "platform:organisation:write",
    /// See roles.
    RoleRead = "platform:role:read",
    /// Create, change and delete roles.
    RoleWrite = "platform:role:write",
    /// See people.
    UserRead = "platform:user:read",
    /// Invite, change and deactivate people.
    UserWrite = "platform:user:write",
    /// See who has which role in a project.
    MemberRead = "project:member:read",
    /// Give and take roles in a project.
    MemberWrite = "project:member:write",
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
    /// The key or the person lacks a permission.
    #[error("the credential lacks the permission {}", .0.as_str())]
    MissingPermission(Permission),
    /// Nothing that the key or the person has holds for this project, environment or config key.
    #[error("the credential's scope does not reach this resource")]
    OutOfScope,
    /// What the request says of a person's rights was found before they last changed.
    #[error("the access token is from before a change of the person's rights or sessions; refresh it")]
    Outdated,
}

/// Who asks, with what is known of a person's rights.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// What a person may do, as the request says; nothing for other actors.
    pub person: Option<&'a Person>,
}

/// What the principal may do by what the state or the request says.
enum Rights<'a> {
    /// Everything.
    All,
    /// What a key says.
    Key(&'a ApiKey),
    /// What the roles of a person say, as far as it holds in the state.
    Grants(Vec<Cow<'a, Grant>>),
}

/// Says whether the principal is known at the time `at`, whatever it may do.
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

/// Says whether the principal may use `permission` on `resource` at the time `at`.
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

/// Says whether the principal may use one of `permissions` on anything in the project at the time `at`.
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
    /// The weakest built-in role that has it.
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

    /// Whether it only lets see what belongs to a project as a whole.
    fn reads_project(self) -> bool {
        matches!(self, Self::ProjectRead | Self::EnvironmentRead | Self::SchemaRead)
    }
}

/// Where a right holds.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// In which project; `None` for the platform and every project.
    pub project: Option<&'a ProjectName>,
    /// In which environments; `None` for all.
    pub environments: Option<&'a BTreeSet<EnvironmentName>>,
    /// For which prefixes of config keys; `None` for all.
    pub key_prefixes: Option<&'a BTreeSet<String>>,
}

/// What is scoped to environments or key prefixes sees its project, but changes nothing that others share: a
/// schema, a key or an environment concerns what is out of its scope. So does everything of the platform: people,
/// roles, members of the cluster.
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

/// Says whether the principal may hand out a key with the rights of `child`: nobody grants more than they
/// have. A person's rights may come from several roles.
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

/// Says whether the principal has every one of these permissions in all of the scope, and for good: who gives
/// a role must have it themselves. A key that expires has nothing for good.
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
    /// Whether everything in this scope is in the other.
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
