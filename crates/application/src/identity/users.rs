//! What administrators do about people.

use super::Listed;
use super::shared::Shared;
use crate::ports::identity::{Invitation, Place, Session, User, UserChange};
use crate::{Error, RequestContext};
use domain::{Digest, Email, KeyLabel, RoleName, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases of administrators on people.
#[derive(Clone, Debug)]
pub struct Users {
    shared: Arc<Shared>,
}

/// A person to be.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Where the person is reached.
    pub email: Email,
    /// What people call the person.
    pub name: KeyLabel,
    /// The first password; without one the person comes in through a provider or by a reset.
    pub password: Option<SecretString>,
    /// Whether the person must use a second factor.
    pub second_factor_required: bool,
}

/// Somebody to be invited.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Whom.
    pub email: Email,
    /// The role that the person will have, and where.
    pub role: Option<(RoleName, Place)>,
}

/// Somebody invited.
#[derive(Clone, Debug)]
pub struct Invited {
    /// The invitation.
    pub invitation: Invitation,
    /// Its token, shown this once.
    pub token: SecretString,
}

/// A password to be set by the person.
#[derive(Clone, Debug)]
pub struct Reset {
    /// What the person shows, once; shown this once.
    pub token: SecretString,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Users {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes the record of a person.
    pub async fn create(&self, ctx: &RequestContext, request: CreateUser) -> Result<User, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Invites somebody, to the platform or into a place.
    pub async fn invite(&self, ctx: &RequestContext, request: Invite) -> Result<Invited, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The open invitations, the newest first.
    pub async fn invitations(&self, ctx: &RequestContext) -> Result<Vec<Invitation>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(&self, ctx: &RequestContext, invitation: &Digest) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// One person.
    pub async fn get(&self, ctx: &RequestContext, user: &UserId) -> Result<User, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// People, by id.
    pub async fn list(
        &self,
        ctx: &RequestContext,
        after: Option<&UserId>,
        size: u32,
    ) -> Result<Listed<User, UserId>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Changes a person; nobody changes somebody with more rights than they have.
    pub async fn change(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        change: UserChange,
    ) -> Result<User, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Keeps a person from coming in and ends every session; what the person did stays in their name.
    pub async fn deactivate(&self, ctx: &RequestContext, user: &UserId) -> Result<User, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The live sessions of a person, the newest first.
    pub async fn sessions(&self, ctx: &RequestContext, user: &UserId) -> Result<Vec<Session>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Ends one session of a person, or with `None` all; says how many.
    pub async fn end_sessions(
        &self,
        ctx: &RequestContext,
        user: &UserId,
        session: Option<&SessionId>,
    ) -> Result<u64, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Begins to reset a password: gives a token by which the person sets another. Nobody but the person knows it.
    pub async fn reset_password(&self, ctx: &RequestContext, user: &UserId) -> Result<Reset, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
