//! Failures of ports: reported errors, and no false claims about the outcome.

use crate::world::*;
use application::ports::{Consistency, Freshness};
use application::testing::Fault;
use application::{Error, Moment};
use domain::{BindingChange, Precondition, Revision};

#[tokio::test]
async fn every_failure_has_its_own_answer() {
    let world = World::new().await;
    let put = |key: &'static str| world.put_with(key, "1", BindingChange::Keep, Precondition::Absent);
    world.test.node.set_fault(Some(Fault::NoLeader));
    assert!(matches!(put("a").await, Err(Error::NoLeader)));
    world.test.node.set_fault(Some(Fault::Overloaded));
    assert!(matches!(put("a").await, Err(Error::Overloaded)));
    world.test.node.set_fault(Some(Fault::OutcomeUnknownLost));
    assert!(matches!(put("a").await, Err(Error::OutcomeUnknown)));
    assert!(world.test.node.state().config(&config("a")).is_none());
    let before = world.test.node.proposals();
    world.test.node.set_fault(Some(Fault::OutcomeUnknownApplied));
    assert!(matches!(put("a").await, Err(Error::OutcomeUnknown)));
    assert_eq!(world.test.node.proposals() - before, 1, "a change whose outcome is unknown is not repeated");
    assert!(world.test.node.state().config(&config("a")).is_some());
}

#[tokio::test]
async fn reads_say_what_they_could_not_do() {
    let world = World::new().await;
    let revision = world.put("a", "1").await;
    let (configs, admin) = (&world.test.application.configs, &world.test.admin);
    let get = |consistency, min: Option<u64>| {
        let freshness = Freshness { consistency, min_revision: min.map(Revision) };
        async move { configs.get(admin, &config("a"), Moment::Now, freshness).await }
    };
    assert!(get(Consistency::Stale, Some(revision.0)).await.is_ok());
    let behind = get(Consistency::Stale, Some(revision.0 + 5)).await;
    assert!(matches!(behind, Err(Error::Behind { at, wanted }) if at == revision.0 && wanted == at + 5));
    world.test.node.set_fault(Some(Fault::NoLeader));
    assert!(matches!(get(Consistency::Linearizable, None).await, Err(Error::NoLeader)));
    let stale = get(Consistency::Stale, None).await.expect("stale reads go on");
    assert_eq!(stale.stale_for_ms, Some(0));
    assert!(world.test.application.cluster.status(&world.test.admin).await.is_ok(), "also without a leader");
    world.test.node.set_fault(None);
    world.test.node.archive().set_broken(true);
    assert!(matches!(get(Consistency::Linearizable, None).await, Err(Error::Internal(_))));
}
