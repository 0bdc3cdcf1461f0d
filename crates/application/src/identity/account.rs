//! Use cases of users on their own account.

use super::Visitor;
use super::password::{For, good_enough};
use super::record::Act;
use super::shared::Shared;
use super::throttle::TokenGuess;
use crate::ports::identity::{PasswordHash, Session, User};
use crate::{Error, RequestContext};
use domain::{Person, SessionId};
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases of users on their own account.
#[derive(Clone, Debug)]
pub struct Account {
    shared: Arc<Shared>,
}

/// The account of the caller.
#[derive(Clone, Debug)]
pub struct Me {
    /// The user.
    pub user: User,
    /// The user's resolved rights.
    pub person: Arc<Person>,
    /// The session of the request.
    pub session: Option<SessionId>,
    /// Whether the user has a confirmed second factor.
    pub second_factor: bool,
    /// The number of unused recovery codes.
    pub recovery_left: u32,
    /// Whether the user must set up a second factor before anything else.
    pub must_enrol: bool,
}

/// A change of the caller's password.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// The current password.
    pub current: SecretString,
    /// The new password.
    pub new: SecretString,
}

/// A password reset that an administrator issued.
#[derive(Clone, Debug)]
pub struct ResetPassword {
    /// The token from [`super::Users::reset_password`].
    pub token: SecretString,
    /// The new password.
    pub new: SecretString,
}

impl Account {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The account of the caller.
    pub async fn me(&self, ctx: &RequestContext) -> Result<Me, Error> {
        let (id, asker) = self.shared.person(ctx).await?;
        let user = self.shared.user(&id).await?;
        let factor = self.shared.ports.factors.get(&id).await?.filter(|factor| factor.confirmed);
        Ok(Me {
            must_enrol: self.shared.must_enrol(&user).await?,
            user,
            person: asker.ctx.person.unwrap_or_default(),
            session: ctx.session.clone(),
            second_factor: factor.is_some(),
            recovery_left: factor.map_or(0, |factor| factor.recovery_left),
        })
    }

    /// The live sessions of the caller, the newest first.
    pub async fn sessions(&self, ctx: &RequestContext) -> Result<Vec<Session>, Error> {
        let (user, _) = self.shared.enrolled(ctx).await?;
        Ok(self.shared.ports.sessions.list(&user.id, self.shared.now()).await?)
    }

    /// Ends a session of the caller.
    pub async fn end_session(&self, ctx: &RequestContext, session: &SessionId) -> Result<(), Error> {
        let (user, _) = self.shared.enrolled(ctx).await?;
        if !self.shared.ports.sessions.end(&user.id, session).await? {
            return Err(Error::not_found("session", session));
        }
        self.shared.settle().await;
        self.shared.acted(ctx, Act::done("session.end", &user.id).with("session", session)).await;
        Ok(())
    }

    /// Ends all sessions of the caller and returns their number. With `keep_present` the session of the
    /// request stays. All earlier access tokens become invalid, so that session must refresh.
    pub async fn end_all(&self, ctx: &RequestContext, keep_present: bool) -> Result<u64, Error> {
        let (user, _) = self.shared.enrolled(ctx).await?;
        let keep = ctx.session.as_ref().filter(|_| keep_present);
        let ended = self.shared.ports.sessions.end_all(&user.id, keep).await?;
        self.shared.settle().await;
        self.shared.acted(ctx, Act::done("session.end_all", &user.id).with("ended", ended)).await;
        Ok(ended)
    }

    /// Changes the caller's password and ends all other sessions. The session of the request must refresh.
    pub async fn change_password(&self, ctx: &RequestContext, request: ChangePassword) -> Result<(), Error> {
        let (user, _) = self.shared.enrolled(ctx).await?;
        let current = self
            .shared
            .prove_again(ctx, &user, ("user.password", "current_password"), &request.current)
            .await?;
        if !self.set(&user, current.as_ref(), &request.new, ctx.session.as_ref()).await? {
            let message = "the password was changed meanwhile".to_owned();
            return Err(Error::Invalid { field: "current_password", message });
        }
        self.shared.acted(ctx, Act::done("user.password", &user.id)).await;
        Ok(())
    }

    /// Sets a password with the token of an administrator's reset, which is valid once. Ends all sessions of
    /// the user.
    pub async fn reset_password(&self, visitor: &Visitor, request: ResetPassword) -> Result<(), Error> {
        let shared = &*self.shared;
        let over = || Error::Invalid { field: "token", message: "is not valid any more".to_owned() };
        let Some((user, before)) = shared.resetting(&request.token).await? else {
            shared.count_bad_token(TokenGuess::Reset, &visitor.origin.address).await?;
            shared.failed(visitor, None, Act::failed("auth.reset", "password")).await;
            return Err(over());
        };
        if !self.set(&user, before.as_ref(), &request.new, None).await? {
            return Err(over());
        }
        shared.came(visitor, &user.id, Act::done("auth.reset", &user.id)).await
    }

    /// Checks the new password, stores it in place of `before`, and ends all sessions except `keep`. False if
    /// the stored password is no longer `before`.
    async fn set(
        &self,
        user: &User,
        before: Option<&PasswordHash>,
        new: &SecretString,
        keep: Option<&SessionId>,
    ) -> Result<bool, Error> {
        let shared = &*self.shared;
        let owner =
            For { email: &user.email, name: &user.name, has_factor: shared.has_factor(&user.id).await? };
        good_enough(new, "new_password", &owner, &shared.rules, &*shared.ports.password_rules)?;
        let kept = shared.ports.passwords.hash(new).await?;
        let set = shared.ports.users.set_password(&user.id, before, &kept, Some(keep), shared.now()).await?;
        shared.settle().await;
        Ok(set)
    }
}
