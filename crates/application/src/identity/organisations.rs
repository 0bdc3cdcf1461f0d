//! Organisations and the projects that they own.

use super::Listed;
use super::shared::Shared;
use crate::ports::identity::Organisation;
use crate::{Error, RequestContext};
use domain::{KeyLabel, OrganisationName, ProjectName};
use std::sync::Arc;

/// Use cases on organisations.
#[derive(Clone, Debug)]
pub struct Organisations {
    shared: Arc<Shared>,
}

/// An organisation to be.
#[derive(Clone, Debug)]
pub struct PutOrganisation {
    /// Its name.
    pub name: OrganisationName,
    /// What people call it.
    pub label: KeyLabel,
    /// Whether everybody with a role in it must use a second factor.
    pub second_factor_required: bool,
}

impl Organisations {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Organisations, by name.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        after: Option<&OrganisationName>,
        size: u32,
    ) -> Result<Listed<Organisation, OrganisationName>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Makes or changes an organisation.
    pub async fn put(&self, ctx: &RequestContext, request: PutOrganisation) -> Result<Organisation, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Deletes an organisation with the roles in it.
    pub async fn delete(&self, ctx: &RequestContext, name: &OrganisationName) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The projects of an organisation, by name.
    pub async fn projects(
        &self,
        ctx: &RequestContext,
        name: &OrganisationName,
    ) -> Result<Vec<ProjectName>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Gives a project to an organisation, or with `None` to nobody.
    pub async fn own(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        organisation: Option<&OrganisationName>,
    ) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Forgets a project that is gone, with its owner and every role in it. To be called after a project was deleted; what calls it has checked the right to that. Harmless for a project that still exists: nothing is done then.
    pub async fn forget_project(&self, project: &ProjectName) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
