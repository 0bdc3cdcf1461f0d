//! Decisions on bootstrap, projects and environments.

use super::{Decision, within};
use crate::access::{Permission, Resource};
use crate::limits::{ENVIRONMENTS_PER_PROJECT_MAX, PROJECTS_MAX};
use crate::{
    ClusterId, DisplayName, EnvironmentId, EnvironmentName, Event, NewApiKey, ProjectName, Rejection,
};
use std::ops::Bound;

/// The environment that every new project starts with.
const FIRST_ENVIRONMENT: &str = "default";

impl Decision<'_> {
    pub(super) fn bootstrap(
        &self,
        cluster_id: &ClusterId,
        admin_key: &NewApiKey,
    ) -> Result<Vec<Event>, Rejection> {
        self.require_system()?;
        if self.state.header.cluster_id.is_some() {
            return Err(Rejection::AlreadyBootstrapped);
        }
        let key = self.free_api_key(None, admin_key)?;
        Ok(vec![Event::ClusterNamed { cluster_id: cluster_id.clone() }, Event::ApiKeyCreated { key }])
    }

    pub(super) fn create_project(
        &self,
        name: &ProjectName,
        display: &DisplayName,
    ) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ProjectCreate, Resource::Platform)?;
        if self.state.project(name).is_some() {
            return Err(Rejection::ProjectExists(name.clone()));
        }
        within("projects", self.state.projects.len(), PROJECTS_MAX)?;
        let first = EnvironmentName::parse(FIRST_ENVIRONMENT).expect("the constant is a name");
        let id = EnvironmentId { project: name.clone(), name: first };
        Ok(vec![
            Event::ProjectCreated { name: name.clone(), display_name: display.clone() },
            Event::EnvironmentCreated { id },
        ])
    }

    pub(super) fn update_project(
        &self,
        name: &ProjectName,
        display: &DisplayName,
    ) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ProjectWrite, Resource::Project(name))?;
        self.existing_project(name)?;
        Ok(vec![Event::ProjectUpdated { name: name.clone(), display_name: display.clone() }])
    }

    /// Deletes all that belongs to the project. Above all its API keys: they must not become valid again in a
    /// later project of the same name.
    pub(super) fn delete_project(&self, name: &ProjectName) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::ProjectDelete, Resource::Project(name))?;
        self.existing_project(name)?;
        if self.state.environments(name).any(|environment| self.holds_configs(&environment.id)) {
            return Err(Rejection::ProjectNotEmpty(name.clone()));
        }
        let keys = self.state.api_keys(Some(name)).map(|key| Event::ApiKeyRevoked { key: key.key.clone() });
        let schemas = self
            .state
            .schemas(name)
            .map(|schema| Event::SchemaDeleted { id: schema.id.clone(), version: schema.latest });
        let environments =
            self.state.environments(name).map(|e| Event::EnvironmentDeleted { id: e.id.clone() });
        let last = std::iter::once(Event::ProjectDeleted { name: name.clone() });
        Ok(keys.chain(schemas).chain(environments).chain(last).collect())
    }

    pub(super) fn create_environment(&self, id: &EnvironmentId) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::EnvironmentWrite, Resource::Environment(id))?;
        self.existing_project(&id.project)?;
        if self.state.environment(id).is_some() {
            return Err(Rejection::EnvironmentExists(id.clone()));
        }
        let rows = self.state.environments(&id.project).count();
        within("environments_per_project", rows, ENVIRONMENTS_PER_PROJECT_MAX)?;
        Ok(vec![Event::EnvironmentCreated { id: id.clone() }])
    }

    /// Removes the environment from the scopes of the project's API keys: a key must not reach a later
    /// environment of the same name.
    pub(super) fn delete_environment(&self, id: &EnvironmentId) -> Result<Vec<Event>, Rejection> {
        self.require(Permission::EnvironmentDelete, Resource::Environment(id))?;
        self.existing_environment(id)?;
        if self.holds_configs(id) {
            return Err(Rejection::EnvironmentNotEmpty(id.clone()));
        }
        let keys = self.state.api_keys(Some(&id.project));
        let named = keys.filter(|key| key.environments.as_ref().is_some_and(|all| all.contains(&id.name)));
        let narrowed =
            named.map(|key| Event::ApiKeyNarrowed { key: key.key.clone(), environment: id.name.clone() });
        Ok(narrowed.chain([Event::EnvironmentDeleted { id: id.clone() }]).collect())
    }

    pub(super) fn existing_project(&self, name: &ProjectName) -> Result<(), Rejection> {
        self.state.project(name).map(|_| ()).ok_or_else(|| Rejection::ProjectNotFound(name.clone()))
    }

    pub(super) fn existing_environment(&self, id: &EnvironmentId) -> Result<(), Rejection> {
        self.existing_project(&id.project)?;
        self.state.environment(id).map(|_| ()).ok_or_else(|| Rejection::EnvironmentNotFound(id.clone()))
    }

    fn holds_configs(&self, id: &EnvironmentId) -> bool {
        self.state.configs_from(id, Bound::Unbounded).next().is_some()
    }
}
