//! Sign-in through identity providers.

use super::record::{Act, cut};
use super::shared::Shared;
use super::throttle::TokenGuess;
use super::{INVITATIONS_MAX, RegistrationMode, SignedIn, Visitor};
use crate::Error;
use crate::ports::identity::{
    ExternalPerson, Mirrored, NewUser, PendingSignIn, ProviderError, RegisterBy, TokenKind, User, UserStatus,
};
use domain::{GroupName, KeyLabel, UserId};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;

/// Use cases of sign-ins through identity providers.
#[derive(Clone, Debug)]
pub struct ExternalSignIn {
    shared: Arc<Shared>,
}

/// A sign-in that is redirected to a provider.
#[derive(Clone, Debug)]
pub struct WentOut {
    /// The URL to redirect the user to.
    pub location: String,
    /// The state that the redirect returns. The browser keeps it and compares it, so that nobody can complete
    /// another user's sign-in.
    pub state: SecretString,
}

/// The return of a sign-in from a provider.
#[derive(Clone, Debug)]
pub struct FinishExternal {
    /// The provider to whose redirect URL the user returned.
    pub provider: String,
    /// The returned state.
    pub state: SecretString,
    /// The authorisation code.
    pub code: SecretString,
    /// The device name given by the user; may be empty, truncated at 256 bytes.
    pub device: String,
    /// Whether a browser holds the session, so that it needs a CSRF token.
    pub browser: bool,
}

impl ExternalSignIn {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Begins a sign-in at a provider.
    pub async fn begin(&self, visitor: &Visitor, provider: &str) -> Result<WentOut, Error> {
        let shared = &*self.shared;
        shared.count_begin(&visitor.origin.address).await?;
        let state = shared.ports.opaque.mint(TokenKind::Challenge);
        let begun = shared.ports.providers.begin(provider, state.secret.expose_secret(), shared.now());
        let (location, pending) = begun.await?;
        shared.ports.external.keep(&PendingSignIn { state: state.digest, ..pending }).await?;
        Ok(WentOut { location, state: state.secret })
    }

    /// Completes a sign-in. Users are identified by issuer and subject, never by e-mail address.
    pub async fn finish(&self, visitor: &Visitor, request: FinishExternal) -> Result<SignedIn, Error> {
        let shared = &*self.shared;
        let state = shared.ports.opaque.digest(TokenKind::Challenge, request.state.expose_secret());
        let pending = match state {
            Some(state) => shared.ports.external.take(&state, shared.now()).await?,
            None => None,
        };
        let Some(pending) = pending else {
            shared.count_bad_token(TokenGuess::External, &visitor.origin.address).await?;
            return self.refused(visitor, "unknown", "no such sign-in is under way").await;
        };
        // Prevents mix-up attacks: a response of one provider must not count for another (RFC 9700 section
        // 4.4).
        if pending.provider != request.provider {
            return self.refused(visitor, &pending.provider, "the answer is another provider's").await;
        }
        let code = request.code.expose_secret();
        let person = match shared.ports.providers.finish(&pending, code, shared.now()).await {
            Err(ProviderError::Refused(reason)) => {
                return self.refused(visitor, &pending.provider, &reason).await;
            }
            finished => finished?,
        };
        let user = self.person(visitor, &pending.provider, &person).await?;
        if user.status != UserStatus::Active {
            return self.refused(visitor, &pending.provider, "the person was deactivated").await;
        }
        self.mirror(visitor, &pending.provider, &person, &user.id).await?;
        let method = format!("oidc:{}", pending.provider);
        shared.first_step(visitor, &user, (method, request.device, request.browser)).await
    }

    /// The names of the configured providers.
    pub fn providers(&self) -> Vec<String> {
        self.shared.ports.providers.names()
    }

    /// Audits a sign-in that returned from a provider but cannot be completed, with the reason.
    pub async fn turned_away(&self, visitor: &Visitor, provider: &str, reason: &str) {
        let act = Act::failed("auth.external", cut(provider)).with("reason", reason);
        self.shared.failed(visitor, None, act).await;
    }

    async fn refused(&self, visitor: &Visitor, provider: &str, reason: &str) -> Result<SignedIn, Error> {
        self.turned_away(visitor, provider, reason).await;
        Err(Error::ProviderRefused)
    }

    /// The user with an external identity. On the first sign-in the user is registered, if the registration
    /// mode allows it.
    async fn person(
        &self,
        visitor: &Visitor,
        provider: &str,
        person: &ExternalPerson,
    ) -> Result<User, Error> {
        let ports = &self.shared.ports;
        if let Some(id) = ports.external.find(&person.identity).await? {
            return self.shared.user(&id).await;
        }
        match self.register(visitor, provider, person).await {
            Err(Error::RegistrationClosed) => {
                let act = Act::failed("auth.register", "unknown").with("provider", provider);
                self.shared.failed(visitor, None, act).await;
                Err(Error::RegistrationClosed)
            }
            registered => registered,
        }
    }

    async fn register(
        &self,
        visitor: &Visitor,
        provider: &str,
        person: &ExternalPerson,
    ) -> Result<User, Error> {
        let ports = &self.shared.ports;
        let email = person.email.clone().ok_or(Error::RegistrationClosed)?;
        let by = match self.shared.rules.registration {
            RegistrationMode::Closed => return Err(Error::RegistrationClosed),
            RegistrationMode::Open => RegisterBy::Open,
            RegistrationMode::Invitation => {
                let limit = u32::try_from(INVITATIONS_MAX).unwrap_or(u32::MAX);
                let open = ports.admissions.invitations(self.shared.now(), limit).await?;
                let invited = open.into_iter().find(|invitation| invitation.email == email);
                RegisterBy::Invitation(invited.ok_or(Error::RegistrationClosed)?.token)
            }
        };
        let name = person.name.as_deref().and_then(|name| KeyLabel::parse(name).ok());
        let name = match name {
            Some(name) => name,
            None => KeyLabel::parse(email.as_str().split('@').next().unwrap_or_default())
                .map_err(|fault| Error::Invalid { field: "name", message: fault.to_string() })?,
        };
        let id = self.shared.core.env.ids.user_id();
        let identity = Some(person.identity.clone());
        let new = NewUser {
            id,
            email,
            name,
            password: None,
            identity,
            second_factor_required: false,
            at: self.shared.now(),
        };
        let user = self.shared.admit(&new, &by).await?;
        self.shared.settle().await;
        let act = Act::done("auth.register", &user.id).with("provider", provider);
        self.shared.came(visitor, &user.id, act).await?;
        Ok(user)
    }

    /// Mirrors the provider's groups into the mapped groups of this platform.
    async fn mirror(
        &self,
        visitor: &Visitor,
        provider: &str,
        person: &ExternalPerson,
        user: &UserId,
    ) -> Result<(), Error> {
        let mapping = self.shared.ports.providers.groups(provider);
        if mapping.is_empty() {
            return Ok(());
        }
        let named = |theirs: &String| person.groups.contains(theirs);
        let present: Vec<GroupName> =
            mapping.iter().filter(|(theirs, _)| named(theirs)).map(|(_, ours)| ours.clone()).collect();
        let mapped: Vec<GroupName> = mapping.into_iter().map(|(_, ours)| ours).collect();
        let Mirrored { joined, left } = self.shared.ports.groups.mirror(user, &mapped, &present).await?;
        if joined.is_empty() && left.is_empty() {
            return Ok(());
        }
        self.shared.settle().await;
        let listed =
            |groups: &[GroupName]| groups.iter().map(GroupName::as_str).collect::<Vec<_>>().join(",");
        let act = Act::done("group.mirror", user).with("provider", provider);
        let act = act.with("joined", listed(&joined)).with("left", listed(&left));
        self.shared.came(visitor, user, act).await
    }
}
