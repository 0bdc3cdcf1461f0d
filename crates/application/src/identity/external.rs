//! Coming in through an identity provider.

use super::shared::Shared;
use super::{SignedIn, Visitor};
use crate::Error;
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases on sign-ins through identity providers.
#[derive(Clone, Debug)]
pub struct ExternalSignIn {
    shared: Arc<Shared>,
}

/// A sign-in that goes to a provider.
#[derive(Clone, Debug)]
pub struct WentOut {
    /// Where to send the person.
    pub location: String,
    /// What comes back; to be kept with the browser and compared, so that nobody finishes another's sign-in.
    pub state: SecretString,
}

/// A sign-in that came back.
#[derive(Clone, Debug)]
pub struct FinishExternal {
    /// What came back.
    pub state: SecretString,
    /// The provider's code.
    pub code: SecretString,
    /// What the person calls the device; may be empty, cut at 256 bytes.
    pub device: String,
    /// Whether the session is a browser's, which needs a token against cross-site requests.
    pub browser: bool,
}

impl ExternalSignIn {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Begins a sign-in at a provider.
    pub async fn begin(&self, visitor: &Visitor, provider: &str) -> Result<WentOut, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Finishes it. People are found by issuer and subject, never by their address.
    pub async fn finish(&self, visitor: &Visitor, request: FinishExternal) -> Result<SignedIn, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// The names of the providers.
    pub fn providers(&self) -> Vec<String> {
        self.shared.ports.providers.names()
    }
}
