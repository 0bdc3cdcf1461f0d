//! Changes of rights reach the replicated state, also after a failure.

use crate::world::*;
use application::ports::identity::{Observation, Subject};
use application::testing::Fault;
use domain::UserId;

#[tokio::test]
async fn without_a_leader_a_change_stands_and_the_outbox_waits() {
    let world = World::new().await;
    let (ann, ctx) = world.member("ann", "viewer", in_project("a")).await;
    let epoch = world.epoch(&ann.id);
    let root = world.ctx("root").await;
    world.test.node.set_fault(Some(Fault::NoLeader));
    world.people().users.deactivate(&root, &ann.id).await.expect("the change stands");
    assert_eq!(world.epoch(&ann.id), epoch, "nobody could be told");
    assert_eq!(world.id.ports.outbox.pending(10).await.expect("there").len(), 1);
    assert_eq!(refused(world.people().epochs.drain().await), "NoLeader");
    assert!(world.id.observed.count(Observation::EpochsPending(1)) > 0);
    world.test.node.set_fault(None);
    world.people().account.me(&ctx).await.expect("not told yet");
    assert_eq!(world.people().epochs.drain().await.expect("told"), 1);
    assert_eq!(refused(world.people().account.me(&ctx).await), "Unauthenticated");
    assert!(world.id.ports.outbox.pending(10).await.expect("there").is_empty());
    assert_eq!(world.people().epochs.drain().await.expect("nothing left"), 0);
}

#[tokio::test]
async fn an_unknown_outcome_is_told_again() {
    let world = World::new().await;
    let (ann, _) = world.member("ann", "viewer", in_project("a")).await;
    let before = world.epoch(&ann.id);
    for fault in [Fault::OutcomeUnknownApplied, Fault::OutcomeUnknownLost] {
        world.test.node.set_fault(Some(fault));
        world.people().users.end_sessions(&world.test.admin, &ann.id, None).await.expect("stands");
        world.test.node.set_fault(None);
        world.signed("ann").await;
    }
    assert_eq!(world.people().epochs.drain().await.expect("told"), 1);
    assert!(world.epoch(&ann.id) > before);
    assert!(world.id.ports.outbox.pending(10).await.expect("there").is_empty());
}

#[tokio::test]
async fn without_a_leader_rights_are_looked_up_where_they_are_kept() {
    let world = World::new().await;
    let (ann, ctx) =
        world.member("ann", "platform-admin", application::ports::identity::Place::Platform).await;
    let bob = world.person("bob").await;
    world.test.node.set_fault(Some(Fault::NoLeader));
    world.give(&ctx, &bob.id, "viewer", in_project("a")).await.expect("her role is there");
    // Revoked while the replicated state cannot be reached.
    let place = application::ports::identity::Place::Platform;
    world
        .people()
        .members
        .delete(&world.test.admin, &place, &Subject::User(ann.id.clone()))
        .await
        .expect("may");
    assert_eq!(refused(world.give(&ctx, &bob.id, "editor", in_project("a")).await), "Forbidden");
    world.id.ports.sessions.end_all(&ann.id, None).await.expect("ended");
    assert_eq!(refused(world.people().account.me(&ctx).await), "Unauthenticated");
}

#[tokio::test]
async fn many_are_told_in_batches() {
    let world = World::new().await;
    let off = application::ports::identity::UserChange {
        status: Some(application::ports::identity::UserStatus::Deactivated),
        ..Default::default()
    };
    let mut ids = Vec::new();
    for n in 0..1100 {
        let id = UserId::parse(&format!("many-{n}")).expect("an id");
        let new = application::ports::identity::NewUser {
            id: id.clone(),
            email: email(&format!("many-{n}")),
            name: label("many"),
            password: None,
            identity: None,
            second_factor_required: false,
            at: world.now(),
        };
        world.id.ports.users.create(&new).await.expect("made");
        world.id.ports.users.change(&id, &off, world.now()).await.expect("deactivated");
        ids.push(id);
    }
    assert_eq!(world.people().epochs.drain().await.expect("told"), 1000);
    assert_eq!(world.people().epochs.drain().await.expect("told"), 100);
    let state = world.test.node.state();
    assert!(ids.iter().all(|id| state.epoch(id).0 == 1));
}
