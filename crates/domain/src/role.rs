//! Roles, and the rights that they give a user.
//!
//! Role assignments are not part of the replicated state. A request of a user carries the resolved grants and
//! the user's epoch at that time. The state stores only the current epoch of each user, and refuses grants
//! that were resolved before it.

use crate::access::{Permission, Scope};
use crate::limits::GRANTS_MAX;
use crate::{Command, EnvironmentId, EnvironmentName, Epoch, ProjectName, Revision, RoleName, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The built-in roles. Each includes the permissions of the previous one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum BuiltInRole {
    /// Reads a project.
    Viewer,
    /// Changes documents and schemas of a project.
    Editor,
    /// Manages environments, API keys and members of a project.
    Admin,
    /// Has all permissions everywhere; cannot be limited to a project.
    PlatformAdmin,
}

impl BuiltInRole {
    /// All built-in roles, the weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::PlatformAdmin];

    /// The reserved name of the role.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::PlatformAdmin => "platform-admin",
        }
    }

    /// The built-in role with this name; `None` if there is none.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The permissions of the role.
    pub fn permissions(self) -> BTreeSet<Permission> {
        Permission::ALL.iter().copied().filter(|permission| permission.least_role() <= self).collect()
    }
}

/// The permissions of one role in one scope. Part of stored commands: fields are only added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Grant {
    /// The role that gives the permissions; informative.
    pub role: RoleName,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
    /// The project; `None` means the platform and all projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The environments; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys; `None` means all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefixes: Option<BTreeSet<String>>,
}

impl Grant {
    /// The scope of the permissions.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            project: self.project.as_ref(),
            environments: self.environments.as_ref(),
            key_prefixes: self.key_prefixes.as_ref(),
        }
    }
}

/// The resolved rights of a user, with their age.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Person {
    /// The user's epoch when the grants were resolved.
    pub epoch: Epoch,
    /// The grants.
    pub grants: Vec<Grant>,
    /// The revision of the state for which the grants were resolved. A grant does not apply to a project or
    /// environment that was created later, even under the same name. `None` in commands of older releases,
    /// whose grants have no such bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Revision>,
}

impl Person {
    /// The rights to store in a command: only the grants of the platform and of the command's projects, at
    /// most [`GRANTS_MAX`].
    #[must_use]
    pub fn about(&self, command: &Command) -> Self {
        let counts = |grant: &&Grant| grant.project.as_ref().is_none_or(|project| command.is_about(project));
        Self {
            epoch: self.epoch,
            grants: self.grants.iter().filter(counts).take(GRANTS_MAX).cloned().collect(),
            as_of: self.as_of,
        }
    }

    /// The grants that hold in this state: those for projects and environments created after `as_of` are
    /// left out.
    pub fn holding<'a>(&'a self, state: &'a State) -> impl Iterator<Item = Cow<'a, Grant>> {
        let later = move |created: Revision| self.as_of.is_some_and(|as_of| created > as_of);
        self.grants.iter().filter_map(move |grant| {
            let Some(name) = &grant.project else { return Some(Cow::Borrowed(grant)) };
            if state.project(name).is_some_and(|project| later(project.created_revision)) {
                return None;
            }
            let is_later = |environment: &EnvironmentName| {
                let id = EnvironmentId { project: name.clone(), name: environment.clone() };
                state.environment(&id).is_some_and(|environment| later(environment.revision))
            };
            match &grant.environments {
                Some(environments) if environments.iter().any(is_later) => {
                    let mut narrowed = grant.clone();
                    let kept = environments.iter().filter(|environment| !is_later(environment));
                    narrowed.environments = Some(kept.cloned().collect());
                    Some(Cow::Owned(narrowed))
                }
                _ => Some(Cow::Borrowed(grant)),
            }
        })
    }
}
