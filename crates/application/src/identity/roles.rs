//! Use cases on custom roles.

use super::record::Act;
use super::shared::{EVERYWHERE, Shared};
use crate::ports::identity::CustomRole;
use crate::{Error, RequestContext};
use domain::{BuiltInRole, Permission, Resource, RoleName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest description of a role, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 1024;

/// Use cases on custom roles.
#[derive(Clone, Debug)]
pub struct Roles {
    shared: Arc<Shared>,
}

/// A custom role to create or change.
#[derive(Clone, Debug)]
pub struct PutRole {
    /// The name, which must not be that of a built-in role.
    pub name: RoleName,
    /// The description of its purpose, at most 1024 bytes.
    pub description: String,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
}

impl Roles {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The custom roles, by name.
    pub async fn list(&self, ctx: &RequestContext) -> Result<Vec<CustomRole>, Error> {
        self.shared.allowed(ctx, Permission::RoleRead, Resource::Platform).await?;
        Ok(self.shared.ports.roles.custom().await?)
    }

    /// A custom role.
    pub async fn get(&self, ctx: &RequestContext, name: &RoleName) -> Result<CustomRole, Error> {
        Self::find(&self.list(ctx).await?, name)
    }

    /// Creates or changes a custom role.
    pub async fn put(&self, ctx: &RequestContext, request: PutRole) -> Result<CustomRole, Error> {
        let shared = &*self.shared;
        let asker = shared.may_change(ctx, Permission::RoleWrite, Resource::Platform).await?;
        let invalid = |field, message: String| Err(Error::Invalid { field, message });
        if BuiltInRole::parse(request.name.as_str()).is_some() {
            return invalid("role", "is the name of a built-in role".to_owned());
        }
        if request.permissions.is_empty() {
            return invalid("permissions", "must name at least one".to_owned());
        }
        let fits = request.description.len() <= DESCRIPTION_BYTES_MAX;
        if !fits || request.description.chars().any(char::is_control) {
            let message = format!("must be at most {DESCRIPTION_BYTES_MAX} bytes without control characters");
            return invalid("description", message);
        }
        shared.within_own(&asker, &request.permissions, EVERYWHERE)?;
        // The change takes the removed permissions from all holders of the role.
        if let Ok(before) = Self::find(&shared.ports.roles.custom().await?, &request.name) {
            shared.within_own(&asker, &before.permissions, EVERYWHERE)?;
        }
        let PutRole { name, description, permissions } = request;
        let role = CustomRole { name, description, permissions, updated_at: shared.now() };
        shared.ports.roles.put_custom(&role).await?;
        shared.settle().await;
        let permissions: Vec<&str> = role.permissions.iter().map(|permission| permission.as_str()).collect();
        let act = Act::done("role.put", &role.name).with("permissions", permissions.join(" "));
        shared.acted(ctx, act).await;
        Ok(role)
    }

    /// Deletes a custom role and its bindings.
    pub async fn delete(&self, ctx: &RequestContext, name: &RoleName) -> Result<(), Error> {
        let shared = &*self.shared;
        let asker = shared.may_change(ctx, Permission::RoleWrite, Resource::Platform).await?;
        let before = Self::find(&shared.ports.roles.custom().await?, name)?;
        shared.within_own(&asker, &before.permissions, EVERYWHERE)?;
        if !shared.ports.roles.delete_custom(name).await? {
            return Err(Error::not_found("role", name));
        }
        shared.settle().await;
        shared.acted(ctx, Act::done("role.delete", name)).await;
        Ok(())
    }

    fn find(roles: &[CustomRole], name: &RoleName) -> Result<CustomRole, Error> {
        let found = roles.iter().find(|role| role.name == *name).cloned();
        found.ok_or_else(|| Error::not_found("role", name))
    }
}
