//! Use cases on projects and environments.

use crate::ports::Freshness;
use crate::{Changed, Core, Error, Page, PageRequest, RequestContext, Seen};
use domain::{
    Actor, Command, DisplayName, Environment, EnvironmentId, EnvironmentName, KeyRef, Permission, Project,
    ProjectName, Quotas, Receipt, Resource, Retention, Usage,
};

/// Use cases on projects and environments.
#[derive(Clone, Debug)]
pub struct Projects {
    core: Core,
}

/// A change of a project; `None` leaves a value unchanged.
#[derive(Clone, Debug)]
pub struct ChangeProject {
    /// The project.
    pub name: ProjectName,
    /// The display name.
    pub display_name: Option<DisplayName>,
    /// The quotas.
    pub quotas: Option<Quotas>,
    /// The retention of its history.
    pub retention: Option<Retention>,
}

/// A project with its usage.
#[derive(Clone, Debug)]
pub struct ProjectDetail {
    /// The project.
    pub project: Project,
    /// The usage.
    pub usage: Usage,
    /// The number of API keys.
    pub api_keys: u64,
}

impl Projects {
    pub(crate) fn new(core: Core) -> Self {
        Self { core }
    }

    /// Creates a project with its environment `default`.
    pub async fn create(
        &self,
        ctx: &RequestContext,
        name: ProjectName,
        display_name: DisplayName,
    ) -> Result<Changed<Project>, Error> {
        self.core.commit(ctx, Command::CreateProject { name, display_name }).await?.map(|receipt| {
            match receipt {
                Receipt::Project(project) => Ok(project),
                _ => Err(Error::unexpected_receipt()),
            }
        })
    }

    /// Changes the display name, the quotas or the retention of a project; `None` leaves a value unchanged.
    pub async fn change(
        &self,
        ctx: &RequestContext,
        request: ChangeProject,
    ) -> Result<Changed<Project>, Error> {
        let ChangeProject { name, display_name, quotas, retention } = request;
        // The response contains the whole project.
        let (permission, resource) = (Permission::ProjectRead, Resource::Project(&name));
        self.core.authorized_view(ctx, Freshness::LINEARIZABLE, permission, resource).await?;
        let command = Command::ChangeProject { name, display_name, quotas, retention };
        self.core.commit(ctx, command).await?.map(|receipt| match receipt {
            Receipt::Project(project) => Ok(project),
            _ => Err(Error::unexpected_receipt()),
        })
    }

    /// Deletes a project without configs.
    pub async fn delete(&self, ctx: &RequestContext, name: ProjectName) -> Result<Changed<()>, Error> {
        Ok(self.core.commit(ctx, Command::DeleteProject { name }).await?.done())
    }

    /// A project with its usage.
    pub async fn get(
        &self,
        ctx: &RequestContext,
        name: &ProjectName,
        freshness: Freshness,
    ) -> Result<Seen<ProjectDetail>, Error> {
        let view = self
            .core
            .authorized_view(ctx, freshness, Permission::ProjectRead, Resource::Project(name))
            .await?;
        let project = view.state.project(name).ok_or_else(|| Error::not_found("project", name))?;
        let api_keys = view.state.api_keys(Some(name)).count() as u64;
        let detail = ProjectDetail { project: project.clone(), usage: view.state.usage(name), api_keys };
        Ok(Seen::new(detail, &view))
    }

    /// The projects that the caller may read, by name.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        page: PageRequest<ProjectName>,
        freshness: Freshness,
    ) -> Result<Page<Project, ProjectName>, Error> {
        let (permission, now) = (Permission::ProjectRead, self.core.env.clock.now());
        let view = match &ctx.actor {
            // A user gets the projects that its roles permit, possibly none; an API key must have the
            // permission.
            Actor::User(_) => {
                let view = self.core.state.view(freshness).await?;
                ctx.known(&view, now)?;
                view
            }
            Actor::ApiKey(KeyRef { project: Some(own), .. }) => {
                self.core.authorized_view(ctx, freshness, permission, Resource::Project(own)).await?
            }
            Actor::ApiKey(_) | Actor::System => {
                self.core.authorized_view(ctx, freshness, permission, Resource::Platform).await?
            }
        };
        let visible = view
            .state
            .projects_after(page.after.as_ref())
            .filter(|project| ctx.require(&view, permission, Resource::Project(&project.name), now).is_ok())
            .cloned();
        Ok(Page::take(visible, page.size, &view, |project| project.name.clone()))
    }

    /// Creates an environment.
    pub async fn create_environment(
        &self,
        ctx: &RequestContext,
        id: EnvironmentId,
    ) -> Result<Changed<Environment>, Error> {
        self.core.commit(ctx, Command::CreateEnvironment { id }).await?.map(|receipt| match receipt {
            Receipt::Environment(environment) => Ok(environment),
            _ => Err(Error::unexpected_receipt()),
        })
    }

    /// Deletes an environment without configs.
    pub async fn delete_environment(
        &self,
        ctx: &RequestContext,
        id: EnvironmentId,
    ) -> Result<Changed<()>, Error> {
        Ok(self.core.commit(ctx, Command::DeleteEnvironment { id }).await?.done())
    }

    /// An environment.
    pub async fn environment(
        &self,
        ctx: &RequestContext,
        id: &EnvironmentId,
        freshness: Freshness,
    ) -> Result<Seen<Environment>, Error> {
        let resource = Resource::Environment(id);
        let view = self.core.authorized_view(ctx, freshness, Permission::EnvironmentRead, resource).await?;
        view.state.project(&id.project).ok_or_else(|| Error::not_found("project", &id.project))?;
        let environment = view.state.environment(id).ok_or_else(|| Error::no_environment(id))?;
        Ok(Seen::new(environment.clone(), &view))
    }

    /// The environments of a project that the caller may read, by name.
    pub async fn environments(
        &self,
        ctx: &RequestContext,
        project: &ProjectName,
        page: PageRequest<EnvironmentName>,
        freshness: Freshness,
    ) -> Result<Page<Environment, EnvironmentName>, Error> {
        let resource = Resource::Project(project);
        let view = self.core.authorized_view(ctx, freshness, Permission::EnvironmentRead, resource).await?;
        view.state.project(project).ok_or_else(|| Error::not_found("project", project))?;
        let now = self.core.env.clock.now();
        let visible = view
            .state
            .environments(project)
            .filter(|e| page.after.as_ref().is_none_or(|after| e.id.name > *after))
            .filter(|e| {
                ctx.require(&view, Permission::EnvironmentRead, Resource::Environment(&e.id), now).is_ok()
            })
            .cloned();
        Ok(Page::take(visible, page.size, &view, |environment| environment.id.name.clone()))
    }
}
