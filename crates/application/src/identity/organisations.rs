//! Use cases on organisations and the projects that they own.

use super::Listed;
use super::record::Act;
use super::shared::{Asker, Shared};
use crate::ports::identity::{Gone, IdentityError, Organisation, Owned, Place};
use crate::{Error, RequestContext};
use domain::{KeyLabel, OrganisationName, Permission, ProjectName, Resource};
use std::sync::Arc;

/// Most attempts to change the owner of a project when it changes concurrently.
const OWN_TRIES: usize = 3;

/// Use cases on organisations.
#[derive(Clone, Debug)]
pub struct Organisations {
    shared: Arc<Shared>,
}

/// An organisation to create or change.
#[derive(Clone, Debug)]
pub struct PutOrganisation {
    /// The name.
    pub name: OrganisationName,
    /// The display name.
    pub label: KeyLabel,
    /// Whether every user with a role in it must use a second factor.
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
        self.shared.allowed(ctx, Permission::OrganisationRead, Resource::Platform).await?;
        let found = self.shared.ports.organisations.list(after, size.saturating_add(1)).await?;
        Ok(Listed::take(found, size, |organisation| organisation.name.clone()))
    }

    /// Creates or changes an organisation. To change one, the caller must have all permissions of the roles
    /// in it, because the change decides whether their holders need a second factor.
    pub async fn put(&self, ctx: &RequestContext, request: PutOrganisation) -> Result<Organisation, Error> {
        let shared = &*self.shared;
        let asker = shared.may_change(ctx, Permission::OrganisationWrite, Resource::Platform).await?;
        self.not_above(&asker, &request.name).await?;
        let PutOrganisation { name, label, second_factor_required } = request;
        let organisation = Organisation { name, label, second_factor_required, created_at: shared.now() };
        shared.ports.organisations.put(&organisation).await?;
        shared.settle().await;
        let act = Act::done("organisation.put", &organisation.name)
            .with("second_factor_required", second_factor_required);
        shared.acted(ctx, act).await;
        Ok(organisation)
    }

    /// Deletes an organisation and the roles in it.
    pub async fn delete(&self, ctx: &RequestContext, name: &OrganisationName) -> Result<(), Error> {
        let shared = &*self.shared;
        let asker = shared.may_change(ctx, Permission::OrganisationWrite, Resource::Platform).await?;
        self.not_above(&asker, name).await?;
        if !shared.ports.organisations.delete(name).await? {
            return Err(Error::not_found("organisation", name));
        }
        shared.settle().await;
        shared.acted(ctx, Act::done("organisation.delete", name)).await;
        Ok(())
    }

    /// The projects of an organisation, by name.
    pub async fn projects(
        &self,
        ctx: &RequestContext,
        name: &OrganisationName,
    ) -> Result<Vec<ProjectName>, Error> {
        self.shared.allowed(ctx, Permission::OrganisationRead, Resource::Platform).await?;
        Ok(self.shared.ports.organisations.projects(name).await?)
    }

    /// Makes an organisation the owner of a project. If another organisation owns it, the caller must have
    /// all permissions of the roles there.
    pub async fn own(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        organisation: &OrganisationName,
    ) -> Result<(), Error> {
        let shared = &*self.shared;
        let asker = self.may_move(ctx, project, organisation).await?;
        let mut owner = None;
        for _ in 0..OWN_TRIES {
            let tried = shared.ports.organisations.own(project, owner.as_ref(), Some(organisation)).await;
            match tried {
                Err(IdentityError::Missing("organisation")) => {
                    return Err(Error::not_found("organisation", organisation));
                }
                Err(error) => return Err(error.into()),
                Ok(Owned::By(present)) if present.as_ref() == Some(organisation) => return Ok(()),
                Ok(Owned::By(present)) => {
                    // The roles in the previous owner lose the project.
                    if let Some(present) = &present {
                        self.not_above(&asker, present).await?;
                    }
                    owner = present;
                }
                Ok(Owned::Moved) => {
                    self.moved(ctx, project, Some(organisation)).await;
                    return Ok(());
                }
            }
        }
        Err(Error::Contended)
    }

    /// Checks that the caller may give or take the project to or from the roles in this organisation.
    async fn may_move(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        organisation: &OrganisationName,
    ) -> Result<Asker, Error> {
        let asker = self.shared.may_change(ctx, Permission::OrganisationWrite, Resource::Platform).await?;
        asker.view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        self.not_above(&asker, organisation).await?;
        self.shared.forgotten_before(&asker, project, None).await?;
        Ok(asker)
    }

    /// Removes a project from the organisation that owns it.
    pub async fn disown(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        organisation: &OrganisationName,
    ) -> Result<(), Error> {
        self.may_move(ctx, project, organisation).await?;
        if self.shared.ports.organisations.own(project, Some(organisation), None).await? != Owned::Moved {
            return Err(Error::not_found("project", format!("{project} of organisation {organisation}")));
        }
        self.moved(ctx, project, None).await;
        Ok(())
    }

    async fn moved(&self, ctx: &RequestContext, project: &ProjectName, to: Option<&OrganisationName>) {
        self.shared.settle().await;
        let name = to.map_or("", OrganisationName::as_str);
        let act = Act::done("organisation.own", project).within(Some(project)).with("organisation", name);
        self.shared.acted(ctx, act).await;
    }

    /// Removes the owner and all roles of a deleted project. Does nothing if the project still exists. Checks
    /// no permission: the caller of this method has checked the right to delete the project.
    pub async fn forget_project(&self, project: &ProjectName) -> Result<(), Error> {
        let (view, _) = self.shared.view().await?;
        if view.state.project(project).is_some() {
            return Ok(());
        }
        self.shared.ports.organisations.forget(&Gone::Project(project.clone())).await?;
        self.shared.settle().await;
        Ok(())
    }

    /// Checks that the caller has all permissions of the roles in the organisation, in all projects.
    async fn not_above(&self, asker: &Asker, name: &OrganisationName) -> Result<(), Error> {
        for binding in self.shared.bindings(&Place::Organisation(name.clone())).await? {
            self.shared.not_above_role(asker, &binding).await?;
        }
        Ok(())
    }
}
