//! Role bindings and custom roles.

use super::IdentityError;
use async_trait::async_trait;
use domain::{
    EnvironmentName, Grant, GroupName, OrganisationName, Permission, ProjectName, RoleName, Timestamp, UserId,
};
use std::collections::BTreeSet;

/// The place where a role is granted.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// The platform and all projects.
    Platform,
    /// All projects that the organisation owns, now or later.
    Organisation(OrganisationName),
    /// One project.
    Project(ProjectName),
}

/// The holder of a role.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// A user.
    User(UserId),
    /// All members of the group and of the groups within it.
    Group(GroupName),
}

/// A role granted to a subject in a place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// The holder.
    pub subject: Subject,
    /// The role: on the platform any except `viewer`, `editor` and `admin`; elsewhere any except
    /// `platform-admin`.
    pub role: RoleName,
    /// The place.
    pub place: Place,
    /// The environments in its scope; `None` means all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// The prefixes of config keys in its scope; `None` means all keys.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// The actor that granted it.
    pub given_by: String,
    /// The time at which it was granted.
    pub given_at: Timestamp,
}

/// A role that the platform's administrators defined.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustomRole {
    /// The name, which must not be that of a built-in role.
    pub name: RoleName,
    /// The description of its purpose.
    pub description: String,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
    /// The time of the last change.
    pub updated_at: Timestamp,
}

/// A subject with a role in one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The role binding.
    pub binding: Binding,
    /// The user; `None` for a group.
    pub user: Option<super::User>,
}

/// The projects to which the roles in an organisation extend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// The projects that the organisation currently owns.
    Now,
    /// All projects, because the organisation may later own any. For comparing the rights of two users.
    Ever,
}

/// Stores custom roles and role bindings. A change of rights adds every affected user to the epoch outbox in
/// the same transaction.
#[async_trait]
pub trait Roles: Send + Sync {
    /// The grants of an active user, also through groups and organisations, with custom roles resolved. In
    /// order of project and role; empty for unknown and deactivated users.
    async fn grants(&self, user: &UserId, reach: Reach) -> Result<Vec<Grant>, IdentityError>;

    /// Grants a role. A subject has at most one role in a place, so this replaces an earlier one. Fails with
    /// `Missing("user" | "group" | "role" | "organisation")` and `LastAdministrator`.
    async fn bind(&self, binding: &Binding) -> Result<(), IdentityError>;

    /// Revokes the role of a subject in a place; false if there was none. Fails with `LastAdministrator` if
    /// the platform would have no active administrator.
    async fn unbind(&self, subject: &Subject, place: &Place) -> Result<bool, IdentityError>;

    /// The subjects with a role in exactly this place after `after`, in order, at most `limit`.
    async fn members(
        &self,
        place: &Place,
        after: Option<&Subject>,
        limit: u32,
    ) -> Result<Vec<Member>, IdentityError>;

    /// The custom roles, by name.
    async fn custom(&self) -> Result<Vec<CustomRole>, IdentityError>;

    /// Creates or changes a custom role. Fails with `Full` beyond [`crate::identity::ROLES_MAX`].
    async fn put_custom(&self, role: &CustomRole) -> Result<(), IdentityError>;

    /// Deletes a custom role and its bindings; false if there was none.
    async fn delete_custom(&self, name: &RoleName) -> Result<bool, IdentityError>;
}
