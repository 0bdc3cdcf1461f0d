//! Requests that come again with their idempotency key after much has happened.

use crate::world::*;
use application::{
    ChangeProject, ConfigList, Error, How, Moment, Patch, PatchConfig, RequestContext, Rollback,
};
use domain::{
    Actor, BindingChange, Command, Digest, Idempotency, Message, Precondition, Pruned, Retention, Version,
};

impl World {
    fn keyed(&self, key: &str) -> RequestContext {
        let admin = self.test.admin.clone();
        let idempotency = Some(Idempotency::new(&admin.actor, key, Digest::of(&[key.as_bytes()])));
        RequestContext { idempotency, ..admin }
    }

    /// Keeps only the newest version of each config from now on.
    async fn keep_only_the_newest(&self) {
        let retention = Some(Retention { versions: Some(1), ..Retention::default() });
        let change = ChangeProject { name: project("p"), display_name: None, quotas: None, retention };
        self.test.application.projects.change(&self.test.admin, change).await.expect("it may");
        self.test.application.housekeeping.prune().await.expect("it is pruned");
    }
}

/// The archive is ahead of whoever looks at an older view, also with what it has no more.
#[tokio::test]
async fn what_goes_during_a_look_is_not_taken_for_never_there() {
    let world = World::new().await;
    let first = world.put("a", "1").await;
    let second = world.put("a", "2").await;
    world.put("b", "1").await;
    world.put("a", "3").await;
    world.test.node.freeze_stale_views();
    world.put("a", "4").await;
    let pruned = vec![Pruned { id: config("a"), oldest: Version(4), from: Version(0), bytes: None }];
    let ctx = RequestContext::new(Actor::System, world.test.admin.request_id.clone());
    world.test.node.apply(&world.test.ports.env.stamp(&ctx, Command::PruneHistory { pruned }));
    let configs = &world.test.application.configs;
    let stale = application::ports::Freshness::STALE;
    for revision in [first, second] {
        let moment = Moment::Revision(revision);
        let was = configs.get(&world.test.admin, &config("a"), moment, stale).await;
        assert!(matches!(was, Err(Error::HistoryPruned { .. })), "{revision}: {was:?}");
    }
    let list = ConfigList::default();
    let listed =
        configs.list(&world.test.admin, &environment("default"), &list, page(9, None, None), stale).await;
    assert!(matches!(listed, Err(Error::HistoryPruned { .. })), "a list without a: {listed:?}");
    world.test.node.thaw();
    let listed =
        configs.list(&world.test.admin, &environment("default"), &list, page(9, None, None), stale).await;
    assert_eq!(listed.expect("the present").items.len(), 2);
}

/// Simulation, seed 33: the answer was 404 `version_not_found`, as if nothing had happened.
#[tokio::test]
async fn a_repeat_whose_version_is_gone_is_told_that_it_was_done() {
    let world = World::new().await;
    let configs = &world.test.application.configs;
    world.put("a", "1").await;
    let put = || put_request("a", "2", BindingChange::Keep, at(1));
    let patch = || PatchConfig {
        id: config("a"),
        patch: Patch::merge("3").expect("a patch"),
        expected: at(2),
        message: Message::default(),
    };
    let rollback =
        || Rollback { id: config("a"), to_version: Version(1), expected: at(3), message: Message::default() };
    let [one, two, three] = ["one", "two", "three"].map(|key| world.keyed(key));
    let made = [
        configs.put(&one, put()).await.expect("put").revision,
        configs.patch(&two, patch()).await.expect("patched").revision,
        configs.rollback(&three, rollback()).await.expect("rolled back").revision,
    ];
    let again = configs.put(&one, put()).await.expect("it is kept");
    assert!(matches!(again.how, How::Replayed));
    assert_eq!((again.item.document.shown.version, again.revision), (Version(2), made[0]));
    world.put_with("a", "9", BindingChange::Keep, Precondition::Present).await.expect("put");
    world.keep_only_the_newest().await;
    let answers = [
        configs.put(&one, put()).await,
        configs.patch(&two, patch()).await,
        configs.rollback(&three, rollback()).await,
    ];
    for ((answer, made), version_made) in answers.into_iter().zip(made).zip(2..) {
        match answer {
            Err(Error::ReplayPruned { version, revision, oldest, .. }) => {
                assert_eq!((version, revision, oldest), (Version(version_made), made, Version(5)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.test.node.state().config(&config("a")).expect("it is there").version, Version(5));
}
