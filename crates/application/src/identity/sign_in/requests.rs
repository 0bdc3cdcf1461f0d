//! Requests and results of authentication.

use crate::ports::identity::{Session, User};
use crate::{Origin, RequestContext};
use domain::{Actor, Email, KeyLabel, Person, RequestId, SessionId, Timestamp, UserId};
use secrecy::SecretString;
use std::sync::Arc;

/// The creation of the first administrator.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The bootstrap token.
    pub token: SecretString,
    /// The e-mail address.
    pub email: Email,
    /// The display name.
    pub name: KeyLabel,
    /// The password.
    pub password: SecretString,
}

/// A registration.
#[derive(Clone, Debug)]
pub struct Register {
    /// The e-mail address.
    pub email: Email,
    /// The display name.
    pub name: KeyLabel,
    /// The password.
    pub password: SecretString,
    /// The token of an invitation.
    pub invitation: Option<SecretString>,
}

/// The first step of a sign-in: the password.
#[derive(Clone, Debug)]
pub struct Login {
    /// The e-mail address of the account.
    pub email: Email,
    /// The password.
    pub password: SecretString,
    /// The device name given by the user; may be empty, truncated at 256 bytes.
    pub device: String,
    /// Whether a browser holds the session, so that it needs a CSRF token.
    pub browser: bool,
}

/// The second factor that the user presents.
#[derive(Clone, Debug)]
pub enum FactorAnswer {
    /// A one-time password: 6 digits.
    Code(SecretString),
    /// A recovery code.
    Recovery(SecretString),
}

/// The second step of a sign-in: the second factor.
#[derive(Clone, Debug)]
pub struct AnswerChallenge {
    /// The challenge from the first step.
    pub challenge: SecretString,
    /// The presented second factor.
    pub answer: FactorAnswer,
}

/// A refresh of a session.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The refresh token.
    pub token: SecretString,
    /// Whether a browser holds the session, so that it needs a CSRF token.
    pub browser: bool,
}

/// The result of the first step of a sign-in.
#[derive(Clone, Debug)]
pub enum SignedIn {
    /// The session is open.
    Signed(Box<Signed>),
    /// The second factor is required.
    Challenge(Challenge),
}

/// A sign-in that waits for the second factor.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The token to send with the second factor. Valid for five attempts and one success.
    pub challenge: SecretString,
    /// Its validity, in seconds.
    pub expires_in_s: u64,
}

/// An open session with its tokens.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The access token, which authenticates requests.
    pub access: SecretString,
    /// The refresh token, valid once.
    pub refresh: SecretString,
    /// The CSRF token, which a browser sends with every change; `None` for other clients.
    pub csrf: Option<SecretString>,
    /// The validity of the access token, in seconds.
    pub expires_in_s: u64,
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
    /// Whether the user must set up a second factor before anything else. If so, the access token carries no
    /// rights and permits only [`crate::identity::Account::me`], [`crate::identity::Factors::begin`],
    /// [`crate::identity::Factors::confirm`] and logout. A refresh after the confirmation gives a token with
    /// rights.
    pub must_enrol: bool,
}

/// The verified content of an access token.
#[derive(Clone, Debug)]
pub struct Authenticated {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The user's rights.
    pub person: Arc<Person>,
    /// The time of expiry.
    pub expires_at: Timestamp,
}

impl Authenticated {
    /// The context of a request with this token.
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
