//! Sign-in, refresh, logout, registration and authentication of access tokens.

mod admission;
mod authenticate;
mod carry_on;
mod login;
mod requests;

pub use requests::{
    AnswerChallenge, Authenticated, Bootstrap, Challenge, FactorAnswer, Login, Refresh, Register, Signed,
    SignedIn,
};

use super::shared::Shared;
use std::sync::Arc;

/// Use cases of authentication.
#[derive(Clone, Debug)]
pub struct SignIn {
    shared: Arc<Shared>,
}

impl SignIn {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Whether the text has the form of an access token rather than of an API key.
    pub fn is_token(&self, text: &str) -> bool {
        self.shared.ports.access.is_token(text)
    }

    /// The public keys of access tokens as a JWK set (RFC 7517), as JSON.
    pub fn jwks(&self) -> String {
        self.shared.ports.access.jwks()
    }
}
