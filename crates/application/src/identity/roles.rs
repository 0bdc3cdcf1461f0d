//! The platform's own roles.

use super::shared::Shared;
use crate::ports::identity::CustomRole;
use crate::{Error, RequestContext};
use domain::{Permission, RoleName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Use cases on the platform's own roles.
#[derive(Clone, Debug)]
pub struct Roles {
    shared: Arc<Shared>,
}

/// A role to be.
#[derive(Clone, Debug)]
pub struct PutRole {
    /// Its name; none of the built-in ones.
    pub name: RoleName,
    /// What it is for, at most 1024 bytes.
    pub description: String,
    /// What it allows.
    pub permissions: BTreeSet<Permission>,
}

impl Roles {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The custom roles, by name.
    pub async fn list(&self, ctx: &RequestContext) -> Result<Vec<CustomRole>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// One custom role.
    pub async fn get(&self, ctx: &RequestContext, name: &RoleName) -> Result<CustomRole, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Makes or changes a custom role.
    pub async fn put(&self, ctx: &RequestContext, request: PutRole) -> Result<CustomRole, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Deletes a custom role with everything given by it.
    pub async fn delete(&self, ctx: &RequestContext, name: &RoleName) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
