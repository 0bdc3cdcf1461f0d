//! Groups of people.

use super::Listed;
use super::shared::Shared;
use crate::ports::identity::Group;
use crate::{Error, RequestContext};
use domain::{GroupName, KeyLabel, UserId};
use std::sync::Arc;

/// Use cases on groups.
#[derive(Clone, Debug)]
pub struct Groups {
    shared: Arc<Shared>,
}

/// A group to be.
#[derive(Clone, Debug)]
pub struct PutGroup {
    /// Its name.
    pub name: GroupName,
    /// What people call it.
    pub label: KeyLabel,
    /// The group it is in.
    pub parent: Option<GroupName>,
}

impl Groups {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Groups, by name.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        after: Option<&GroupName>,
        size: u32,
    ) -> Result<Listed<Group, GroupName>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Makes or changes a group.
    pub async fn put(&self, ctx: &RequestContext, request: PutGroup) -> Result<Group, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Deletes a group with the roles that it has.
    pub async fn delete(&self, ctx: &RequestContext, name: &GroupName) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The people of exactly this group, by id.
    pub async fn people(
        &self,
        ctx: &RequestContext,
        name: &GroupName,
        after: Option<&UserId>,
        size: u32,
    ) -> Result<Listed<UserId, UserId>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Puts a person into a group.
    pub async fn add(&self, ctx: &RequestContext, name: &GroupName, user: &UserId) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Takes a person out of a group.
    pub async fn remove(&self, ctx: &RequestContext, name: &GroupName, user: &UserId) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
