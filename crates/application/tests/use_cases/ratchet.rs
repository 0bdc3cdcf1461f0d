//! Schemas with the mode `ratchet`: failing documents may stay, none may be added, and they are listed.

use crate::world::*;
use application::ports::Freshness;
use application::{
    Changed, CreateApiKey, Error, FailuresPage, How, RequestContext, Step, Transact, UpdateSchema,
    UpdatedSchema,
};
use domain::{
    Actor, BindingChange, ChangeKind, Command, ConfigId, KeyLabel, Message, Permission, Precondition,
    SchemaMode, SchemaVersion,
};

const NEEDS_X: &str = "{\"required\":[\"x\"]}";

impl World {
    async fn change(
        &self,
        text: &str,
        mode: Option<SchemaMode>,
        dry_run: bool,
    ) -> Result<Changed<UpdatedSchema>, Error> {
        let request = UpdateSchema { id: schema("s"), schema: content(text), mode, expected: None };
        let ctx = RequestContext { dry_run, ..self.test.admin.clone() };
        self.test.application.schemas.update(&ctx, request).await
    }

    async fn failures(&self, ctx: &RequestContext, size: usize, after: Option<ConfigId>) -> FailuresPage {
        let page = page(size, after, None);
        let schemas = &self.test.application.schemas;
        schemas.failures(ctx, &schema("s"), page, Freshness::LINEARIZABLE).await.expect("the schema is there")
    }

    async fn failing(&self) -> Vec<String> {
        keys(&self.failures(&self.test.admin, 100, None).await)
    }
}

fn keys(found: &FailuresPage) -> Vec<String> {
    found.page.items.iter().map(|failure| failure.id.key.to_string()).collect()
}

/// Schema `s` requires `x` with the mode `ratchet`; `old` lacks it, `new` has it.
async fn ratcheted() -> World {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.put_with("old", "{}", follow("s"), Precondition::Absent).await.expect("valid");
    world.put_with("new", "{\"x\":1}", follow("s"), Precondition::Absent).await.expect("valid");
    world.change(NEEDS_X, Some(SchemaMode::Ratchet), false).await.expect("documents may fail");
    world
}

fn refused<T: std::fmt::Debug>(result: &Result<T, Error>) {
    assert!(matches!(result, Err(Error::ValidationFailed { .. } | Error::StepsInvalid(_))), "{result:?}");
}

#[tokio::test]
async fn failures_may_stay_but_none_is_added() {
    let world = ratcheted().await;
    assert_eq!(world.failing().await, ["old"]);
    refused(&world.put_with("old", "{\"y\":1}", BindingChange::Keep, at(1)).await);
    refused(&world.put_with("third", "{}", follow("s"), Precondition::Absent).await);
    refused(&world.put_with("new", "{}", BindingChange::Keep, at(1)).await);
    world.put("free", "{}").await;
    refused(&world.put_with("free", "{}", follow("s"), at(1)).await);
    world.put_with("new", "{\"x\":2}", BindingChange::Keep, at(1)).await.expect("valid");
    world.put_with("pinned", "{}", pin("s", 1), Precondition::Absent).await.expect("held to version 1");
    refused(&world.put_with("pinned", "{}", follow("s"), at(1)).await);
    refused(&world.rollback("old", 1, at(1)).await);
    let put = |key: &str, text: &str| Step::Put {
        id: config(key),
        content: content(text),
        binding: BindingChange::Keep,
        expected: Precondition::Present,
        kind: ChangeKind::Update,
    };
    let steps = vec![put("new", "{\"x\":3}"), put("old", "{}")];
    let both = Transact { steps, message: Message::default() };
    refused(&world.test.application.transactions.transact(&world.test.admin, both).await);
    assert_eq!(world.failing().await, ["old"]);
    world.put_with("old", "{\"x\":1}", BindingChange::Keep, at(1)).await.expect("valid");
    assert!(world.failing().await.is_empty());
}

#[tokio::test]
async fn a_schema_becomes_strict_only_when_nothing_fails() {
    let world = ratcheted().await;
    let strict = Some(SchemaMode::Strict);
    let refusal = world.change(NEEDS_X, strict, false).await;
    let Err(Error::SchemaBreaksDocuments(breaks)) = refusal else { panic!("{refusal:?}") };
    assert_eq!((breaks.total, breaks.failures[0].id.key.as_str()), (1, "old"));
    world.change(NEEDS_X, None, false).await.expect("still ratchet");
    world.put_with("old", "{\"x\":1}", BindingChange::Keep, at(1)).await.expect("valid");
    let changed = world.change(NEEDS_X, strict, false).await.expect("nothing fails");
    assert_eq!(changed.item.detail.schema.mode, SchemaMode::Strict);
    let refusal = world.change("{\"required\":[\"y\"]}", None, false).await;
    assert!(matches!(refusal, Err(Error::SchemaBreaksDocuments(_))), "strict by itself now: {refusal:?}");
}

/// The mode may become strict between check and commit; then the strict rule applies.
#[tokio::test]
async fn a_rival_that_makes_it_strict_is_noticed() {
    let world = ratcheted().await;
    world.put_with("old", "{\"x\":1}", BindingChange::Keep, at(1)).await.expect("valid");
    let command = Command::UpdateSchema {
        id: schema("s"),
        schema: content(NEEDS_X),
        dialect: domain::Dialect::Draft202012,
        mode: Some(SchemaMode::Strict),
        expected: None,
        checked: world.test.node.state().revision(),
        uses: Vec::new(),
    };
    world.test.node.inject_before_next_proposal(world.test.ports.env.stamp(&world.test.admin, command));
    let refusal = world.change("{\"required\":[\"y\"]}", None, false).await;
    assert!(matches!(refusal, Err(Error::SchemaBreaksDocuments(_))), "{refusal:?}");
}

#[tokio::test]
async fn a_dry_run_lists_what_would_fail() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    for number in 0..600 {
        let key = format!("k{number:03}");
        world.put_with(&key, "{}", follow("s"), Precondition::Absent).await.expect("valid");
    }
    let many = "{\"required\":[\"a\",\"b\",\"c\",\"d\"]}";
    let refusal = world.change(many, None, true).await;
    let Err(Error::SchemaBreaksDocuments(breaks)) = refusal else { panic!("{refusal:?}") };
    assert_eq!((breaks.total, breaks.failures.len()), (600, 600));
    assert!(breaks.failures.iter().all(|failure| failure.violations.len() == 3));
    let changed = world.change(many, Some(SchemaMode::Ratchet), true).await.expect("it would be accepted");
    assert!(matches!(changed.how, How::DryRun(_)));
    let breaks = changed.item.breaks.expect("a plan");
    assert_eq!((breaks.total, breaks.failures.len()), (600, 600));
    assert_eq!(world.test.node.state().schema(&schema("s")).map(|s| s.latest), Some(SchemaVersion(1)));
}

#[tokio::test]
async fn failures_come_in_pages() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    for number in 0..1100 {
        let text = if number % 100 == 99 { "{}" } else { "{\"x\":1}" };
        let key = format!("k{number:04}");
        world.put_with(&key, text, follow("s"), Precondition::Absent).await.expect("valid");
    }
    world.change(NEEDS_X, Some(SchemaMode::Ratchet), false).await.expect("documents may fail");
    let (mut after, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = world.failures(&world.test.admin, 2, after).await;
        assert!(page.page.items.len() <= 2);
        found.extend(keys(&page));
        pages += 1;
        after = page.page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..11).map(|n| format!("k{:04}", n * 100 + 99)).collect();
    assert_eq!((found, pages), (expected, 6));
}

#[tokio::test]
async fn what_may_not_be_read_is_only_counted() {
    let world = ratcheted().await;
    let blind = world.key(&[Permission::SchemaRead]).await;
    let page = world.failures(&blind, 10, None).await;
    assert_eq!((keys(&page).len(), page.hidden, page.version), (0, 1, SchemaVersion(2)));
    let request = CreateApiKey {
        project: project("p"),
        name: KeyLabel::parse("key").expect("a label"),
        permissions: [Permission::SchemaRead, Permission::DocumentRead].into(),
        environments: None,
        key_prefixes: Some(["ol".to_owned()].into()),
        expires_at: None,
    };
    let created = world.test.application.access.create(&world.test.admin, request).await.expect("may");
    let narrow = context(Actor::ApiKey(created.item.key.key));
    let page = world.failures(&narrow, 10, None).await;
    assert_eq!((keys(&page), page.hidden), (vec!["old".to_owned()], 0));
}
