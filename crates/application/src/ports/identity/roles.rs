//! Who has which role where.

use super::IdentityError;
use async_trait::async_trait;
use domain::{
    EnvironmentName, Grant, GroupName, OrganisationName, Permission, ProjectName, RoleName, Timestamp, UserId,
};
use std::collections::BTreeSet;

/// Where a role is given.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// The platform and every project.
    Platform,
    /// Every project that the organisation owns, now or later.
    Organisation(OrganisationName),
    /// One project.
    Project(ProjectName),
}

/// Who is given a role.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// A person.
    User(UserId),
    /// Everybody in the group and in the groups within it.
    Group(GroupName),
}

/// A role that was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Binding {
    /// To whom.
    pub subject: Subject,
    /// Which role: `platform-admin` only on the platform, and the other built-in ones not there.
    pub role: RoleName,
    /// Where.
    pub place: Place,
    /// In which environments of the projects; `None` for all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// For which prefixes of config keys; `None` for all.
    pub key_prefixes: Option<BTreeSet<String>>,
    /// By whom it was given.
    pub given_by: String,
    /// When.
    pub given_at: Timestamp,
}

/// A role that the platform made for itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustomRole {
    /// Its name; none of the built-in ones.
    pub name: RoleName,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Somebody with a role in one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// The role that was given.
    pub binding: Binding,
    /// The name and address of a person; `None` for a group.
    pub user: Option<super::User>,
}

/// How far the roles in organisations are taken to reach.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// To the projects that the organisation owns now.
    Now,
    /// To every project, for any may be the organisation's later: what two people are compared by.
    Ever,
}

/// Keeps roles and who has them. Whatever takes or gives rights puts everybody concerned into the outbox in
/// the same transaction.
#[async_trait]
pub trait Roles: Send + Sync {
    /// What an active person's roles give, through groups and organisations too, with custom roles resolved,
    /// ordered by project and role; empty for nobody and for those who may not come in.
    async fn grants(&self, user: &UserId, reach: Reach) -> Result<Vec<Grant>, IdentityError>;

    /// Gives a role; a subject has one role in one place, so another takes the place of the one before.
    /// `Missing("user" | "group" | "role" | "organisation")`, `LastAdministrator`.
    async fn bind(&self, binding: &Binding) -> Result<(), IdentityError>;

    /// Takes the role of a subject in a place; false when there was none. `LastAdministrator` when the
    /// platform would have no active administrator.
    async fn unbind(&self, subject: &Subject, place: &Place) -> Result<bool, IdentityError>;

    /// Everybody with a role in exactly this place, by subject, after `after`, at most `limit`.
    async fn members(
        &self,
        place: &Place,
        after: Option<&Subject>,
        limit: u32,
    ) -> Result<Vec<Member>, IdentityError>;

    /// The custom roles, by name.
    async fn custom(&self) -> Result<Vec<CustomRole>, IdentityError>;

    /// Makes or changes a custom role. `Full` beyond [`crate::identity::ROLES_MAX`].
    async fn put_custom(&self, role: &CustomRole) -> Result<(), IdentityError>;

    /// Deletes a custom role with everything given by it; false when there was none.
    async fn delete_custom(&self, name: &RoleName) -> Result<bool, IdentityError>;
}
