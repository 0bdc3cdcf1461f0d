//! Organisations, which own projects.

use super::IdentityError;
use async_trait::async_trait;
use domain::{EnvironmentId, KeyLabel, OrganisationName, ProjectName, Timestamp};

/// An organisation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Organisation {
    /// The name.
    pub name: OrganisationName,
    /// The display name.
    pub label: KeyLabel,
    /// Whether every user with a role in it must use a second factor.
    pub second_factor_required: bool,
    /// The time of its creation.
    pub created_at: Timestamp,
}

/// A deleted project or environment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Gone {
    /// A project with all its contents.
    Project(ProjectName),
    /// An environment.
    Environment(EnvironmentId),
}

/// The result of changing the owner of a project.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Owned {
    /// The owner was changed.
    Moved,
    /// Nothing was changed: the owner is this one, not the expected one.
    By(Option<OrganisationName>),
}

/// Stores organisations.
///
/// - A change of rights adds every affected user to the epoch outbox in the same transaction.
/// - So does a change by which users must first set up a second factor: requiring it, and giving a project to
///   an organisation that requires it.
#[async_trait]
pub trait Organisations: Send + Sync {
    /// Creates or changes an organisation. Fails with `Full` beyond [`crate::identity::ORGANISATIONS_MAX`].
    async fn put(&self, organisation: &Organisation) -> Result<(), IdentityError>;

    /// Deletes an organisation and the roles in it; its projects have no owner afterwards. False if there was
    /// none.
    async fn delete(&self, name: &OrganisationName) -> Result<bool, IdentityError>;

    /// The organisations after `after`, by name, at most `limit`.
    async fn list(
        &self,
        after: Option<&OrganisationName>,
        limit: u32,
    ) -> Result<Vec<Organisation>, IdentityError>;

    /// Changes the owner of a project from `from` to `to`; `None` means no owner. Fails with
    /// `Missing("organisation")`.
    async fn own(
        &self,
        project: &ProjectName,
        from: Option<&OrganisationName>,
        to: Option<&OrganisationName>,
    ) -> Result<Owned, IdentityError>;

    /// The projects of an organisation, by name.
    async fn projects(&self, name: &OrganisationName) -> Result<Vec<ProjectName>, IdentityError>;

    /// Whether any organisation in which the user has a role requires a second factor.
    async fn requires_second_factor(&self, user: &domain::UserId) -> Result<bool, IdentityError>;

    /// Removes all records of a deleted project or environment, so that they do not apply to a later one of
    /// the same name.
    ///
    /// - Project: its owner, and all roles and invitations in it.
    /// - Environment: it is removed from the roles in its project. A role that had no other environment is
    ///   removed.
    async fn forget(&self, gone: &Gone) -> Result<(), IdentityError>;
}
