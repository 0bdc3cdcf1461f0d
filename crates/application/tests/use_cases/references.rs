//! Schemas that refer to other schemas of their project.

use crate::world::*;
use application::Error;
use application::ports::Freshness;
use domain::{Command, Precondition, Rejection, SchemaUse, SchemaVersion};

const USES_BASE: &str = "{\"$ref\":\"schema:base\"}";

fn used(name: &str, version: u64, newest: bool) -> SchemaUse {
    SchemaUse { name: schema(name).name, version: SchemaVersion(version), newest }
}

/// A world with the schema `base`, which requires `x`.
async fn with_base() -> World {
    let world = World::new().await;
    world.create_schema("base", "{\"required\":[\"x\"]}").await.expect("new");
    world
}

fn next_version_of_base(world: &World, text: &str) -> Command {
    Command::UpdateSchema {
        id: schema("base"),
        schema: content(text),
        dialect: domain::Dialect::Draft202012,
        mode: None,
        expected: None,
        checked: world.test.node.state().revision(),
        uses: Vec::new(),
    }
}

impl World {
    fn rival(&self, command: Command) {
        self.test.node.inject_before_next_proposal(self.test.ports.env.stamp(&self.test.admin, command));
    }
}

#[tokio::test]
async fn documents_are_held_to_what_is_referred_to() {
    let world = with_base().await;
    let made = world.create_schema("s", USES_BASE).await.expect("base is there");
    assert_eq!(made.shown.uses, [used("base", 1, true)]);
    let refused = world.put_with("a", "{}", follow("s"), Precondition::Absent).await;
    assert!(matches!(refused, Err(Error::ValidationFailed { .. })), "{refused:?}");
    world.put_with("a", "{\"x\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    // A newer base has no effect until s is registered again.
    world.update_schema("base", "{\"required\":[\"y\"]}").await.expect("nothing follows base");
    world.put_with("b", "{\"x\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    let refused = world.update_schema("s", USES_BASE).await;
    assert!(matches!(refused, Err(Error::SchemaBreaksDocuments(_))), "{refused:?}");
    let fixed = world.update_schema("s", "{\"$ref\":\"schema:base@1\"}").await.expect("as before");
    assert_eq!(fixed.shown.uses, [used("base", 1, false)]);
    let schemas = &world.test.application.schemas;
    let (id, version) = (schema("s"), Some(SchemaVersion(1)));
    let first = schemas.get(&world.test.admin, &id, version, Freshness::LINEARIZABLE);
    assert_eq!(first.await.expect("kept").shown.uses, [used("base", 1, true)]);
}

#[tokio::test]
async fn the_newest_is_what_it_is_at_the_commit() {
    let world = with_base().await;
    world.rival(next_version_of_base(&world, "{\"required\":[\"y\"]}"));
    let made = world.create_schema("s", USES_BASE).await.expect("it is looked up again");
    assert_eq!(made.shown.uses, [used("base", 2, true)]);
    world.put_with("a", "{\"y\":1,\"z\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    // Documents are checked against the version that the reference finally resolves to.
    world.rival(next_version_of_base(&world, "{\"required\":[\"w\"]}"));
    let refused = world.update_schema("s", USES_BASE).await;
    assert!(matches!(refused, Err(Error::SchemaBreaksDocuments(_))), "{refused:?}");
    world.update_schema("base", "{\"required\":[\"z\"]}").await.expect("nothing follows base");
    let made = world.update_schema("s", USES_BASE).await.expect("the document has z");
    assert_eq!(made.shown.uses, [used("base", 4, true)]);
}

#[tokio::test]
async fn what_goes_meanwhile_is_refused() {
    let world = with_base().await;
    world.rival(Command::DeleteSchema { id: schema("base"), expected: None });
    let refused = world.create_schema("s", USES_BASE).await;
    let Err(Error::SchemaInvalid(violations)) = refused else { panic!("{refused:?}") };
    assert_eq!(violations[0].pointer, "/$ref");
}

#[tokio::test]
async fn a_schema_that_is_used_stays() {
    let world = with_base().await;
    world.create_schema("s", USES_BASE).await.expect("base is there");
    world.update_schema("s", "{}").await.expect("version 1 is kept");
    let schemas = &world.test.application.schemas;
    let refused = schemas.delete(&world.test.admin, schema("base"), None).await;
    let Err(Error::Rejected(Rejection::SchemaUsed { by, .. })) = refused else { panic!("{refused:?}") };
    assert_eq!(by, [schema("s").name]);
    schemas.delete(&world.test.admin, schema("s"), None).await.expect("nothing uses it");
    schemas.delete(&world.test.admin, schema("base"), None).await.expect("nothing uses it any more");
}
