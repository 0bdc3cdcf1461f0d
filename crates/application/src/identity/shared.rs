//! What every service on people needs.

use super::IdentityRules;
use crate::ports::identity as port;
use crate::{Core, Ports};
use std::fmt;
use std::sync::Arc;

/// What the services on people need of the world, beside [`Ports`].
#[derive(Clone)]
pub struct IdentityPorts {
    /// People.
    pub users: Arc<dyn port::Users>,
    /// Coming in for the first time.
    pub admissions: Arc<dyn port::Admissions>,
    /// What the replicated state must still be told.
    pub outbox: Arc<dyn port::EpochOutbox>,
    /// Sessions.
    pub sessions: Arc<dyn port::Sessions>,
    /// Roles.
    pub roles: Arc<dyn port::Roles>,
    /// Groups.
    pub groups: Arc<dyn port::Groups>,
    /// Organisations.
    pub organisations: Arc<dyn port::Organisations>,
    /// Second factors.
    pub factors: Arc<dyn port::SecondFactors>,
    /// Who is who at the providers.
    pub external: Arc<dyn port::ExternalIdentities>,
    /// Slowing down those who guess.
    pub throttle: Arc<dyn port::Throttle>,
    /// The audit.
    pub audit: Arc<dyn port::AuditLog>,
    /// Hashes passwords.
    pub passwords: Arc<dyn port::PasswordHasher>,
    /// Knows common passwords.
    pub blocklist: Arc<dyn port::PasswordBlocklist>,
    /// Signs access tokens.
    pub access: Arc<dyn port::AccessTokens>,
    /// Mints opaque tokens.
    pub opaque: Arc<dyn port::OpaqueTokens>,
    /// Seals challenges.
    pub sealer: Arc<dyn port::Sealer>,
    /// Computes codes.
    pub totp: Arc<dyn port::Totp>,
    /// Talks to identity providers.
    pub providers: Arc<dyn port::IdentityProviders>,
    /// Counts.
    pub observer: Arc<dyn port::IdentityObserver>,
}

impl fmt::Debug for IdentityPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityPorts").finish_non_exhaustive()
    }
}

/// What every service on people shares.
pub(super) struct Shared {
    pub(super) core: Core,
    pub(super) ports: IdentityPorts,
    pub(super) rules: IdentityRules,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(core: &Ports, ports: IdentityPorts, rules: IdentityRules) -> Self {
        let core =
            Core { consensus: core.consensus.clone(), state: core.state.clone(), env: core.env.clone() };
        Self { core, ports, rules }
    }
}
