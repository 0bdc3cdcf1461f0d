//! Checks that the issuer of an invitation or a password reset still has the right to it when it is used.

use super::members::giving;
use super::shared::{Asker, Shared};
use crate::ports::identity::{IdentityError, Invitation, NewUser, Place, Reach, RegisterBy, User};
use crate::{Error, RequestContext};
use domain::{Actor, ApiKeyId, KeyRef, Permission, Person, Resource, UserId};
use std::sync::Arc;

impl Shared {
    /// Registers a user. An invitation is valid only while its issuer could still issue it; otherwise fails
    /// with `RegistrationClosed`.
    pub(super) async fn admit(&self, new: &NewUser, by: &RegisterBy) -> Result<User, Error> {
        if let RegisterBy::Invitation(token) = by {
            let invitation = self.ports.admissions.invitation(token).await?;
            let invitation = invitation.ok_or(Error::RegistrationClosed)?;
            if !still(self.could_invite(&invitation).await)? {
                return Err(Error::RegistrationClosed);
            }
        }
        match self.ports.admissions.register(new, by).await {
            Err(IdentityError::Missing("invitation")) => Err(Error::RegistrationClosed),
            registered => Ok(registered?),
        }
    }

    /// Whether the actor still has the right to reset this user's password.
    pub(super) async fn may_still_reset(&self, actor: &Actor, user: &User) -> Result<bool, Error> {
        still(self.could_reset(actor, user).await)
    }

    async fn could_reset(&self, actor: &Actor, user: &User) -> Result<(), Error> {
        let giver = self.giver(actor.clone()).await?;
        giver.ctx.require(&giver.view, Permission::UserWrite, Resource::Platform, self.now())?;
        self.not_above(&giver, user).await
    }

    async fn could_invite(&self, invitation: &Invitation) -> Result<(), Error> {
        let place = invitation.role.as_ref().map(|(_, place)| place);
        let actor = self.invited_by(&invitation.invited_by, place).await?;
        let giver = self.giver(actor.ok_or(Error::RegistrationClosed)?).await?;
        let (permission, resource) = place.map_or((Permission::UserWrite, Resource::Platform), giving);
        giver.ctx.require(&giver.view, permission, resource, self.now())?;
        match &invitation.role {
            Some((role, place)) => self.within_own_role(&giver, role, place, (None, None)).await,
            None => Ok(()),
        }
    }

    /// The issuer with its current rights. Fails if it is an API key that no longer exists.
    async fn giver(&self, actor: Actor) -> Result<Asker, Error> {
        let (view, _) = self.view().await?;
        let mut ctx = RequestContext::new(actor, self.core.env.ids.request_id());
        if let Actor::User(user) = &ctx.actor {
            let epoch = view.state.epoch(user);
            let as_of = Some(self.projected().await?);
            let grants = self.ports.roles.grants(user, Reach::Now).await?;
            ctx.person = Some(Arc::new(Person { epoch, grants, as_of }));
        }
        ctx.known(&view, self.now())?;
        Ok(Asker { ctx, view })
    }

    /// The actor that an invitation names. An API key may belong to the project of the invitation or to the
    /// platform.
    async fn invited_by(&self, text: &str, place: Option<&Place>) -> Result<Option<Actor>, Error> {
        if let Some(user) = text.strip_prefix("user:") {
            return Ok(UserId::parse(user).ok().map(Actor::User));
        }
        let Some(id) = text.strip_prefix("api-key:").and_then(|id| ApiKeyId::parse(id).ok()) else {
            return Ok(None);
        };
        let project = match place {
            Some(Place::Project(project)) => Some(project.clone()),
            Some(Place::Platform | Place::Organisation(_)) | None => None,
        };
        let (view, _) = self.view().await?;
        let keys = [None, project].map(|project| KeyRef { project, id: id.clone() });
        Ok(keys.into_iter().find(|key| view.state.api_key(key).is_some()).map(Actor::ApiKey))
    }
}

/// Converts refusals into false; other errors stay errors.
fn still(checked: Result<(), Error>) -> Result<bool, Error> {
    match checked {
        Ok(()) => Ok(true),
        Err(
            Error::Unauthenticated(_)
            | Error::Forbidden(_)
            | Error::BeyondOwnRights
            | Error::RegistrationClosed
            | Error::NotFound { .. }
            | Error::Invalid { .. },
        ) => Ok(false),
        Err(failure) => Err(failure),
    }
}
