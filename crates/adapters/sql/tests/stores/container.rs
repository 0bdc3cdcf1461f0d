//! The store contract on a server in a container, as in production: over a network, with a password, and with
//! another version than the installed one.

use crate::opening::{
    check_changed_migration_is_refused, check_many_migrate_at_once, check_schema_must_be_known,
};
use crate::outage::check_outage;
use crate::places::Kind;
use crate::sharing::check_three_share;
use crate::{contract, tampering};
use postgres_fixture::container::{Container, Data};
use std::time::Duration;
use tokio::time::timeout;

/// Timeout of all checks of a test; they need a fraction of it on an idle machine.
const LIMIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_a_container_passes_the_contract() {
    let Some(container) = Container::start(Data::Memory).await else { return };
    let kind = Kind::Postgres(container.server());
    let checks = async {
        check_schema_must_be_known(kind).await;
        check_many_migrate_at_once(kind).await;
        check_changed_migration_is_refused(kind).await;
        contract::all(kind).await;
        check_three_share(kind).await;
        tampering::check_kind(kind).await;
    };
    timeout(LIMIT, checks).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_a_container_goes_away_and_comes_back() {
    let Some(container) = Container::start(Data::Container).await else { return };
    let (stop, resume) = (async || container.stop().await, async || container.resume().await);
    timeout(LIMIT, check_outage(container.server(), stop, resume)).await.expect("in time");
}
