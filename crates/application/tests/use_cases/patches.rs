//! Patches: applied to exactly the version that was read, and checked like any other change.

use crate::world::*;
use application::testing::Fault;
use application::{Error, Patch, PatchConfig, Written};
use domain::{
    BindingChange, ChangeKind, Command, Message, Permission, Precondition, Rejection, Stamped, Version,
};

fn request(patch: &str, expected: Precondition) -> PatchConfig {
    let patch = if patch.starts_with('[') { Patch::operations(patch) } else { Patch::merge(patch) };
    let message = Message::parse("why").expect("short");
    PatchConfig { id: config("a"), patch: patch.expect("the test's patch is one"), expected, message }
}

impl World {
    async fn patch(&self, patch: &str, expected: Precondition) -> Result<Written, Error> {
        self.test
            .application
            .configs
            .patch(&self.test.admin, request(patch, expected))
            .await
            .map(|changed| changed.item)
    }

    /// A concurrent write of the config by another node.
    fn rival_text(&self, text: &str) -> Stamped<Command> {
        let command = Command::PutConfig {
            id: config("a"),
            content: content(text),
            binding: BindingChange::Keep,
            checked: None,
            expected: Precondition::Present,
            kind: ChangeKind::Update,
            message: Message::default(),
            keep_same: false,
        };
        self.test.ports.env.stamp(&self.test.admin, command)
    }
}

fn text(written: &Written) -> &str {
    written.document.shown.content.as_ref().expect("a document").as_str()
}

#[tokio::test]
async fn a_patch_is_a_new_version() {
    let world = World::new().await;
    world.put("a", r#"{"price":1.10,"n":18446744073709551616}"#).await;
    let written = world.patch(r#"{"m":2.50}"#, at(1)).await.expect("it fits");
    assert_eq!(text(&written), r#"{"price":1.10,"n":18446744073709551616,"m":2.50}"#);
    let shown = &written.document.shown;
    assert!(!written.created && shown.kind == ChangeKind::Patch && shown.message.as_str() == "why");
    let written =
        world.patch(r#"[{"op":"remove","path":"/m"}]"#, Precondition::Present).await.expect("it fits");
    assert_eq!(text(&written), r#"{"price":1.10,"n":18446744073709551616}"#);
    let kept = world.test.node.state().config(&config("a")).cloned().expect("there");
    assert_eq!((kept.version, kept.digest), (Version(3), written.document.shown.digest));
}

#[tokio::test]
async fn a_patch_needs_the_version_it_was_made_for() {
    let world = World::new().await;
    assert!(matches!(world.patch("{}", at(1)).await, Err(Error::NotFound { what: "config", .. })));
    assert!(matches!(world.patch("{}", Precondition::Present).await, Err(Error::NotFound { .. })));
    world.put("a", "{}").await;
    world.put("a", r#"{"b":1}"#).await;
    let conflict = world.patch("{}", at(1)).await;
    let Err(Error::Rejected(Rejection::VersionConflict { expected, current, .. })) = conflict else {
        panic!("{conflict:?}")
    };
    assert_eq!((expected, current), (Some(Version(1)), Version(2)));
    assert!(world.patch("{}", at(3)).await.is_err());
    // A concurrent write comes first: the expected version is gone.
    world.test.node.inject_before_next_proposal(world.rival_text(r#"{"rival":1}"#));
    let conflict = world.patch(r#"{"c":1}"#, at(2)).await;
    assert!(matches!(conflict, Err(Error::Rejected(Rejection::VersionConflict { .. }))), "{conflict:?}");
    assert_eq!(world.test.node.state().config(&config("a")).map(|found| found.version), Some(Version(3)));
}

#[tokio::test]
async fn a_patch_of_any_version_is_done_again_when_another_change_came_first() {
    let world = World::new().await;
    world.put("a", "{}").await;
    world.test.node.inject_before_next_proposal(world.rival_text(r#"{"rival":1}"#));
    world.test.node.inject_before_next_proposal(world.rival_text(r#"{"rival":2}"#));
    let written = world.patch(r#"{"mine":1}"#, Precondition::Present).await.expect("it fits");
    assert_eq!(text(&written), r#"{"rival":2,"mine":1}"#);
    // The number of retries is bounded.
    for n in 0..40 {
        world.test.node.inject_before_next_proposal(world.rival_text(&n.to_string()));
    }
    let before = world.test.node.proposals();
    let refused = world.patch(r#"{"mine":2}"#, Precondition::Present).await;
    assert!(matches!(refused, Err(Error::Contended)), "{refused:?}");
    assert_eq!(world.test.node.proposals() - before, 16);
}

/// A node that is behind patches the current document.
#[tokio::test]
async fn a_node_that_is_behind_patches_the_present() {
    let world = World::new().await;
    world.put("a", "{}").await;
    world.test.node.freeze_stale_views();
    world.put("a", r#"{"b":1}"#).await;
    let replace = r#"[{"op":"replace","path":"/b","value":2}]"#;
    let written = world.patch(replace, Precondition::Present).await.expect("there by now");
    assert_eq!(text(&written), r#"{"b":2}"#);
    let again = r#"[{"op":"replace","path":"/b","value":3}]"#;
    let written = world.patch(again, at(3)).await.expect("there by now");
    assert_eq!(written.document.shown.version, Version(4));
    let refused = world.patch(replace, at(1)).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::VersionConflict { .. }))), "{refused:?}");
}

#[tokio::test]
async fn a_patched_document_is_held_to_its_schema() {
    let world = World::new().await;
    world.create_schema("s", r#"{"required":["a"]}"#).await.expect("new");
    world.put_with("a", r#"{"a":1}"#, follow("s"), Precondition::Absent).await.expect("valid");
    let refused = world.patch(r#"{"a":null}"#, at(1)).await;
    assert!(matches!(refused, Err(Error::ValidationFailed { .. })), "{refused:?}");
    let written = world.patch(r#"{"b":1}"#, at(1)).await.expect("valid");
    assert_eq!(written.document.shown.schema.map(|schema| schema.name), Some(schema("s").name));
}

#[tokio::test]
async fn a_patch_that_cannot_be_done_changes_nothing() {
    let world = World::new().await;
    world.put("a", r#"{"b":1}"#).await;
    let before = world.test.node.state().revision();
    let patch = r#"[{"op":"add","path":"/c","value":1},{"op":"test","path":"/b","value":2}]"#;
    let refused = world.patch(patch, at(1)).await;
    let Err(Error::PatchFailed { operation: 1, pointer, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!((pointer.as_str(), world.test.node.state().revision()), ("/b", before));
}

#[tokio::test]
async fn a_patch_shows_the_document_to_readers_only() {
    let world = World::new().await;
    world.put("a", "{}").await;
    for permissions in [&[Permission::DocumentWrite][..], &[Permission::DocumentRead]] {
        let caller = world.key(permissions).await;
        let refused = world.test.application.configs.patch(&caller, request("{}", at(1))).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    }
    let caller = world.key(&[Permission::DocumentRead, Permission::DocumentWrite]).await;
    assert!(world.test.application.configs.patch(&caller, request("{}", at(1))).await.is_ok());
}

/// A patch with an unknown outcome is not retried, because it may have been applied.
#[tokio::test]
async fn an_unknown_outcome_is_told() {
    let world = World::new().await;
    world.put("a", "{}").await;
    world.test.node.set_fault(Some(Fault::OutcomeUnknownApplied));
    let before = world.test.node.proposals();
    let unknown = world.patch(r#"{"b":1}"#, Precondition::Present).await;
    assert!(matches!(unknown, Err(Error::OutcomeUnknown)), "{unknown:?}");
    assert_eq!(world.test.node.proposals() - before, 1);
}
