//! What sign-ins take and give.

use crate::ports::identity::{Session, User};
use crate::{Origin, RequestContext};
use domain::{Actor, Email, KeyLabel, Person, RequestId, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

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
    /// opens only [`crate::identity::Account::me`], [`crate::identity::Factors::begin`], [`crate::identity::Factors::confirm`] and logout;
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
    pub fn context(self, request_id: RequestId, origin: Origin) -> RequestContext {
        RequestContext {
            person: Some(self.person),
            session: Some(self.session),
            expires_at: Some(self.expires_at),
            origin,
            ..RequestContext::new(Actor::User(self.user), request_id)
        }
    }
}
