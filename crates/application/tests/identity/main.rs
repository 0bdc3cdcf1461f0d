//! Tests of the identity use cases on fakes: sign-in, rights, audit.

mod admission;
mod audit;
mod emails;
mod epochs;
mod external;
mod factors;
mod fairness;
mod givers;
mod guesses;
mod members;
mod projector;
mod recreated;
mod rights;
mod sessions;
mod world;

use application::testing::identity::MemoryPeople;
use application::testing::identity_contract::{Stores, all};
use std::sync::Arc;

#[tokio::test]
async fn the_fakes_keep_the_contract_of_the_stores() {
    all(async || {
        let people = Arc::new(MemoryPeople::default());
        Stores {
            users: people.clone(),
            emails: people.clone(),
            admissions: people.clone(),
            outbox: people.clone(),
            roles: people.clone(),
            groups: people.clone(),
            organisations: people.clone(),
            sessions: people.clone(),
            factors: people.clone(),
            external: people.clone(),
            throttle: people.clone(),
            key_uses: people.clone(),
            audit: people,
        }
    })
    .await;
}
