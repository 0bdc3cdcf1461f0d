//! Schemas: registration, and the check of existing documents.

use crate::world::*;
use application::Error;
use application::ports::Freshness;
use domain::{
    BindingChange, ChangeKind, Command, Message, Precondition, Rejection, SchemaRef, SchemaVersion,
};

#[tokio::test]
async fn an_update_that_breaks_documents_lists_them() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    for key in ["a", "b", "c"] {
        let text = if key == "b" { "{\"x\":1}" } else { "{}" };
        world.put_with(key, text, follow("s"), Precondition::Absent).await.expect("valid");
    }
    let refused = world.update_schema("s", "{\"required\":[\"x\"]}").await;
    let Err(Error::SchemaBreaksDocuments(breaks)) = refused else { panic!("{refused:?}") };
    let keys: Vec<_> = breaks.failures.iter().map(|failure| failure.id.key.as_str()).collect();
    assert_eq!((breaks.total, keys), (2, vec!["a", "c"]));
    assert!(breaks.failures.iter().all(|failure| failure.violations.len() == 1));
    let latest = world.test.node.state().schema(&schema("s")).map(|found| found.latest);
    assert_eq!(latest, Some(SchemaVersion(1)));
}

#[tokio::test]
async fn many_failures_are_counted_and_the_first_listed() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    for number in 0..105 {
        let key = format!("k{number:03}");
        world.put_with(&key, "{}", follow("s"), Precondition::Absent).await.expect("valid");
    }
    let refused = world.update_schema("s", "{\"required\":[\"x\"]}").await;
    let Err(Error::SchemaBreaksDocuments(breaks)) = refused else { panic!("{refused:?}") };
    assert_eq!((breaks.total, breaks.failures.len()), (105, 100));
}

#[tokio::test]
async fn pinned_documents_do_not_block() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.put_with("a", "{}", pin("s", 1), Precondition::Absent).await.expect("valid");
    let updated = world.update_schema("s", "{\"required\":[\"x\"]}").await.expect("nothing follows");
    assert_eq!((updated.schema.latest, updated.bound_documents), (SchemaVersion(2), 1));
    world.put_with("a", "{\"v\":2}", BindingChange::Keep, at(1)).await.expect("held to version 1");
    let followed = world.put_with("a", "{}", follow("s"), at(2)).await;
    assert!(matches!(followed, Err(Error::ValidationFailed { .. })));
    let deleted = world.test.application.schemas.delete(&world.test.admin, schema("s"), None).await;
    assert!(matches!(deleted, Err(Error::Rejected(Rejection::SchemaInUse { .. }))));
}

/// A document that is bound between check and commit is checked too.
#[tokio::test]
async fn documents_that_come_meanwhile_are_checked_too() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    let rival = |key: &str, text: &str| {
        let command = Command::PutConfig {
            id: config(key),
            content: content(text),
            binding: follow("s"),
            checked: Some(SchemaRef { name: schema("s").name, version: SchemaVersion(1) }),
            expected: Precondition::Absent,
            kind: ChangeKind::Update,
            message: Message::default(),
            keep_same: false,
        };
        world.test.node.inject_before_next_proposal(world.test.ports.env.stamp(&world.test.admin, command));
    };
    rival("bad", "{}");
    let refused = world.update_schema("s", "{\"required\":[\"x\"]}").await;
    assert!(matches!(refused, Err(Error::SchemaBreaksDocuments(_))), "{refused:?}");
    world.delete("bad").await;
    rival("good", "{\"x\":1}");
    let before = world.test.node.proposals();
    world.update_schema("s", "{\"required\":[\"x\"]}").await.expect("it has what is asked");
    assert_eq!(world.test.node.proposals() - before, 2);
}

#[tokio::test]
async fn what_is_no_schema_is_refused() {
    let world = World::new().await;
    assert!(matches!(world.create_schema("s", "{\"required\":1}").await, Err(Error::SchemaInvalid(_))));
    world.create_schema("s", "{}").await.expect("new");
    assert!(matches!(world.update_schema("s", "7").await, Err(Error::SchemaInvalid(_))));
    let exists = world.create_schema("s", "{}").await;
    assert!(matches!(exists, Err(Error::Rejected(Rejection::SchemaExists(_)))));
    let missing = world.update_schema("none", "{}").await;
    assert!(matches!(missing, Err(Error::NotFound { what: "schema", .. })));
}

#[tokio::test]
async fn versions_of_a_deleted_schema_are_not_shown_again() {
    let world = World::new().await;
    let schemas = &world.test.application.schemas;
    world.create_schema("s", "{}").await.expect("new");
    world.update_schema("s", "{\"required\":[]}").await.expect("no followers");
    schemas.delete(&world.test.admin, schema("s"), Some(SchemaVersion(2))).await.expect("unused");
    world.create_schema("s", "{}").await.expect("free again");
    let id = schema("s");
    let get = |version: Option<u64>| {
        schemas.get(&world.test.admin, &id, version.map(SchemaVersion), Freshness::LINEARIZABLE)
    };
    assert_eq!(get(None).await.expect("there").shown.version, SchemaVersion(3));
    for version in [1, 2, 4] {
        assert!(matches!(get(Some(version)).await, Err(Error::NotFound { .. })), "version {version}");
    }
}
