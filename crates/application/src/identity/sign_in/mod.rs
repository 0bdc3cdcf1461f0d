//! Coming in, going on, going out, and what a token says.

use super::Visitor;
use super::shared::Shared;
use crate::ports::identity::{Session, User};
use crate::{Error, RequestContext};
use domain::{Actor, Email, KeyLabel, Person, RequestId, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases on sign-ins.
#[derive(Clone, Debug)]
pub struct SignIn {
    shared: Arc<Shared>,
}

/// The first administrator.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The token that was printed or mounted once.
    pub token: SecretString,
    /// Where the person is reached.
    pub email: Email,
    /// What people call the person.
    pub name: KeyLabel,
    /// The person's password.
    pub password: SecretString,
}

/// Somebody who wants to be known.
#[derive(Clone, Debug)]
pub struct Register {
    /// Where the person is reached.
    pub email: Email,
    /// What people call the person.
    pub name: KeyLabel,
    /// The person's password.
    pub password: SecretString,
    /// The token of the invitation, if there is one.
    pub invitation: Option<SecretString>,
}

/// The first step of a sign-in.
#[derive(Clone, Debug)]
pub struct Login {
    /// Who the person says they are.
    pub email: Email,
    /// The password.
    pub password: SecretString,
    /// What the person calls the device; may be empty, cut at 256 bytes.
    pub device: String,
    /// Whether the session is a browser's, which needs a token against cross-site requests.
    pub browser: bool,
}

/// What the person shows beside the password.
#[derive(Clone, Debug)]
pub enum FactorAnswer {
    /// A one-time password: 6 digits.
    Code(SecretString),
    /// A recovery code.
    Recovery(SecretString),
}

/// The second step of a sign-in.
#[derive(Clone, Debug)]
pub struct AnswerChallenge {
    /// What the first step gave.
    pub challenge: SecretString,
    /// What the person shows.
    pub answer: FactorAnswer,
}

/// A session to be carried on.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The refresh token.
    pub token: SecretString,
    /// Whether the session is a browser's, which needs a token against cross-site requests.
    pub browser: bool,
}

/// The end of a sign-in's first step.
#[derive(Clone, Debug)]
pub enum SignedIn {
    /// The person is in.
    Signed(Box<Signed>),
    /// The second factor is missing.
    Challenge(Challenge),
}

/// A sign-in that waits for the second factor.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// To be sent back with the code; good for one sign-in and five tries.
    pub challenge: SecretString,
    /// For how many seconds.
    pub expires_in_s: u64,
}

/// A person who is in.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Opens requests.
    pub access: SecretString,
    /// Carries the session on, once.
    pub refresh: SecretString,
    /// What a browser repeats with every change; only for those.
    pub csrf: Option<SecretString>,
    /// For how many seconds the access token is good.
    pub expires_in_s: u64,
    /// Who is in.
    pub user: User,
    /// The session.
    pub session: Session,
    /// The person must set up a second factor before anything else: the access token carries no rights and
    /// opens only [`super::Account::me`], [`super::Factors::begin`], [`super::Factors::confirm`] and logout;
    /// after the confirmation, a refresh gives one with rights.
    pub must_enrol: bool,
}

/// Who shows an access token.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// Who.
    pub user: UserId,
    /// By which sign-in.
    pub session: SessionId,
    /// What the person may do.
    pub person: Arc<Person>,
    /// When the token ends.
    pub expires_at: Timestamp,
}

impl Authenticated {
    /// The circumstances of a request with this token.
    pub fn context(self, request_id: RequestId, origin: crate::Origin) -> RequestContext {
        RequestContext {
            person: Some(self.person),
            session: Some(self.session),
            expires_at: Some(self.expires_at),
            origin,
            ..RequestContext::new(Actor::User(self.user), request_id)
        }
    }
}

impl SignIn {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Makes the record of the first platform administrator, while nobody is there.
    pub async fn bootstrap(&self, visitor: &Visitor, request: Bootstrap) -> Result<User, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Makes the record of a person, if the mode of registration or an invitation allows it.
    pub async fn register(&self, visitor: &Visitor, request: Register) -> Result<User, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The first step: the password. Unknown people, wrong passwords and deactivated people cannot be told apart.
    pub async fn login(&self, visitor: &Visitor, request: Login) -> Result<SignedIn, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The second step: the second factor.
    pub async fn second_factor(&self, visitor: &Visitor, request: AnswerChallenge) -> Result<Signed, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Carries a session on. A token that was used before ends its session, but for a grace in which the same client is answered the same again.
    pub async fn refresh(&self, visitor: &Visitor, request: Refresh) -> Result<Signed, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Ends the session of the request.
    pub async fn logout(&self, ctx: &RequestContext) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Ends the session that a refresh token carries on; no harm when there is none.
    pub async fn logout_by_refresh(&self, visitor: &Visitor, token: &SecretString) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Who shows this access token. Whether the rights are still good is asked of the replicated state by every use case.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Whether the text looks like an access token rather than an API key.
    pub fn is_token(&self, text: &str) -> bool {
        self.shared.ports.access.is_token(text)
    }

    /// The public keys of access tokens as a JWK set (RFC 7517), as JSON.
    pub fn jwks(&self) -> String {
        self.shared.ports.access.jwks()
    }
}
