//! What people do about themselves.

use super::Visitor;
use super::shared::Shared;
use crate::ports::identity::{Session, User};
use crate::{Error, RequestContext};
use domain::{Person, SessionId};
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases of people on themselves.
#[derive(Clone, Debug)]
pub struct Account {
    shared: Arc<Shared>,
}

/// Who asks, as known here.
#[derive(Clone, Debug)]
pub struct Me {
    /// Who.
    pub user: User,
    /// What the person may do.
    pub person: Arc<Person>,
    /// By which sign-in.
    pub session: Option<SessionId>,
    /// Whether the person has a confirmed second factor.
    pub second_factor: bool,
    /// How many recovery codes are left.
    pub recovery_left: u32,
    /// The person must set up a second factor before anything else.
    pub must_enrol: bool,
}

/// Another password.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The present one.
    pub current: SecretString,
    /// The other one.
    pub new: SecretString,
}

/// Another password at an administrator's word.
#[derive(Clone, Debug)]
pub struct ResetPassword {
    /// What [`super::Users::reset_password`] gave.
    pub token: SecretString,
    /// The other password.
    pub new: SecretString,
}

impl Account {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Who asks.
    pub async fn me(&self, ctx: &RequestContext) -> Result<Me, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The person's live sessions, the newest first.
    pub async fn sessions(&self, ctx: &RequestContext) -> Result<Vec<Session>, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Ends one session of the person.
    pub async fn end_session(&self, ctx: &RequestContext, session: &SessionId) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Ends every session of the person, with `keep_present` but the one that asks; says how many. Every access token given before is refused from then on; the session that goes on must refresh.
    pub async fn end_all(&self, ctx: &RequestContext, keep_present: bool) -> Result<u64, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Changes the password and ends every session but the one that asks, which must refresh.
    pub async fn change_password(&self, ctx: &RequestContext, request: ChangePassword) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Sets a password by the token that an administrator had made, once, and ends every session.
    pub async fn reset_password(&self, visitor: &Visitor, request: ResetPassword) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
