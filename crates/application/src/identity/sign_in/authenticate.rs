//! What an access token says, and what its person may do by now.

use super::{Authenticated, SignIn};
use crate::Error;
use crate::identity::rights::millis;
use domain::Timestamp;
use std::sync::Arc;

impl SignIn {
    /// Who shows this access token. Whether the rights in it are still good is asked of the replicated state by
    /// every use case. Rights that were found longer ago than the rules allow are looked up again; only then is
    /// the database asked, and [`Error::IdentityUnavailable`] may come.
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
            // The rights are newer than the epoch, never older, so the state refuses them as it should.
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
