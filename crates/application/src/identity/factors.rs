//! Setting up and removing second factors.

use super::RECOVERY_CODES;
use super::record::Act;
use super::rights::later;
use super::shared::{Shared, not_oneself, only_meant};
use crate::ports::identity::{TokenKind, User};
use crate::{Error, RequestContext};
use domain::{Digest, Permission, Resource, UserId};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// The time after a sign-in in which users without a password may set up a second factor without a new
/// sign-in.
const FRESH: Duration = Duration::from_mins(10);

/// Use cases on second factors.
#[derive(Clone, Debug)]
pub struct Factors {
    shared: Arc<Shared>,
}

/// An unconfirmed second factor.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The secret in base32, for manual entry; returned only once.
    pub secret: SecretString,
    /// The `otpauth:` URI for an authenticator; returned only once.
    pub uri: SecretString,
}

/// A confirmed second factor.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// The recovery codes. Each replaces the second factor once; returned only once.
    pub recovery_codes: Vec<SecretString>,
}

impl Factors {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Begins to set up a second factor for the caller. Requires the password, so that a stolen session
    /// cannot lock out its user. A user without a password must have signed in recently.
    pub async fn begin(
        &self,
        ctx: &RequestContext,
        password: Option<&SecretString>,
    ) -> Result<Enrolment, Error> {
        only_meant(ctx)?;
        let (id, _) = self.shared.person(ctx).await?;
        let user = self.shared.user(&id).await?;
        self.prove(ctx, &user, password).await?;
        let secret = self.shared.ports.totp.generate(&id, user.email.as_str());
        self.shared.ports.factors.begin(&id, &secret.sealed, self.shared.now()).await?;
        self.shared.acted(ctx, Act::done("factor.begin", &id)).await;
        Ok(Enrolment { secret: secret.base32, uri: secret.uri })
    }

    /// Confirms the second factor with a first code. From then on sign-ins require it.
    pub async fn confirm(&self, ctx: &RequestContext, code: &SecretString) -> Result<Confirmed, Error> {
        only_meant(ctx)?;
        let shared = &*self.shared;
        let (id, _) = shared.person(ctx).await?;
        let factor = shared.ports.factors.get(&id).await?.filter(|factor| !factor.confirmed);
        let factor = factor.ok_or_else(|| Error::not_found("second factor", "to confirm"))?;
        let attempt = shared.confirm_attempt(ctx, &id);
        shared.try_once(&attempt).await?;
        let step = shared.ports.totp.check(&id, &factor.sealed, code.expose_secret(), shared.now());
        let Some(step) = step else {
            shared.attempt_failed(&attempt).await;
            let act = Act::failed("factor.confirm", &id).with("reason", "the code is wrong");
            shared.acted(ctx, act).await;
            return Err(Error::Invalid { field: "code", message: "the code is wrong".to_owned() });
        };
        let (codes, digests) = self.recovery();
        // Sessions without the second factor may be stolen, so all other sessions end in the same
        // transaction.
        if !shared.ports.factors.confirm(&id, step, &digests, ctx.session.as_ref()).await? {
            return Err(Error::not_found("second factor", "to confirm"));
        }
        shared.ports.throttle.succeed(&attempt).await?;
        shared.settle().await;
        shared.acted(ctx, Act::done("factor.confirm", &id)).await;
        Ok(Confirmed { recovery_codes: codes })
    }

    /// Removes the caller's second factor. Requires the password, which must be long enough without a second
    /// factor.
    pub async fn remove(&self, ctx: &RequestContext, password: &SecretString) -> Result<(), Error> {
        let (user, _) = self.shared.enrolled(ctx).await?;
        self.shared.prove_again(ctx, &user, ("factor.remove", "password"), password).await?;
        let min = self.shared.rules.password_chars_min;
        if password.expose_secret().chars().count() < min {
            let message =
                format!("has less than {min} characters, too few without a second factor; change it first");
            return Err(Error::Invalid { field: "password", message });
        }
        self.take_away(ctx, &user.id).await
    }

    /// Replaces the recovery codes. Requires the password.
    pub async fn regenerate(
        &self,
        ctx: &RequestContext,
        password: &SecretString,
    ) -> Result<Confirmed, Error> {
        let (user, _) = self.shared.enrolled(ctx).await?;
        self.shared.prove_again(ctx, &user, ("factor.recovery", "password"), password).await?;
        let (codes, digests) = self.recovery();
        self.shared.ports.factors.set_recovery(&user.id, &digests).await?;
        self.shared.acted(ctx, Act::done("factor.recovery", &user.id)).await;
        Ok(Confirmed { recovery_codes: codes })
    }

    /// Removes another user's second factor (administrators only).
    pub async fn remove_of(&self, ctx: &RequestContext, user: &UserId) -> Result<(), Error> {
        let asker = self.shared.may_change(ctx, Permission::UserWrite, Resource::Platform).await?;
        let other = self.shared.user(user).await?;
        not_oneself(ctx, user, "takes their own second factor away like this; show the password")?;
        self.shared.not_above(&asker, &other).await?;
        self.take_away(ctx, user).await
    }

    async fn prove(
        &self,
        ctx: &RequestContext,
        user: &User,
        password: Option<&SecretString>,
    ) -> Result<(), Error> {
        let shared = &*self.shared;
        if shared.ports.users.password(&user.id).await?.is_none() {
            let live = shared.ports.sessions.list(&user.id, shared.now()).await?;
            let mut present = live.iter().filter(|session| Some(&session.id) == ctx.session.as_ref());
            if present.any(|session| shared.now() < later(session.created_at, FRESH)) {
                return Ok(());
            }
            let message = "the sign-in is too long ago for this; sign in again";
            return Err(Error::Unauthenticated(message.to_owned()));
        }
        let message = || "must be shown to set up a second factor".to_owned();
        let password = password.ok_or_else(|| Error::Invalid { field: "password", message: message() })?;
        shared.prove_again(ctx, user, ("factor.begin", "password"), password).await.map(drop)
    }

    async fn take_away(&self, ctx: &RequestContext, user: &UserId) -> Result<(), Error> {
        if !self.shared.ports.factors.remove(user).await? {
            return Err(Error::not_found("second factor", "of this person"));
        }
        self.shared.settle().await;
        self.shared.acted(ctx, Act::done("factor.remove", user)).await;
        Ok(())
    }

    /// New recovery codes and their digests.
    fn recovery(&self) -> (Vec<SecretString>, Vec<Digest>) {
        let mint = || self.shared.ports.opaque.mint(TokenKind::Recovery);
        (0..RECOVERY_CODES).map(|_| mint()).map(|code| (code.secret, code.digest)).unzip()
    }
}
