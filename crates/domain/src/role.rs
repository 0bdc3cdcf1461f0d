//! Roles, and what a person may do by them.
//!
//! Who has which role is not replicated; a request of a person carries what it grants, with the epoch at
//! which that was found. The replicated state knows only the newest epoch of each person, and refuses
//! what was found before it.

use crate::access::{Permission, Scope};
use crate::limits::GRANTS_MAX;
use crate::{Command, EnvironmentId, EnvironmentName, Epoch, ProjectName, Revision, RoleName, State};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The roles that every installation has, each with all that the one before may.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum BuiltInRole {
    /// Reads a project.
    Viewer,
    /// Also changes its documents and schemas.
    Editor,
    /// Also manages its environments, keys and members.
    Admin,
    /// May do everything everywhere; never given for one project.
    PlatformAdmin,
}

impl BuiltInRole {
    /// Every built-in role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::PlatformAdmin];

    /// Its name, which no other role may have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::PlatformAdmin => "platform-admin",
        }
    }

    /// The built-in role of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What it allows.
    pub fn permissions(self) -> BTreeSet<Permission> {
        Permission::ALL.iter().copied().filter(|permission| permission.least_role() <= self).collect()
    }
}

/// What one role gives a person somewhere. Carried in commands: fields are only ever added.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Grant {
    /// By which role, for people.
    pub role: RoleName,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
    /// In which project; `None` for the platform and every project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// In which environments; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// For which prefixes of config keys; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefixes: Option<BTreeSet<String>>,
}

impl Grant {
    /// Where it holds.
    pub fn scope(&self) -> Scope<'_> {
        Scope {
            project: self.project.as_ref(),
            environments: self.environments.as_ref(),
            key_prefixes: self.key_prefixes.as_ref(),
        }
    }
}

/// What a person may do, and how old that knowledge is.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Person {
    /// The person's epoch when the grants were found.
    pub epoch: Epoch,
    /// What the person's roles give.
    pub grants: Vec<Grant>,
    /// The revision up to which deleted projects and environments are taken into account: a grant for a project
    /// does not hold in a project of the same name that was created later, nor in a later environment. `None` in
    /// commands from before this was kept, whose grants are not bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Revision>,
}

impl Person {
    /// The same with what can count for a command and no more, for a command to carry: the grants of the platform
    /// and of its project, at most [`GRANTS_MAX`].
    #[must_use]
    pub fn about(&self, command: &Command) -> Self {
        let counts = |grant: &&Grant| grant.project.as_ref().is_none_or(|project| command.is_about(project));
        Self {
            epoch: self.epoch,
            grants: self.grants.iter().filter(counts).take(GRANTS_MAX).cloned().collect(),
            as_of: self.as_of,
        }
    }

    /// The grants that hold in this state: without projects and environments that were created after the grants
    /// were found, because those only share the name of what the grants are for.
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
