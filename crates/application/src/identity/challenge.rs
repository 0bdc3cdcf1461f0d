//! Sealed tokens for multi-step flows: sign-ins that wait for the second factor, and password resets. Nothing
//! is stored for them.
//!
//! They are sealed with the key of the cluster, so any node can process the next step. Each contains a digest
//! of the stored password, and a challenge also of the second factor's progress. The next step changes one of
//! these, so each token is valid once. Any password change invalidates both kinds.

use super::record::Act;
use super::shared::Shared;
use crate::ports::identity::{PasswordHash, SealedFor, SecondFactor, User, UserStatus};
use crate::{Error, RequestContext};
use domain::{Actor, Digest, Timestamp, UserId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The validity of a challenge.
pub(super) const CHALLENGE_KEPT: Duration = Duration::from_mins(5);
/// Most attempts for one challenge.
pub(super) const TRIES: u32 = 5;
/// The validity of a reset token.
pub(super) const RESET_KEPT: Duration = Duration::from_hours(24);

/// The content of a challenge.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Waiting {
    pub(super) user: UserId,
    /// The authentication method of the first step.
    pub(super) method: String,
    pub(super) device: String,
    pub(super) browser: bool,
    expires_at: Timestamp,
    bound_to: Digest,
    /// Makes each challenge unique.
    id: String,
}

/// The content of a reset token.
#[derive(Debug, Deserialize, Serialize)]
struct Resetting {
    user: UserId,
    /// The actor that issued it, who must still have the right to when it is used.
    issuer: Actor,
    expires_at: Timestamp,
    bound_to: Digest,
}

impl Shared {
    /// A challenge for a user whose first step succeeded. `password` is the stored hash.
    pub(super) fn challenge(
        &self,
        user: &User,
        (password, factor): (Option<&PasswordHash>, &SecondFactor),
        (method, device, browser): (String, String, bool),
    ) -> SecretString {
        let waiting = Waiting {
            user: user.id.clone(),
            method,
            device,
            browser,
            expires_at: super::rights::later(self.now(), CHALLENGE_KEPT),
            bound_to: bound_to(password, Some(factor)),
            id: self.core.env.ids.request_id().to_string(),
        };
        self.ports.sealer.seal(SealedFor::Challenge, &text(&waiting))
    }

    /// The content of a challenge; `None` if it is invalid or expired.
    pub(super) fn open_challenge(&self, challenge: &SecretString) -> Option<Waiting> {
        let text = self.ports.sealer.open(SealedFor::Challenge, challenge.expose_secret())?;
        let waiting: Waiting = serde_json::from_str(&text).ok()?;
        (self.now() < waiting.expires_at).then_some(waiting)
    }

    /// The user, the second factor and the stored password hash of a challenge. `None` if any of them changed
    /// since it was issued.
    pub(super) async fn challenged(
        &self,
        waiting: &Waiting,
    ) -> Result<Option<(User, SecondFactor, Option<PasswordHash>)>, Error> {
        let user = self.ports.users.get(&waiting.user).await?;
        let factor = self.ports.factors.get(&waiting.user).await?;
        let (Some(user), Some(factor)) = (user, factor) else { return Ok(None) };
        let password = self.ports.users.password(&user.id).await?;
        let bound = bound_to(password.as_ref(), Some(&factor)) == waiting.bound_to;
        let good = bound && factor.confirmed && user.status == UserStatus::Active;
        Ok(good.then_some((user, factor, password)))
    }

    /// A token for resetting a user's password, and its time of expiry.
    pub(super) async fn reset_token(
        &self,
        issuer: &Actor,
        user: &UserId,
    ) -> Result<(SecretString, Timestamp), Error> {
        let expires_at = super::rights::later(self.now(), RESET_KEPT);
        let bound_to = bound_to(self.ports.users.password(user).await?.as_ref(), None);
        let resetting = Resetting { user: user.clone(), issuer: issuer.clone(), expires_at, bound_to };
        Ok((self.ports.sealer.seal(SealedFor::PasswordReset, &text(&resetting)), expires_at))
    }

    /// Resolves a reset token to the user and the stored password hash. `None` if it is invalid, expired or
    /// used, or if its issuer has lost the right to reset.
    pub(super) async fn resetting(
        &self,
        token: &SecretString,
    ) -> Result<Option<(User, Option<PasswordHash>)>, Error> {
        let opened = self.ports.sealer.open(SealedFor::PasswordReset, token.expose_secret());
        let resetting: Option<Resetting> = opened.and_then(|text| serde_json::from_str(&text).ok());
        let Some(resetting) = resetting.filter(|found| self.now() < found.expires_at) else {
            return Ok(None);
        };
        let password = self.ports.users.password(&resetting.user).await?;
        if bound_to(password.as_ref(), None) != resetting.bound_to {
            return Ok(None);
        }
        let user = self.ports.users.get(&resetting.user).await?;
        let Some(user) = user.filter(|user| user.status == UserStatus::Active) else { return Ok(None) };
        let may = self.may_still_reset(&resetting.issuer, &user).await?;
        Ok(may.then_some((user, password)))
    }

    /// Checks the caller's password again, for actions that need more than a session, and returns the stored
    /// hash. Failures are throttled like sign-ins and audited as a failure of `action`.
    pub(super) async fn prove_again(
        &self,
        ctx: &RequestContext,
        user: &User,
        (action, field): (&'static str, &'static str),
        password: &SecretString,
    ) -> Result<Option<PasswordHash>, Error> {
        let attempt = self.prove_attempt(ctx, user);
        self.try_once(&attempt).await?;
        let kept = self.ports.users.password(&user.id).await?;
        let verdict = match self.ports.passwords.check(password, kept.as_ref()).await {
            Ok(verdict) => verdict,
            Err(busy) => {
                self.ports.throttle.withdraw(&attempt).await?;
                return Err(busy.into());
            }
        };
        if verdict == crate::ports::identity::PasswordVerdict::Wrong {
            self.attempt_failed(&attempt).await;
            let act = Act::failed(action, &user.id).with("reason", "the password is wrong");
            self.acted(ctx, act).await;
            return Err(Error::Invalid { field, message: "the password is wrong".to_owned() });
        }
        self.ports.throttle.succeed(&attempt).await?;
        Ok(kept)
    }
}

fn bound_to(password: Option<&PasswordHash>, factor: Option<&SecondFactor>) -> Digest {
    let password = password.map_or("", |kept| kept.0.as_str());
    let progress = factor.map(|factor| format!("{:?} {}", factor.last_step, factor.recovery_left));
    Digest::of(&[password.as_bytes(), &[0], progress.unwrap_or_default().as_bytes()])
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and integers always serialise")
}
