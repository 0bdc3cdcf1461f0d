//! Replays: retries with an idempotency key after later changes.

use crate::world::*;
use application::{
    ChangeProject, ConfigList, CreateSchema, Error, How, Moment, Patch, PatchConfig, RequestContext, Rollback,
};
use domain::{
    Actor, BindingChange, Command, Digest, DisplayName, Idempotency, Message, Precondition, Pruned,
    Rejection, Retention, SchemaMode, Version,
};

impl World {
    fn keyed(&self, key: &str) -> RequestContext {
        let admin = self.test.admin.clone();
        let idempotency = Some(Idempotency::new(&admin.actor, key, Digest::of(&[key.as_bytes()])));
        RequestContext { idempotency, ..admin }
    }

    /// Sets the retention to the newest version of each config.
    async fn keep_only_the_newest(&self) {
        let retention = Some(Retention { versions: Some(1), ..Retention::default() });
        let change = ChangeProject { name: project("p"), display_name: None, quotas: None, retention };
        self.test.application.projects.change(&self.test.admin, change).await.expect("it may");
        self.test.application.housekeeping.prune().await.expect("it is pruned");
    }
}

/// Versions that the archive pruned after an older view are reported as pruned, not as missing.
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

/// Found by the simulation (seed 33): the replay got 404 `version_not_found`.
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

/// Found by schemathesis: the replay got 404 `version_not_found`. A later schema with the same name is
/// another one.
#[tokio::test]
async fn a_repeated_creation_of_a_schema_that_is_gone_says_so() {
    let world = World::new().await;
    let schemas = &world.test.application.schemas;
    let ctx = world.keyed("one");
    let create = || CreateSchema { id: schema("s"), schema: content("{}"), mode: SchemaMode::Strict };
    let made = schemas.create(&ctx, create()).await.expect("created");
    assert!(matches!(schemas.create(&ctx, create()).await.expect("it is there").how, How::Replayed));
    let gone = || async {
        let again = schemas.create(&ctx, create()).await;
        assert!(
            matches!(again, Err(Error::ReplayedSchemaGone { revision, .. }) if revision == made.revision),
            "{again:?}"
        );
    };
    let projects = &world.test.application.projects;
    schemas.delete(&world.test.admin, schema("s"), None).await.expect("deleted");
    let admin = &world.test.admin;
    projects.delete(admin, project("p")).await.expect("deleted");
    gone().await;
    projects.create(admin, project("p"), DisplayName::default()).await.expect("created");
    world.create_schema("s", r#"{"title": "another"}"#).await.expect("created");
    gone().await;
}

/// A large change that will be refused is not replicated.
#[tokio::test]
async fn a_large_change_that_is_refused_is_not_proposed() {
    let world = World::new().await;
    world.put("a", "1").await;
    let large = format!("\"{}\"", "x".repeat(5_000));
    let before = world.test.node.proposals();
    let refused = world.put_with("a", &large, BindingChange::Keep, at(7)).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::VersionConflict { .. }))), "{refused:?}");
    assert_eq!(world.test.node.proposals(), before);
    world.put_with("a", &large, BindingChange::Keep, at(1)).await.expect("put");
    assert_eq!(world.test.node.proposals(), before + 1);
}
