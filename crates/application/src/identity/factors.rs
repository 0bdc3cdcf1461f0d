//! Second factors: setting up, taking away.

use super::shared::Shared;
use crate::{Error, RequestContext};
use domain::UserId;
use secrecy::SecretString;
use std::sync::Arc;

/// Use cases on second factors.
#[derive(Clone, Debug)]
pub struct Factors {
    shared: Arc<Shared>,
}

/// A second factor that waits for its first code.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The secret in base32, for typing; shown this once.
    pub secret: SecretString,
    /// The `otpauth:` address for the person's device; shown this once.
    pub uri: SecretString,
}

/// A second factor that works.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// Each stands in for the second factor once; shown this once.
    pub recovery_codes: Vec<SecretString>,
}

impl Factors {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Begins to set up a second factor of the person who asks.
    pub async fn begin(&self, ctx: &RequestContext) -> Result<Enrolment, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Shows that the device has the secret: from now on it is needed.
    pub async fn confirm(&self, ctx: &RequestContext, code: &SecretString) -> Result<Confirmed, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Takes the second factor away, by the password.
    pub async fn remove(&self, ctx: &RequestContext, password: &SecretString) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// Gives other recovery codes, by the password; the ones before end.
    pub async fn regenerate(
        &self,
        ctx: &RequestContext,
        password: &SecretString,
    ) -> Result<Confirmed, Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }

    /// An administrator takes the second factor of somebody who lost it away.
    pub async fn remove_of(&self, ctx: &RequestContext, user: &UserId) -> Result<(), Error> {
        Err(crate::Error::IdentityUnavailable(None))
    }
}
