//! Writing documents: preconditions, repeated checks, rollback.

use crate::world::*;
use application::ports::Freshness;
use application::{Error, Moment};
use domain::{
    BindingChange, ChangeKind, Command, Content, Dialect, Precondition, Rejection, SchemaVersion, Version,
};

/// A concurrent update of schema `s` by another node.
fn rival_update(world: &World, text: &str) -> domain::Stamped<Command> {
    let schema_text = Content::from_compact(text).expect("small");
    let command = Command::UpdateSchema {
        id: schema("s"),
        schema: schema_text,
        dialect: Dialect::Draft202012,
        mode: None,
        expected: None,
        checked: world.test.node.state().revision(),
        uses: Vec::new(),
    };
    world.test.ports.env.stamp(&world.test.admin, command)
}

#[tokio::test]
async fn preconditions_hold() {
    let world = World::new().await;
    let put = |expected| world.put_with("a", "1", BindingChange::Keep, expected);
    let conflict = |result: Result<application::Written, Error>, expected: Option<u64>, current: u64| {
        let Err(Error::Rejected(Rejection::VersionConflict { expected: e, current: c, .. })) = result else {
            panic!("expected a conflict, got {result:?}");
        };
        assert_eq!((e, c), (expected.map(Version), Version(current)));
    };
    conflict(put(Precondition::Present).await, None, 0);
    conflict(put(at(1)).await, Some(1), 0);
    let created = put(Precondition::Absent).await.expect("nothing is there");
    assert!(created.created && created.document.shown.kind == ChangeKind::Create);
    conflict(put(Precondition::Absent).await, None, 1);
    conflict(put(at(2)).await, Some(2), 1);
    let put = |expected| world.put_with("a", "2", BindingChange::Keep, expected);
    let changed = put(at(1)).await.expect("it is at version 1");
    assert!(!changed.created && changed.document.shown.kind == ChangeKind::Update);
    assert!(world.put_with("a", "3", BindingChange::Keep, Precondition::Present).await.is_ok());
    assert_eq!(world.test.node.state().config(&config("a")).map(|found| found.version), Some(Version(3)));
}

#[tokio::test]
async fn what_is_answered_is_what_is_read() {
    let world = World::new().await;
    world.create_schema("s", "{\"required\":[\"a\"]}").await.expect("new");
    let written = world.put_with("a", "{\"a\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    let configs = &world.test.application.configs;
    let read = configs
        .get(&world.test.admin, &config("a"), Moment::Now, Freshness::LINEARIZABLE)
        .await
        .expect("there");
    assert_eq!(read.shown, written.document.shown);
    let written = world.put_with("a", "{\"a\":2}", BindingChange::Keep, at(1)).await.expect("valid");
    let read = configs.version(&world.test.admin, &config("a"), Version(2), Freshness::STALE).await;
    assert_eq!(read.expect("there").shown, written.document.shown);
    let written = world.rollback("a", 1, at(2)).await.expect("valid");
    let read = configs
        .get(&world.test.admin, &config("a"), Moment::Now, Freshness::LINEARIZABLE)
        .await
        .expect("there");
    assert_eq!(read.shown, written.document.shown);
}

#[tokio::test]
async fn a_document_must_satisfy_its_schema() {
    let world = World::new().await;
    world.create_schema("s", "{\"required\":[\"a\"]}").await.expect("new");
    let refused = world.put_with("a", "{}", follow("s"), Precondition::Absent).await;
    let Err(Error::ValidationFailed { schema, violations }) = refused else { panic!("{refused:?}") };
    assert_eq!((schema.as_str(), violations.len()), ("schema s version 1", 1));
    let unknown = world.put_with("a", "{}", follow("none"), Precondition::Absent).await;
    assert!(matches!(unknown, Err(Error::Rejected(Rejection::BindingUnknown { .. }))));
    let unknown = world.put_with("a", "{}", pin("s", 2), Precondition::Absent).await;
    assert!(matches!(unknown, Err(Error::Rejected(Rejection::BindingUnknown { .. }))));
}

#[tokio::test]
async fn a_put_is_checked_again_when_its_schema_changes_meanwhile() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.test.node.inject_before_next_proposal(rival_update(&world, "{\"required\":[\"a\"]}"));
    let before = world.test.node.proposals();
    let written = world.put_with("a", "{\"a\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    assert_eq!(world.test.node.proposals() - before, 2);
    assert_eq!(written.document.shown.schema.map(|found| found.version), Some(SchemaVersion(2)));
    world.test.node.inject_before_next_proposal(rival_update(&world, "{\"required\":[\"b\"]}"));
    let request = put_request("b", "{\"a\":1}", follow("s"), Precondition::Absent);
    let refused = world.test.application.configs.put(&world.test.admin, request).await;
    assert!(matches!(refused, Err(Error::ValidationFailed { .. })), "the new version asks for more");
    assert!(world.test.node.state().config(&config("b")).is_none());
}

#[tokio::test]
async fn a_put_gives_up_when_its_schema_never_rests() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    for _ in 0..40 {
        world.test.node.inject_before_next_proposal(rival_update(&world, "{}"));
    }
    let refused = world.put_with("a", "{}", follow("s"), Precondition::Absent).await;
    assert!(matches!(refused, Err(Error::Contended)), "{refused:?}");
}

/// A node that is behind decides on the current state.
#[tokio::test]
async fn a_node_that_is_behind_answers_from_the_present() {
    let world = World::new().await;
    world.create_schema("s", "{\"required\":[\"old\"]}").await.expect("new");
    world.test.node.freeze_stale_views();
    world.update_schema("s", "{\"required\":[\"new\"]}").await.expect("no followers");
    assert!(world.put_with("a", "{\"new\":1}", follow("s"), Precondition::Absent).await.is_ok());
    let refused = world.put_with("b", "{\"old\":1}", follow("s"), Precondition::Absent).await;
    assert!(matches!(refused, Err(Error::ValidationFailed { .. })), "{refused:?}");
    world.create_schema("late", "{}").await.expect("new");
    assert!(world.put_with("c", "{}", follow("late"), Precondition::Absent).await.is_ok());
}

#[tokio::test]
async fn a_rollback_is_checked_against_todays_schema() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.put_with("a", "{\"v\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    world.put_with("a", "{\"v\":2,\"a\":1}", BindingChange::Keep, at(1)).await.expect("valid");
    world.update_schema("s", "{\"required\":[\"a\"]}").await.expect("the follower has it");
    let refused = world.rollback("a", 1, at(2)).await;
    assert!(matches!(refused, Err(Error::ValidationFailed { .. })), "{refused:?}");
    world.update_schema("s", "{}").await.expect("weaker");
    let back = world.rollback("a", 1, at(2)).await.expect("valid again").document.shown;
    assert_eq!((back.version, back.kind), (Version(3), ChangeKind::Rollback { from: Version(1) }));
    assert_eq!(back.content.as_ref().map(Content::as_str), Some("{\"v\":1}"));
    assert_eq!(back.schema.map(|found| found.version), Some(SchemaVersion(3)));
}

#[tokio::test]
async fn a_rollback_needs_a_document_to_go_back_to() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.delete("a").await;
    let gone = world.rollback("a", 1, Precondition::Present).await;
    assert!(matches!(gone, Err(Error::NotFound { what: "config", .. })));
    world.put("a", "3").await;
    let deletion = world.rollback("a", 2, at(3)).await;
    assert!(matches!(deletion, Err(Error::Invalid { field: "to_version", .. })));
    let never = world.rollback("a", 9, at(3)).await;
    assert!(matches!(never, Err(Error::NotFound { what: "version", .. })));
    assert!(matches!(world.rollback("a", 1, at(1)).await, Err(Error::Rejected(_))));
    assert!(world.rollback("a", 1, at(3)).await.is_ok());
}
