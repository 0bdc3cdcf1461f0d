//! Refreshing and ending sessions.

use super::{Refresh, SignIn, Signed, login::client};
use crate::identity::Visitor;
use crate::identity::record::Act;
use crate::identity::rights::{later, millis};
use crate::identity::shared::only_meant;
use crate::identity::throttle::TokenGuess;
use crate::ports::identity::{Observation, Rotate, Rotation, TokenKind, UserStatus};
use crate::{Error, RequestContext};
use domain::UserId;
use secrecy::{ExposeSecret, SecretString};

impl SignIn {
    /// Exchanges a refresh token for new tokens. Presenting a used token ends its session, except within a
    /// grace period, in which the same client gets the same refresh token again: the first response may have
    /// been lost.
    pub async fn refresh(&self, visitor: &Visitor, request: Refresh) -> Result<Signed, Error> {
        let shared = &*self.shared;
        let address = &visitor.origin.address;
        let (rotation, next) = match self.rotate(visitor, &request.token).await {
            Err(Error::SessionOver) => {
                shared.count_bad_token(TokenGuess::Refresh, address).await?;
                return self.over(visitor, None, "this is no refresh token").await;
            }
            rotated => rotated?,
        };
        match rotation {
            Rotation::Rotated { session, .. } => {
                let user = shared.ports.users.get(&session.user).await?;
                let active = user.filter(|user| user.status == UserStatus::Active);
                let Some(user) = active else {
                    return self.over(visitor, Some(&session.user), "the person was deactivated").await;
                };
                shared.signed(visitor, user, session, (next, request.browser)).await
            }
            Rotation::Reused(session) => {
                shared.settle().await;
                shared.ports.observer.observe(Observation::RefreshReused);
                let act = Act::failed("auth.refresh", &session.user)
                    .with("session", &session.id)
                    .with("reason", "the refresh token was used before; the session was ended");
                shared.failed(visitor, Some(&session.user), act).await;
                Err(Error::SessionOver)
            }
            Rotation::Unknown => {
                shared.count_bad_token(TokenGuess::Refresh, address).await?;
                self.over(visitor, None, "no session goes on with this token").await
            }
        }
    }

    async fn over(&self, visitor: &Visitor, user: Option<&UserId>, reason: &str) -> Result<Signed, Error> {
        let act = Act::failed("auth.refresh", user.map_or("unknown", UserId::as_str)).with("reason", reason);
        self.shared.failed(visitor, user, act).await;
        Err(Error::SessionOver)
    }

    /// Ends the session of the request.
    pub async fn logout(&self, ctx: &RequestContext) -> Result<(), Error> {
        only_meant(ctx)?;
        let shared = &*self.shared;
        let (user, _) = shared.person(ctx).await?;
        if let Some(session) = &ctx.session
            && shared.ports.sessions.end(&user, session).await?
        {
            shared.settle().await;
            shared.acted(ctx, Act::done("auth.logout", &user).with("session", session)).await;
        }
        Ok(())
    }

    /// Ends the session of a refresh token, for clients whose access token has expired. Does nothing if there
    /// is no such session.
    pub async fn logout_by_refresh(&self, visitor: &Visitor, token: &SecretString) -> Result<(), Error> {
        let shared = &*self.shared;
        let session = match self.rotate(visitor, token).await {
            Ok((Rotation::Rotated { session, .. } | Rotation::Reused(session), _)) => session,
            Ok((Rotation::Unknown, _)) | Err(Error::SessionOver) => return Ok(()),
            Err(error) => return Err(error),
        };
        shared.ports.sessions.end(&session.user, &session.id).await?;
        shared.settle().await;
        let act = Act::done("auth.logout", &session.user).with("session", &session.id);
        shared.came(visitor, &session.user, act).await
    }

    /// Uses a refresh token. Returns the result and the next token.
    async fn rotate(
        &self,
        visitor: &Visitor,
        token: &SecretString,
    ) -> Result<(Rotation, SecretString), Error> {
        let shared = &*self.shared;
        let (opaque, shown) = (&shared.ports.opaque, token.expose_secret());
        let presented = opaque.digest(TokenKind::Refresh, shown).ok_or(Error::SessionOver)?;
        let next = opaque.successor(shown).ok_or(Error::SessionOver)?;
        let at = shared.now();
        let rotate = Rotate {
            presented,
            successor: next.digest,
            client: client(visitor, String::new()),
            at,
            idle_at: later(at, shared.rules.session_idle),
            grace_ms: millis(shared.rules.refresh_grace),
        };
        let rotation = shared.ports.sessions.rotate(&rotate).await?;
        Ok((rotation, next.secret))
    }
}
