//! Fakes of all identity ports, and the identity services on them.

mod access;
mod emails;
mod log;
mod people;
mod provider;
mod secrets;
mod sessions;
mod tables;

pub use provider::{Notebook, ScriptedProvider};
pub use secrets::{
    CommonPassword, CountingTotp, Drawer, NumberedSecrets, NumberedTokens, PlainPasswords, TOKEN_GRANTS_MAX,
};
pub use tables::MemoryPeople;

use super::TestApplication;
use crate::identity::{Identity, IdentityPorts, IdentityRules};
use std::sync::Arc;

/// The identity services on fakes.
#[derive(Debug)]
pub struct TestIdentity {
    /// The use cases.
    pub identity: Identity,
    /// The ports of the services.
    pub ports: IdentityPorts,
    /// All stores.
    pub people: Arc<MemoryPeople>,
    /// The password hasher.
    pub passwords: Arc<PlainPasswords>,
    /// The identity provider.
    pub provider: Arc<ScriptedProvider>,
    /// The recorded metrics.
    pub observed: Arc<Notebook>,
}

/// The identity services for an application on fakes, with its replicated state and clock.
pub fn identity(test: &TestApplication, rules: IdentityRules) -> TestIdentity {
    let people = Arc::new(MemoryPeople::default());
    let (passwords, provider) = (Arc::new(PlainPasswords::default()), Arc::new(ScriptedProvider::default()));
    let observed = Arc::new(Notebook::default());
    let ports = IdentityPorts {
        users: people.clone(),
        emails: people.clone(),
        admissions: people.clone(),
        outbox: people.clone(),
        sessions: people.clone(),
        roles: people.clone(),
        groups: people.clone(),
        organisations: people.clone(),
        factors: people.clone(),
        external: people.clone(),
        throttle: people.clone(),
        key_uses: people.clone(),
        audit: people.clone(),
        passwords: passwords.clone(),
        password_rules: Arc::new(CommonPassword),
        access: Arc::new(NumberedTokens::default()),
        opaque: Arc::new(NumberedSecrets::default()),
        sealer: Arc::new(Drawer::default()),
        totp: Arc::new(CountingTotp),
        providers: provider.clone(),
        observer: observed.clone(),
    };
    let identity = Identity::new(&test.ports, ports.clone(), rules);
    TestIdentity { identity, ports, people, passwords, provider, observed }
}
