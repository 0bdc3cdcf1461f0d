//! A scripted identity provider, and an observer that records events.

use crate::ports::identity::{
    ExternalPerson, IdentityObserver, IdentityProviders, Observation, PendingSignIn, ProviderError,
};
use async_trait::async_trait;
use domain::{Digest, GroupName, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A provider named `corp` that accepts the codes given by the test.
#[derive(Debug, Default)]
pub struct ScriptedProvider {
    people: Mutex<BTreeMap<String, ExternalPerson>>,
    mapping: Mutex<Vec<(String, GroupName)>>,
}

/// The error of an unavailable provider.
#[derive(Debug, thiserror::Error)]
#[error("the provider does not answer")]
struct Silent;

impl ScriptedProvider {
    /// Makes `code` return this identity.
    pub fn say(&self, code: &str, person: ExternalPerson) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).insert(code.to_owned(), person);
    }

    /// Maps a group of the provider to a group of this platform.
    pub fn map(&self, theirs: &str, ours: GroupName) {
        self.mapping.lock().unwrap_or_else(PoisonError::into_inner).push((theirs.to_owned(), ours));
    }
}

#[async_trait]
impl IdentityProviders for ScriptedProvider {
    fn names(&self) -> Vec<String> {
        vec!["corp".to_owned()]
    }

    async fn begin(
        &self,
        provider: &str,
        state: &str,
        at: Timestamp,
    ) -> Result<(String, PendingSignIn), ProviderError> {
        if provider != "corp" {
            return Err(ProviderError::Unknown);
        }
        let pending = PendingSignIn {
            state: Digest::of(&[state.as_bytes()]),
            provider: provider.to_owned(),
            nonce: "nonce".into(),
            verifier: "verifier".into(),
            expires_at: Timestamp(at.0 + 600_000),
        };
        Ok((format!("https://corp.example/authorize?state={state}"), pending))
    }

    async fn finish(
        &self,
        _: &PendingSignIn,
        code: &str,
        _: Timestamp,
    ) -> Result<ExternalPerson, ProviderError> {
        if code == "silent" {
            return Err(ProviderError::Unavailable(Box::new(Silent)));
        }
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(code).cloned().ok_or_else(|| ProviderError::Refused("wrong code".to_owned()))
    }

    fn groups(&self, _: &str) -> Vec<(String, GroupName)> {
        self.mapping.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Records all events.
#[derive(Debug, Default)]
pub struct Notebook(Mutex<Vec<Observation>>);

impl Notebook {
    /// The number of times that an event was recorded.
    pub fn count(&self, observation: Observation) -> usize {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|one| **one == observation).count()
    }
}

impl IdentityObserver for Notebook {
    fn observe(&self, observation: Observation) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(observation);
    }
}
