//! Registration and bootstrap.

use super::{Bootstrap, Register, SignIn};
use crate::Error;
use crate::identity::password::{For, good_enough};
use crate::identity::record::Act;
use crate::identity::shared::Shared;
use crate::identity::throttle::TokenGuess;
use crate::identity::{RegistrationMode, Visitor};
use crate::ports::identity::{IdentityError, NewUser, RegisterBy, TokenKind, User};
use domain::{Digest, Email, KeyLabel};
use secrecy::{ExposeSecret, SecretString};

impl SignIn {
    /// Creates the first platform administrator with the bootstrap token, while there are no users. Failed
    /// attempts are throttled by address.
    pub async fn bootstrap(&self, visitor: &Visitor, request: Bootstrap) -> Result<User, Error> {
        let shared = &*self.shared;
        let attempt = shared.bootstrap_attempt(&visitor.origin.address);
        shared.try_once(&attempt).await?;
        let shown = Digest::of(&[request.token.expose_secret().as_bytes()]);
        if shared.rules.bootstrap != Some(shown) || !shared.ports.admissions.is_empty().await? {
            shared.attempt_failed(&attempt).await;
            shared.failed(visitor, None, Act::failed("auth.bootstrap", "platform")).await;
            return Err(Error::RegistrationClosed);
        }
        shared.ports.throttle.succeed(&attempt).await?;
        let new = shared.new_user(request.email, request.name, &request.password).await?;
        let user = match shared.ports.admissions.register(&new, &RegisterBy::Bootstrap).await {
            Err(IdentityError::Taken("bootstrap")) => return Err(Error::RegistrationClosed),
            registered => registered?,
        };
        shared.settle().await;
        shared.came(visitor, &user.id, Act::done("auth.bootstrap", &user.id)).await?;
        Ok(user)
    }

    /// Registers a user, if the registration mode allows it. In open mode the response reveals whether an
    /// address is in use, because no confirmation by e-mail exists that could hide it.
    pub async fn register(&self, visitor: &Visitor, request: Register) -> Result<User, Error> {
        let shared = &*self.shared;
        match (shared.rules.registration, &request.invitation) {
            (RegistrationMode::Closed, _) | (RegistrationMode::Invitation, None) => {
                shared.failed(visitor, None, Act::failed("auth.register", "unknown")).await;
                Err(Error::RegistrationClosed)
            }
            (_, Some(token)) => {
                let by = self.invited(visitor, &request.email, token).await?;
                self.admitted(visitor, request, &by).await
            }
            (RegistrationMode::Open, None) => {
                let attempt = shared.register_attempt(&visitor.origin.address);
                shared.try_once(&attempt).await?;
                let user = self.admitted(visitor, request, &RegisterBy::Open).await;
                match &user {
                    Ok(_) => shared.ports.throttle.withdraw(&attempt).await?,
                    Err(_) => shared.attempt_failed(&attempt).await,
                }
                user
            }
        }
    }

    /// Checks an invitation for this address. Done before anything is counted or hashed.
    async fn invited(
        &self,
        visitor: &Visitor,
        email: &Email,
        token: &SecretString,
    ) -> Result<RegisterBy, Error> {
        let shared = &*self.shared;
        let digest = shared.ports.opaque.digest(TokenKind::Invitation, token.expose_secret());
        let found = match &digest {
            Some(digest) => shared.ports.admissions.invitation(digest).await?,
            None => None,
        };
        let good = found.filter(|found| found.email == *email && shared.now() < found.expires_at);
        if let Some((digest, _)) = digest.zip(good) {
            return Ok(RegisterBy::Invitation(digest));
        }
        shared.count_bad_token(TokenGuess::Invitation, &visitor.origin.address).await?;
        shared.failed(visitor, None, Act::failed("auth.register", "invitation")).await;
        Err(Error::RegistrationClosed)
    }

    async fn admitted(&self, visitor: &Visitor, request: Register, by: &RegisterBy) -> Result<User, Error> {
        let shared = &*self.shared;
        let new = shared.new_user(request.email, request.name, &request.password).await?;
        let user = match shared.admit(&new, by).await {
            Err(Error::RegistrationClosed) => {
                let act = Act::failed("auth.register", "invitation");
                shared.failed(visitor, None, act).await;
                return Err(Error::RegistrationClosed);
            }
            registered => registered?,
        };
        shared.settle().await;
        shared.came(visitor, &user.id, Act::done("auth.register", &user.id)).await?;
        Ok(user)
    }
}

impl Shared {
    /// A user to create, with a checked and hashed password.
    pub(in crate::identity) async fn new_user(
        &self,
        email: Email,
        name: KeyLabel,
        password: &SecretString,
    ) -> Result<NewUser, Error> {
        let owner = For { email: &email, name: &name, has_factor: false };
        good_enough(password, "password", &owner, &self.rules, &*self.ports.password_rules)?;
        let password = Some(self.ports.passwords.hash(password).await?);
        let (id, at) = (self.core.env.ids.user_id(), self.now());
        Ok(NewUser { id, email, name, password, identity: None, second_factor_required: false, at })
    }
}
