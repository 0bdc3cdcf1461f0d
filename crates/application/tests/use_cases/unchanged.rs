//! Changes without effect, unconditional changes, and restored configs.

use crate::world::*;
use application::ports::Freshness;
use application::{BindConfigs, ConfigList, Error, KeyFilter, Moment, RequestContext};
use domain::{
    Binding, BindingChange, ChangeKind, ConfigKey, Message, Permission, Precondition, Rejection, Version,
};

const KEEP: BindingChange = BindingChange::Keep;

#[tokio::test]
async fn the_same_document_keeps_its_version() {
    let world = World::new().await;
    let made = world.put_with("a", "1", KEEP, Precondition::Absent).await.expect("new");
    let revision = world.test.node.state().revision();
    for expected in [at(1), Precondition::Present, Precondition::Any] {
        let same = world.put_with("a", "1", KEEP, expected).await.expect("it may");
        assert!(same.unchanged && !same.created);
        assert_eq!(same.document.shown, made.document.shown);
    }
    assert_eq!(world.test.node.state().revision(), revision);
    let refused = world.put_with("a", "1", KEEP, at(7)).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::VersionConflict { .. }))), "{refused:?}");
    let other = world.put_with("a", "2", KEEP, at(1)).await.expect("it may");
    assert!(!other.unchanged && other.document.shown.version == Version(2));
}

/// A caller without read permission must not find out a document by guessing it.
#[tokio::test]
async fn only_readers_are_told_that_it_is_the_same() {
    let world = World::new().await;
    world.put("a", "1").await;
    let put = async |ctx: &RequestContext| {
        let request = put_request("a", "1", KEEP, Precondition::Any);
        world.test.application.configs.put(ctx, request).await.expect("it may write").item
    };
    let writer = world.key(&[Permission::DocumentWrite]).await;
    let tried = put(&RequestContext { dry_run: true, ..writer.clone() }).await;
    assert!(!tried.unchanged && tried.document.shown.version == Version(2));
    assert!(!put(&writer).await.unchanged);
    let reader = world.key(&[Permission::DocumentRead, Permission::DocumentWrite]).await;
    assert!(put(&RequestContext { dry_run: true, ..reader.clone() }).await.unchanged);
    assert!(put(&reader).await.unchanged);
}

#[tokio::test]
async fn any_state_is_fine_when_the_client_says_so() {
    let world = World::new().await;
    let put = async |text: &str| world.put_with("a", text, KEEP, Precondition::Any).await.expect("it may");
    let told = async |text: &str| {
        let written = put(text).await;
        (written.created, written.document.shown.version.0)
    };
    assert_eq!(told("1").await, (true, 1));
    assert_eq!(told("2").await, (false, 2));
    world.delete("a").await;
    assert_eq!(told("3").await, (true, 4));
}

#[tokio::test]
async fn a_deleted_config_comes_back() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.put_with("a", "1", follow("s"), Precondition::Absent).await.expect("valid");
    world.delete("a").await;
    for expected in [at(2), Precondition::Present] {
        let refused = world.rollback("a", 1, expected).await;
        assert!(matches!(&refused, Err(Error::NotFound { what: "config", .. })), "{refused:?}");
    }
    let back = world.rollback("a", 1, Precondition::Absent).await.expect("it was deleted");
    let shown = back.document.shown;
    assert!(back.created && shown.kind == ChangeKind::Undelete { from: Version(1) }, "{shown:?}");
    assert_eq!((shown.version, shown.schema.map(|schema| schema.name)), (Version(3), Some(schema("s").name)));
    let refused = world.rollback("a", 1, Precondition::Absent).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::VersionConflict { .. }))), "{refused:?}");
    let never = world.rollback("b", 1, Precondition::Absent).await;
    assert!(matches!(never, Err(Error::NotFound { .. })), "{never:?}");
}

fn keys(keys: &[&str], prefixes: &[&str]) -> KeyFilter {
    let keys = keys.iter().map(|key| ConfigKey::parse(key).expect("a key"));
    KeyFilter::new(keys.collect(), prefixes.iter().map(|prefix| (*prefix).to_owned()).collect())
}

impl World {
    async fn keys_of(&self, list: &ConfigList, size: usize) -> Vec<String> {
        let (configs, environment) = (&self.test.application.configs, environment("default"));
        let (mut all, mut after, mut at) = (Vec::new(), None, None);
        loop {
            let page = page(size, after, at);
            let found =
                configs.list(&self.test.admin, &environment, list, page, Freshness::LINEARIZABLE).await;
            let found = found.expect("it may");
            all.extend(found.items.iter().map(|item| item.id.key.to_string()));
            (after, at) = (found.next, Some(found.revision));
            if after.is_none() {
                return all;
            }
        }
    }
}

#[tokio::test]
async fn a_list_takes_several_keys_and_prefixes() {
    let world = World::new().await;
    let all = ["App", "a", "a+b/c", "a-b", "a.b", "a/+", "a/0", "a/B:1", "a/b", "a0", "team/x@1", "z~z"];
    let valid: Vec<&str> = all.into_iter().filter(|key| ConfigKey::parse(key).is_ok()).collect();
    for key in &valid {
        world.put(key, "1").await;
    }
    let check = async |filter: KeyFilter| {
        let expected: Vec<&str> = valid
            .iter()
            .copied()
            .filter(|key| filter.covers(&ConfigKey::parse(key).expect("a key")))
            .collect();
        let list = ConfigList { filter, ..ConfigList::default() };
        for size in [1, 2, 100] {
            assert_eq!(world.keys_of(&list, size).await, expected, "{list:?}");
        }
    };
    check(KeyFilter::default()).await;
    for prefix in ["", "a", "a/", "a.", "a+", "A", "t", "team/", "a/b", "zz", "/", "a//"] {
        check(KeyFilter::prefix(prefix)).await;
    }
    check(keys(&["z~z", "a", "none"], &[])).await;
    check(keys(&["a-b", "team/x@1", "a/b"], &["a/", "a/B"])).await;
}

#[tokio::test]
async fn deleted_configs_are_listed() {
    let world = World::new().await;
    for key in ["a", "b", "c", "d"] {
        world.put(key, "1").await;
    }
    world.delete("b").await;
    world.delete("d").await;
    let list = ConfigList { deleted: true, ..ConfigList::default() };
    assert_eq!(world.keys_of(&list, 1).await, ["b", "d"]);
    world.put("d", "2").await;
    assert_eq!(world.keys_of(&list, 9).await, ["b"]);
    let configs = &world.test.application.configs;
    let environment = environment("default");
    let first = page(1, None, None);
    let found = configs.list(&world.test.admin, &environment, &list, first, Freshness::LINEARIZABLE).await;
    let found = found.expect("it may").items;
    assert_eq!((found[0].kind, found[0].version, &found[0].content), (ChangeKind::Delete, Version(2), &None));
}

#[tokio::test]
async fn a_list_is_known_to_have_changed() {
    let world = World::new().await;
    world.put("a.1", "1").await;
    let list = ConfigList { filter: KeyFilter::prefix("a."), ..ConfigList::default() };
    let configs = &world.test.application.configs;
    let print = async || {
        configs.fingerprint(&world.test.admin, &environment("default"), &list, 10).await.expect("it may")
    };
    let before = print().await;
    world.put("b.1", "1").await;
    assert_eq!(print().await, before, "others are none of its business");
    world.put("a.1", "2").await;
    let changed = print().await;
    assert_ne!(changed, before);
    world.put("a.2", "2").await;
    assert_ne!(print().await, changed);
    world.delete("a.2").await;
    assert_eq!(print().await, changed);
}

#[tokio::test]
async fn configs_are_bound_by_prefix() {
    let world = World::new().await;
    world.create_schema("s", r#"{"required":["a"]}"#).await.expect("new");
    for key in ["app/1", "app/2", "other"] {
        world.put(key, r#"{"a":1}"#).await;
    }
    let bind = async |filter: KeyFilter, to: Option<&str>| {
        let binding = to.map(|name| Binding { schema: schema(name).name, pinned: None });
        let message = Message::parse("held from now on").expect("text");
        let request = BindConfigs { environment: environment("default"), filter, binding, message };
        let done = world.test.application.transactions.bind(&world.test.admin, request).await;
        done.map(|done| done.item.results.into_iter().map(|one| one.id.key.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(bind(KeyFilter::prefix("app/"), Some("s")).await.expect("they fit"), ["app/1", "app/2"]);
    assert_eq!(world.test.node.state().bound_count(&schema("s")), 2);
    assert_eq!(bind(KeyFilter::prefix("app/"), Some("s")).await.expect("they are"), [""; 0]);
    world.put("app/3", "{}").await;
    let refused = bind(KeyFilter::prefix("app/"), Some("s")).await;
    assert!(matches!(&refused, Err(Error::StepsInvalid(failures)) if failures.len() == 1), "{refused:?}");
    let unknown = bind(KeyFilter::prefix("app/"), Some("none")).await.expect_err("there is none");
    assert!(unknown.to_string().contains("project p has no schema none"), "{unknown}");
    assert_eq!(bind(KeyFilter::prefix("app/"), None).await.expect("they fit"), ["app/1", "app/2"]);
    let (configs, id) = (&world.test.application.configs, config("app/1"));
    let found =
        configs.get(&world.test.admin, &id, Moment::Now, Freshness::LINEARIZABLE).await.expect("there");
    assert_eq!((found.shown.message.as_str(), found.shown.schema), ("held from now on", None));
}
