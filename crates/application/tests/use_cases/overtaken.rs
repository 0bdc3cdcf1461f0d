//! Schema changes with concurrent writes of documents between check and commit.

use crate::world::*;
use application::Error;
use domain::{
    BindingChange, ChangeKind, Command, Message, Precondition, Revision, SchemaRef, SchemaVersion, Stamped,
};

impl World {
    fn rival_put(&self, expected: Precondition) -> Stamped<Command> {
        let command = Command::PutConfig {
            id: config("busy"),
            content: content("{\"x\":1}"),
            binding: follow("s"),
            checked: Some(SchemaRef { name: schema("s").name, version: SchemaVersion(1) }),
            expected,
            kind: ChangeKind::Update,
            message: Message::default(),
            keep_same: false,
        };
        self.test.ports.env.stamp(&self.test.admin, command)
    }
}

/// A writer commits before every proposal, until a hold stops it.
#[tokio::test]
async fn a_change_comes_to_its_end() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.test.node.apply(&world.rival_put(Precondition::Absent));
    for _ in 0..100 {
        world.test.node.inject_before_next_proposal(world.rival_put(Precondition::Present));
    }
    let before = world.test.node.proposals();
    let updated = world.update_schema("s", "{\"required\":[\"x\"]}").await.expect("the writer is held");
    assert_eq!(updated.schema.latest, SchemaVersion(2));
    assert_eq!(world.test.node.proposals() - before, 6, "four in vain, the hold, and the one that counts");
    assert_eq!(world.test.node.state().schema(&schema("s")).and_then(|schema| schema.held_at), None);
}

#[tokio::test]
async fn a_change_that_fails_lets_go() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.test.node.apply(&world.rival_put(Precondition::Absent));
    for _ in 0..4 {
        world.test.node.inject_before_next_proposal(world.rival_put(Precondition::Present));
    }
    // The write that precedes the hold violates the new version.
    let mut bad = world.rival_put(Precondition::Absent);
    if let Command::PutConfig { id, content: text, .. } = &mut bad.command {
        (*id, *text) = (config("bad"), content("{}"));
    }
    world.test.node.inject_before_next_proposal(bad);
    let refused = world.update_schema("s", "{\"required\":[\"x\"]}").await;
    assert!(matches!(refused, Err(Error::SchemaBreaksDocuments(_))), "{refused:?}");
    assert_eq!(world.test.node.state().schema(&schema("s")).and_then(|schema| schema.held_at), None);
    world.put_with("bad", "{}", BindingChange::Keep, at(1)).await.expect("nothing is held");
}

/// A writer waits for the end of a hold instead of being refused.
#[tokio::test]
async fn a_writer_waits_for_the_end_of_a_hold() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.test.node.apply(&world.rival_put(Precondition::Absent));
    let hold = Command::HoldSchema { id: schema("s"), hold: true };
    world.test.node.inject_before_next_proposal(world.test.ports.env.stamp(&world.test.admin, hold));
    let update = Command::UpdateSchema {
        id: schema("s"),
        schema: content("{\"required\":[\"x\"]}"),
        dialect: domain::Dialect::Draft202012,
        mode: None,
        expected: None,
        checked: Revision(u64::MAX),
        uses: Vec::new(),
    };
    world.test.node.inject_before_next_proposal(world.test.ports.env.stamp(&world.test.admin, update));
    let refused = world.put_with("busy", "{}", BindingChange::Keep, at(1)).await;
    assert!(matches!(refused, Err(Error::ValidationFailed { .. })), "held to what came of it: {refused:?}");
}
