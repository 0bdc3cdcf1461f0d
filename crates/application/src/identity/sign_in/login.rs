//! The two steps of a sign-in: password and second factor.

use super::{AnswerChallenge, Challenge, FactorAnswer, Login, SignIn, Signed, SignedIn};
use crate::Error;
use crate::identity::Visitor;
use crate::identity::challenge::{CHALLENGE_KEPT, Waiting};
use crate::identity::record::{Act, cut};
use crate::identity::rights::later;
use crate::identity::shared::Shared;
use crate::identity::throttle::{TokenGuess, places};
use crate::ports::identity::{
    ClientInfo, IdentityError, NewSession, PasswordHash, PasswordVerdict, SecondFactor, Session, Shown,
    TokenKind, User, UserStatus,
};
use domain::{Digest, Email};
use secrecy::{ExposeSecret, SecretString};

impl SignIn {
    /// Whether the account has recently signed in from the address of the request or its network.
    pub async fn signed_in_from(&self, email: &Email, visitor: &Visitor) -> Result<bool, Error> {
        let found = self.shared.ports.users.by_email(email).await?;
        let user = found.as_ref().map(|(user, _)| &user.id);
        Ok(self.shared.known_place(user, &visitor.origin.address).await?.is_some())
    }

    /// The first step: the password. Neither the response nor its time reveals whether the user is unknown or
    /// deactivated, or the password is wrong.
    pub async fn login(&self, visitor: &Visitor, request: Login) -> Result<SignedIn, Error> {
        let shared = &*self.shared;
        let found = shared.ports.users.by_email(&request.email).await?;
        let user = found.as_ref().map(|(user, _)| &user.id);
        let attempt = shared.sign_in_attempt(request.email.as_str(), user, &visitor.origin.address).await?;
        shared.try_once(&attempt).await?;
        let kept = found.as_ref().and_then(|(_, kept)| kept.as_ref());
        let verdict = match shared.ports.passwords.check(&request.password, kept).await {
            Ok(verdict) => verdict,
            Err(busy) => {
                shared.ports.throttle.withdraw(&attempt).await?;
                return Err(busy.into());
            }
        };
        let user = found.as_ref().map(|(user, _)| user);
        let active = user.filter(|user| user.status == UserStatus::Active);
        let right = active.zip(kept).filter(|_| verdict != PasswordVerdict::Wrong);
        let Some((user, kept)) = right else {
            shared.attempt_failed(&attempt).await;
            let act = Act::failed("auth.login", user.map_or("unknown", |user| user.id.as_str()));
            shared.failed(visitor, user.map(|user| &user.id), act).await;
            return Err(Error::SignInFailed);
        };
        shared.ports.throttle.succeed(&attempt).await?;
        let kept = match verdict {
            PasswordVerdict::RightButOld => shared.keep_anew(user, &request.password, kept).await,
            PasswordVerdict::Right | PasswordVerdict::Wrong => kept.clone(),
        };
        let way = ("password".to_owned(), request.device, request.browser);
        shared.after_first_step(visitor, user, Some(kept), way).await
    }

    /// The second step: the second factor. A challenge allows five attempts and one success.
    pub async fn second_factor(&self, visitor: &Visitor, request: AnswerChallenge) -> Result<Signed, Error> {
        let shared = &*self.shared;
        let address = &visitor.origin.address;
        let Some(waiting) = shared.open_challenge(&request.challenge) else {
            shared.count_bad_token(TokenGuess::Challenge, address).await?;
            let act = Act::failed("auth.second_factor", "unknown");
            shared.failed(visitor, None, act).await;
            return Err(Error::SecondFactorFailed);
        };
        let challenge = Digest::of(&[request.challenge.expose_secret().as_bytes()]).to_string();
        let attempt = shared.factor_attempt(&challenge, &waiting.user, address).await?;
        shared.try_once(&attempt).await?;
        let Some((user, factor, password)) = shared.challenged(&waiting).await? else {
            shared.attempt_failed(&attempt).await;
            return shared.factor_failed(visitor, &waiting).await;
        };
        let Some(how) = shared.answered(&user, &factor, &request.answer).await? else {
            shared.attempt_failed(&attempt).await;
            return shared.factor_failed(visitor, &waiting).await;
        };
        let method = format!("{}+{how}", waiting.method);
        shared.ports.throttle.succeed(&attempt).await?;
        let shown = Shown { password, second_factor: true };
        shared.open_session(visitor, &user, shown, (method, waiting.device, waiting.browser)).await
    }
}

impl Shared {
    /// Continues after the first step without a password (identity provider): issues a challenge, or opens
    /// the session.
    pub(in crate::identity) async fn first_step(
        &self,
        visitor: &Visitor,
        user: &User,
        way: (String, String, bool),
    ) -> Result<SignedIn, Error> {
        self.after_first_step(visitor, user, None, way).await
    }

    /// The same after a checked password; `password` is the stored hash.
    async fn after_first_step(
        &self,
        visitor: &Visitor,
        user: &User,
        password: Option<PasswordHash>,
        (method, device, browser): (String, String, bool),
    ) -> Result<SignedIn, Error> {
        let device = cut(&device).to_owned();
        if let Some(factor) = self.ports.factors.get(&user.id).await?.filter(|factor| factor.confirmed) {
            let kept = match password {
                Some(checked) => Some(checked),
                None => self.ports.users.password(&user.id).await?,
            };
            let challenge = self.challenge(user, (kept.as_ref(), &factor), (method, device, browser));
            return Ok(SignedIn::Challenge(Challenge { challenge, expires_in_s: CHALLENGE_KEPT.as_secs() }));
        }
        let shown = Shown { password, second_factor: false };
        let signed = self.open_session(visitor, user, shown, (method, device, browser)).await?;
        Ok(SignedIn::Signed(Box::new(signed)))
    }

    async fn factor_failed(&self, visitor: &Visitor, waiting: &Waiting) -> Result<Signed, Error> {
        let act = Act::failed("auth.second_factor", &waiting.user);
        self.failed(visitor, Some(&waiting.user), act).await;
        Err(Error::SecondFactorFailed)
    }

    /// Checks and consumes the code. Returns its kind; `None` if it is wrong.
    async fn answered(
        &self,
        user: &User,
        factor: &SecondFactor,
        answer: &FactorAnswer,
    ) -> Result<Option<&'static str>, Error> {
        match answer {
            FactorAnswer::Code(code) => {
                let step = self.ports.totp.check(&user.id, &factor.sealed, code.expose_secret(), self.now());
                let Some(step) = step else { return Ok(None) };
                Ok(self.ports.factors.use_step(&user.id, step).await?.then_some("totp"))
            }
            FactorAnswer::Recovery(code) => {
                let digest = self.ports.opaque.digest(TokenKind::Recovery, code.expose_secret());
                let Some(digest) = digest else { return Ok(None) };
                Ok(self.ports.factors.use_recovery(&user.id, &digest).await?.then_some("recovery"))
            }
        }
    }

    /// Opens a session for an authenticated user, and audits it.
    async fn open_session(
        &self,
        visitor: &Visitor,
        user: &User,
        shown: Shown,
        (method, device, browser): (String, String, bool),
    ) -> Result<Signed, Error> {
        let now = self.now();
        let ends_at = later(now, self.rules.session_max);
        let session = Session {
            id: self.core.env.ids.session_id(),
            user: user.id.clone(),
            client: client(visitor, device),
            method,
            created_at: now,
            used_at: now,
            idle_at: later(now, self.rules.session_idle).min(ends_at),
            ends_at,
        };
        let refresh = self.ports.opaque.mint(TokenKind::Refresh);
        let sessions_max = self.rules.sessions_max;
        let networks = places(&visitor.origin.address);
        let refresh_digest = refresh.digest;
        let new =
            NewSession { session: session.clone(), shown, refresh: refresh_digest, sessions_max, networks };
        let ended = match self.ports.sessions.open(&new).await {
            // The user was deactivated, or the checked credentials have changed since.
            Err(IdentityError::Missing("user" | "proof")) => {
                let act =
                    Act::failed("auth.login", &user.id).with("reason", "what was shown is not good any more");
                self.failed(visitor, Some(&user.id), act).await;
                return Err(Error::SignInFailed);
            }
            ended => ended?,
        };
        if !ended.is_empty() {
            self.settle().await;
        }
        let act = Act::done("auth.login", &user.id)
            .with("session", &session.id)
            .with("method", &session.method)
            .with("device", &session.client.device);
        self.came(visitor, &user.id, act).await?;
        self.ports.observer.observe(crate::ports::identity::Observation::SignedIn);
        self.signed(visitor, user.clone(), session, (refresh.secret, browser)).await
    }

    /// Issues the tokens of a session.
    pub(super) async fn signed(
        &self,
        visitor: &Visitor,
        user: User,
        session: Session,
        (refresh, browser): (SecretString, bool),
    ) -> Result<Signed, Error> {
        let must_enrol = self.must_enrol(&user).await?;
        let (access, expires_in_s) = self.mint(&user, &session, &visitor.origin.trace_id).await?;
        let csrf = browser.then(|| self.ports.opaque.mint(TokenKind::Csrf).secret);
        Ok(Signed { access, refresh, csrf, expires_in_s, user, session, must_enrol })
    }

    /// Stores a checked password with current hash parameters, unless the password has changed. Returns the
    /// stored hash.
    async fn keep_anew(&self, user: &User, password: &SecretString, checked: &PasswordHash) -> PasswordHash {
        let Ok(anew) = self.ports.passwords.hash(password).await else { return checked.clone() };
        match self.ports.users.set_password(&user.id, Some(checked), &anew, None, self.now()).await {
            Ok(true) => anew,
            Ok(false) => self.kept_meanwhile(user, password).await.unwrap_or_else(|| checked.clone()),
            Err(error) => {
                tracing::warn!(%error, "a password could not be kept anew");
                checked.clone()
            }
        }
    }

    /// The current stored hash, if it is of the same password: a concurrent sign-in has already rehashed it.
    async fn kept_meanwhile(&self, user: &User, password: &SecretString) -> Option<PasswordHash> {
        let kept = self.ports.users.password(&user.id).await.ok()??;
        let verdict = self.ports.passwords.check(password, Some(&kept)).await.ok()?;
        (verdict != PasswordVerdict::Wrong).then_some(kept)
    }
}

/// The client of the request.
pub(super) fn client(visitor: &Visitor, device: String) -> ClientInfo {
    let (address, user_agent) = (cut(&visitor.origin.address), cut(&visitor.origin.user_agent));
    ClientInfo { address: address.to_owned(), user_agent: user_agent.to_owned(), device }
}
