//! The claims of an access token in their encoded form.
//!
//! - `exp`, `nbf` and `iat` are in whole seconds (`NumericDate`); `roles_refreshed_at` is in milliseconds.
//! - A claim of a wrong type is refused, in particular a string in place of a number (CVE-2026-25537).

use super::JwtRules;
use super::roles::{Role, read_roles, write_roles};
use application::ports::identity::{AccessClaims, TokenFault};
use domain::{Epoch, Person, Revision, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The prefix of `sub`.
const SUBJECT: &str = "user:";
/// Maximum length of `jti` and `trace_id`, in bytes.
const ID_BYTES_MAX: usize = 128;

#[derive(Deserialize, Serialize)]
pub(super) struct Claims {
    /// The library compares `iss` and `aud` and would accept a list that contains ours; the type refuses
    /// lists.
    iss: String,
    aud: String,
    sub: String,
    sid: SessionId,
    epoch: u64,
    roles: Vec<Role>,
    roles_refreshed_at: i64,
    /// The revision up to which deleted projects and environments were removed from `roles`.
    roles_revision: u64,
    trace_id: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
}

impl Claims {
    pub(super) fn write(claims: &AccessClaims, rules: &JwtRules) -> Self {
        let issued_at = claims.issued_at.0.div_euclid(1000);
        Self {
            iss: rules.issuer.clone(),
            aud: rules.audience.clone(),
            sub: format!("{SUBJECT}{}", claims.user),
            sid: claims.session.clone(),
            epoch: claims.person.epoch.0,
            roles: write_roles(&claims.person.grants),
            roles_refreshed_at: claims.roles_refreshed_at.0,
            roles_revision: claims.person.as_of.unwrap_or_default().0,
            trace_id: claims.trace_id.clone(),
            exp: claims.expires_at.0.div_euclid(1000),
            nbf: issued_at,
            iat: issued_at,
            jti: claims.id.clone(),
        }
    }

    pub(super) fn read(self) -> Result<AccessClaims, TokenFault> {
        let user = self.sub.strip_prefix(SUBJECT).and_then(|id| UserId::parse(id).ok());
        let seconds = |seconds: i64| seconds.checked_mul(1000).filter(|at| *at >= 0).map(Timestamp);
        let (Some(issued_at), Some(expires_at)) = (seconds(self.iat), seconds(self.exp)) else {
            return Err(TokenFault::Invalid("times"));
        };
        if self.nbf != self.iat || expires_at <= issued_at {
            return Err(TokenFault::Invalid("times"));
        }
        if self.jti.is_empty() || self.jti.len() > ID_BYTES_MAX || self.trace_id.len() > ID_BYTES_MAX {
            return Err(TokenFault::Invalid("ids"));
        }
        let grants = read_roles(self.roles).ok_or(TokenFault::Invalid("roles"))?;
        Ok(AccessClaims {
            user: user.ok_or(TokenFault::Invalid("subject"))?,
            session: self.sid,
            person: Arc::new(Person {
                epoch: Epoch(self.epoch),
                grants,
                as_of: Some(Revision(self.roles_revision)),
            }),
            roles_refreshed_at: Timestamp(self.roles_refreshed_at),
            trace_id: self.trace_id,
            issued_at,
            expires_at,
            id: self.jti,
        })
    }
}
