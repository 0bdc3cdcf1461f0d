//! Organisations, which own projects.

use super::IdentityError;
use async_trait::async_trait;
use domain::{EnvironmentId, KeyLabel, OrganisationName, ProjectName, Timestamp};

/// An organisation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Organisation {
    /// Its name.
    pub name: OrganisationName,
    /// What people call it.
    pub label: KeyLabel,
    /// Whether everybody with a role in it must use a second factor.
    pub second_factor_required: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Something that was deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Gone {
    /// A project with everything in it.
    Project(ProjectName),
    /// An environment.
    Environment(EnvironmentId),
}

/// What became of a project that was to have another owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Owned {
    /// It has.
    Moved,
    /// Nothing was changed, for this is its owner and not the one that was named.
    By(Option<OrganisationName>),
}

/// Keeps organisations. Whatever takes or gives rights puts everybody concerned into the outbox in the same
/// transaction. So does what makes people set up a second factor first: to require it, and to give a project with its
/// members to an organisation that does.
#[async_trait]
pub trait Organisations: Send + Sync {
    /// Makes or changes an organisation. `Full` beyond [`crate::identity::ORGANISATIONS_MAX`].
    async fn put(&self, organisation: &Organisation) -> Result<(), IdentityError>;

    /// Deletes an organisation with the roles in it; its projects have no owner then. False when there was none.
    async fn delete(&self, name: &OrganisationName) -> Result<bool, IdentityError>;

    /// At most `limit` organisations with names after `after`, by name.
    async fn list(
        &self,
        after: Option<&OrganisationName>,
        limit: u32,
    ) -> Result<Vec<Organisation>, IdentityError>;

    /// Gives a project of `from` to `to`; `None` is nobody. `Missing("organisation")`.
    async fn own(
        &self,
        project: &ProjectName,
        from: Option<&OrganisationName>,
        to: Option<&OrganisationName>,
    ) -> Result<Owned, IdentityError>;

    /// The projects of an organisation, by name.
    async fn projects(&self, name: &OrganisationName) -> Result<Vec<ProjectName>, IdentityError>;

    /// Whether the person must use a second factor because of an organisation in which they have a role.
    async fn requires_second_factor(&self, user: &domain::UserId) -> Result<bool, IdentityError>;

    /// Forgets what is gone, so that something later of the same name starts with nobody: of a project its owner
    /// and every role and invitation in it; an environment is taken out of the roles of its project, and roles that
    /// were for no other environment end.
    async fn forget(&self, gone: &Gone) -> Result<(), IdentityError>;
}
