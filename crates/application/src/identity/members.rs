//! Who has which role where.

use super::Listed;
use super::shared::Shared;
use crate::ports::identity::{Binding, Member, Place, Subject};
use crate::{Error, RequestContext};
use domain::{EnvironmentName, RoleName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Use cases on who has which role.
#[derive(Clone, Debug)]
pub struct Members {
    shared: Arc<Shared>,
}

/// A role to be given.
#[derive(Clone, Debug)]
pub struct PutMember {
    /// Where.
    pub place: Place,
    /// To whom.
    pub subject: Subject,
    /// Which.
    pub role: RoleName,
    /// In which environments of the projects; `None` for all.
    pub environments: Option<BTreeSet<EnvironmentName>>,
    /// For which prefixes of config keys; `None` for all.
    pub key_prefixes: Option<BTreeSet<String>>,
}

impl Members {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Everybody with a role in exactly this place, by subject.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        place: &Place,
        after: Option<&Subject>,
        size: u32,
    ) -> Result<Listed<Member, Subject>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// One subject with a role in exactly this place.
    pub async fn get(&self, ctx: &RequestContext, place: &Place, subject: &Subject) -> Result<Member, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Gives a role, in place of the one that the subject had there.
    pub async fn put(&self, ctx: &RequestContext, request: PutMember) -> Result<Binding, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Takes the role of a subject in a place.
    pub async fn delete(&self, ctx: &RequestContext, place: &Place, subject: &Subject) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
