//! Coming in for the first time.

use super::{Bootstrap, Register, SignIn};
use crate::Error;
use crate::identity::password::{For, good_enough};
use crate::identity::record::Act;
use crate::identity::shared::Shared;
use crate::identity::throttle::BOOTSTRAP;
use crate::identity::{RegistrationMode, Visitor};
use crate::ports::identity::{IdentityError, NewUser, RegisterBy, TokenKind, User};
use domain::{Digest, Email, KeyLabel};
use secrecy::{ExposeSecret, SecretString};

impl SignIn {
    /// Makes the record of the first platform administrator, while nobody is there, by the token that operators
    /// got once. Guesses of the token are slowed down by network.
    pub async fn bootstrap(&self, visitor: &Visitor, request: Bootstrap) -> Result<User, Error> {
        let shared = &*self.shared;
        let attempt = shared.network_attempt(BOOTSTRAP, &visitor.origin.address);
        shared.try_once(&attempt).await?;
        let shown = Digest::of(&[request.token.expose_secret().as_bytes()]);
        if shared.rules.bootstrap != Some(shown) || !shared.ports.admissions.is_empty().await? {
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

    /// Makes the record of a person, if the mode of registration allows it. In the open mode a taken address is
    /// told, because nothing else could be: there is no second way to reach the person.
    pub async fn register(&self, visitor: &Visitor, request: Register) -> Result<User, Error> {
        let shared = &*self.shared;
        let shown = |token: &SecretString| {
            let digest = shared.ports.opaque.digest(TokenKind::Invitation, token.expose_secret());
            digest.map(RegisterBy::Invitation)
        };
        let by = match (shared.rules.registration, &request.invitation) {
            (RegistrationMode::Closed, _) | (RegistrationMode::Invitation, None) => None,
            (_, Some(token)) => shown(token),
            (RegistrationMode::Open, None) => Some(RegisterBy::Open),
        };
        let Some(by) = by else {
            shared.failed(visitor, None, Act::failed("auth.register", "unknown")).await;
            return Err(Error::RegistrationClosed);
        };
        let attempt = shared.network_attempt("register", &visitor.origin.address);
        shared.try_once(&attempt).await?;
        let new = shared.new_user(request.email, request.name, &request.password).await?;
        let user = match shared.admit(&new, &by).await {
            Err(Error::RegistrationClosed) => {
                let act = Act::failed("auth.register", "invitation");
                shared.failed(visitor, None, act).await;
                return Err(Error::RegistrationClosed);
            }
            registered => registered?,
        };
        shared.ports.throttle.succeed(&attempt).await?;
        shared.settle().await;
        shared.came(visitor, &user.id, Act::done("auth.register", &user.id)).await?;
        Ok(user)
    }
}

impl Shared {
    /// A person to be, whose password is good enough.
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
