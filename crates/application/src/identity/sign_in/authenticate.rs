//! Authentication by access token.

use super::{Authenticated, SignIn};
use crate::Error;
use crate::identity::rights::millis;
use domain::Timestamp;
use std::sync::Arc;

impl SignIn {
    /// Authenticates an access token.
    ///
    /// - Rights that are too old are looked up again; only then is the database needed, and may
    ///   [`Error::IdentityUnavailable`] occur.
    /// - Does not check the epoch: every use case does so against the replicated state.
    pub async fn authenticate(&self, token: &str) -> Result<Authenticated, Error> {
        let shared = &*self.shared;
        let now = shared.now();
        let claims = shared.ports.access.verify(token, now);
        let claims = claims.map_err(|fault| Error::Unauthenticated(fault.to_string()))?;
        let since = Timestamp(now.0 - millis(shared.rules.roles_fresh));
        let person = if claims.roles_refreshed_at > since {
            claims.person.clone()
        } else if let Some(person) = shared.grants.get(&claims.user, claims.person.epoch, since) {
            person
        } else {
            // The rights are at least as new as the epoch, so checking the epoch later is safe.
            let person = Arc::new(shared.rights_of(&claims.user, claims.person.epoch).await?);
            shared.grants.put(claims.user.clone(), person.clone(), now, since);
            person
        };
        Ok(Authenticated {
            user: claims.user.clone(),
            session: claims.session.clone(),
            person,
            expires_at: claims.expires_at,
        })
    }
}
