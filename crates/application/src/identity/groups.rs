//! Use cases on groups of users.

use super::Listed;
use super::record::Act;
use super::shared::{Asker, Shared};
use crate::ports::identity::{Group, IdentityError};
use crate::{Error, RequestContext};
use domain::{GroupName, KeyLabel, Permission, Resource, UserId};
use std::sync::Arc;

/// Use cases on groups.
#[derive(Clone, Debug)]
pub struct Groups {
    shared: Arc<Shared>,
}

/// A group to create or change.
#[derive(Clone, Debug)]
pub struct PutGroup {
    /// The name.
    pub name: GroupName,
    /// The display name.
    pub label: KeyLabel,
    /// The group that contains it.
    pub parent: Option<GroupName>,
}

impl Groups {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The groups, by name.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        after: Option<&GroupName>,
        size: u32,
    ) -> Result<Listed<Group, GroupName>, Error> {
        self.shared.allowed(ctx, Permission::GroupRead, Resource::Platform).await?;
        let found = self.shared.ports.groups.list(after, size.saturating_add(1)).await?;
        Ok(Listed::take(found, size, |group| group.name.clone()))
    }

    /// Creates or changes a group.
    pub async fn put(&self, ctx: &RequestContext, request: PutGroup) -> Result<Group, Error> {
        self.may_change(ctx).await?;
        let PutGroup { name, label, parent } = request;
        let group = Group { name, label, parent, created_at: self.shared.now() };
        self.shared.ports.groups.put(&group).await?;
        self.shared.settle().await;
        let parent = group.parent.as_ref().map_or("", |parent| parent.as_str());
        self.shared.acted(ctx, Act::done("group.put", &group.name).with("parent", parent)).await;
        Ok(group)
    }

    /// Deletes a group and its role bindings.
    pub async fn delete(&self, ctx: &RequestContext, name: &GroupName) -> Result<(), Error> {
        self.may_change(ctx).await?;
        if !self.shared.ports.groups.delete(name).await? {
            return Err(Error::not_found("group", name));
        }
        self.shared.settle().await;
        self.shared.acted(ctx, Act::done("group.delete", name)).await;
        Ok(())
    }

    /// The direct members of a group, by id.
    pub async fn people(
        &self,
        ctx: &RequestContext,
        name: &GroupName,
        after: Option<&UserId>,
        size: u32,
    ) -> Result<Listed<UserId, UserId>, Error> {
        self.shared.allowed(ctx, Permission::GroupRead, Resource::Platform).await?;
        let found = self.shared.ports.groups.people(name, after, size.saturating_add(1)).await;
        let found = found.map_err(|error| missing(error, name))?;
        Ok(Listed::take(found, size, UserId::clone))
    }

    /// Adds a user to a group.
    pub async fn add(&self, ctx: &RequestContext, name: &GroupName, user: &UserId) -> Result<(), Error> {
        self.may_change(ctx).await?;
        self.shared.user(user).await?;
        self.shared.ports.groups.add(name, user).await.map_err(|error| missing(error, name))?;
        self.shared.settle().await;
        self.shared.acted(ctx, Act::done("group.add", name).with("user", user)).await;
        Ok(())
    }

    /// Removes a user from a group.
    pub async fn remove(&self, ctx: &RequestContext, name: &GroupName, user: &UserId) -> Result<(), Error> {
        self.may_change(ctx).await?;
        if !self.shared.ports.groups.remove(name, user).await? {
            return Err(Error::not_found("user", user));
        }
        self.shared.settle().await;
        self.shared.acted(ctx, Act::done("group.remove", name).with("user", user)).await;
        Ok(())
    }

    /// Checks the rights to change groups. A change may grant and revoke any role that is bound to the group
    /// or its parents, so it requires all permissions everywhere.
    async fn may_change(&self, ctx: &RequestContext) -> Result<Asker, Error> {
        let asker = self.shared.may_change(ctx, Permission::GroupWrite, Resource::Platform).await?;
        self.shared.has_everything(&asker)?;
        Ok(asker)
    }
}

fn missing(error: IdentityError, name: &GroupName) -> Error {
    match error {
        IdentityError::Missing("group") => Error::not_found("group", name),
        error => error.into(),
    }
}
