//! Fakes of every port on people, and services that stand on them.

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

/// Services on people, on fakes, and the fakes.
#[derive(Debug)]
pub struct TestIdentity {
    /// The use cases.
    pub identity: Identity,
    /// The ports they stand on.
    pub ports: IdentityPorts,
    /// Every store.
    pub people: Arc<MemoryPeople>,
    /// Hashes passwords.
    pub passwords: Arc<PlainPasswords>,
    /// The identity provider.
    pub provider: Arc<ScriptedProvider>,
    /// What was counted.
    pub observed: Arc<Notebook>,
}

/// Services on people beside an application on fakes, with the same replicated state and clock.
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
