//! Lists and history: consistent pages during concurrent writes.

use crate::world::*;
use application::ports::Freshness;
use application::{ConfigList, Error, KeyFilter, Page};
use domain::{ChangeKind, Command, ConfigKey, ConfigRevision, DisplayName, Permission, Revision, Version};

const FRESH: Freshness = Freshness::LINEARIZABLE;

type ConfigPage = Page<ConfigRevision, ConfigKey>;

impl World {
    async fn list(
        &self,
        prefix: &str,
        size: usize,
        after: Option<ConfigKey>,
        at: Option<Revision>,
    ) -> ConfigPage {
        let configs = &self.test.application.configs;
        let page = page(size, after, at);
        let list =
            ConfigList { filter: KeyFilter::prefix(prefix), with_content: true, ..ConfigList::default() };
        configs.list(&self.test.admin, &environment("default"), &list, page, FRESH).await.expect("allowed")
    }

    async fn history(&self, key: &str, after: Option<u64>, size: usize) -> Result<Vec<u64>, Error> {
        let page = page(size, after.map(Version), None);
        let id = config(key);
        let found = self.test.application.configs.history(&self.test.admin, &id, page, FRESH).await?;
        Ok(found.items.iter().map(|version| version.version.0).collect())
    }
}

fn shown(page: &ConfigPage) -> Vec<String> {
    let text = |found: &ConfigRevision| found.content.as_ref().map(|content| content.as_str().to_owned());
    page.items.iter().map(|found| format!("{}={}", found.id.key, text(found).unwrap_or_default())).collect()
}

#[tokio::test]
async fn later_pages_show_what_the_first_one_began() {
    let world = World::new().await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        world.put(key, &format!("\"{key}1\"")).await;
    }
    let first = world.list("", 2, None, None).await;
    assert_eq!(shown(&first), ["a=\"a1\"", "b=\"b1\""]);
    for _ in 0..40 {
        world.put("c", "\"late\"").await;
    }
    world.delete("d").await;
    world.delete("e").await;
    world.put("e", "\"again\"").await;
    world.put("bb", "\"new\"").await;
    world.delete("a").await;
    let second = world.list("", 2, first.next, Some(first.revision)).await;
    assert_eq!(
        (shown(&second), second.revision),
        (vec!["c=\"c1\"".into(), "d=\"d1\"".into()], first.revision)
    );
    let third = world.list("", 9, second.next, Some(first.revision)).await;
    assert_eq!((shown(&third), third.next), (vec!["e=\"e1\"".to_owned(), "f=\"f1\"".to_owned()], None));
    let now = world.list("", 9, None, None).await;
    assert_eq!(shown(&now), ["b=\"b1\"", "bb=\"new\"", "c=\"late\"", "e=\"again\"", "f=\"f1\""]);
}

#[tokio::test]
async fn a_prefix_picks_its_keys_whatever_sorts_around_them() {
    let world = World::new().await;
    for key in ["app", "app-x", "app.a", "app.b", "app_c", "apple", "b"] {
        world.put(key, "1").await;
    }
    let keys = |found: &ConfigPage| found.items.iter().map(|c| c.id.key.to_string()).collect::<Vec<_>>();
    assert_eq!(keys(&world.list("app.", 9, None, None).await), ["app.a", "app.b"]);
    assert_eq!(keys(&world.list("app_", 9, None, None).await), ["app_c"]);
    assert_eq!(keys(&world.list("app-", 9, None, None).await), ["app-x"]);
    assert_eq!(keys(&world.list("appl", 9, None, None).await), ["apple"]);
    assert_eq!(keys(&world.list("app", 9, None, None).await).len(), 6);
    assert_eq!(keys(&world.list("", 9, None, None).await).len(), 7);
    for nothing in ["c", "app..", "-", "App", &"x".repeat(300)] {
        assert!(keys(&world.list(nothing, 9, None, None).await).is_empty(), "{nothing:?}");
    }
    let first = world.list("app.", 1, None, None).await;
    assert_eq!(keys(&world.list("app.", 1, first.next, None).await), ["app.b"]);
}

#[tokio::test]
async fn history_is_kept_through_delete_and_create() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.put("a", "2").await;
    world.delete("a").await;
    assert_eq!(world.history("a", None, 9).await.ok(), Some(vec![3, 2, 1]));
    world.put("a", "4").await;
    assert_eq!(world.history("a", None, 2).await.ok(), Some(vec![4, 3]));
    assert_eq!(world.history("a", Some(3), 2).await.ok(), Some(vec![2, 1]));
    assert_eq!(world.history("a", Some(1), 2).await.ok(), Some(vec![]));
    assert!(matches!(world.history("b", None, 2).await, Err(Error::NotFound { what: "config", .. })));
    let deletion =
        world.test.application.configs.version(&world.test.admin, &config("a"), Version(3), FRESH).await;
    assert_eq!(deletion.expect("kept").shown.kind, ChangeKind::Delete);
}

/// The archive may be ahead of a stale view; the result ends at the view's revision.
#[tokio::test]
async fn history_does_not_run_ahead_of_its_view() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.test.node.freeze_stale_views();
    world.put("a", "2").await;
    let configs = &world.test.application.configs;
    let page = page(9, None, None);
    let found =
        configs.history(&world.test.admin, &config("a"), page, Freshness::STALE).await.expect("there");
    let versions: Vec<_> = found.items.iter().map(|version| version.version.0).collect();
    assert_eq!(versions, [1]);
    assert!(found.items.iter().all(|version| version.revision <= found.revision));
}

/// The history of a deleted project is not visible in a new one of the same name.
#[tokio::test]
async fn a_new_project_does_not_show_its_predecessor() {
    let world = World::new().await;
    let before = world.put("a", "\"secret\"").await;
    world.delete("a").await;
    let projects = &world.test.application.projects;
    projects.delete(&world.test.admin, project("p")).await.expect("empty");
    projects.create(&world.test.admin, project("p"), DisplayName::default()).await.expect("free");
    assert!(matches!(world.history("a", None, 9).await, Err(Error::NotFound { what: "config", .. })));
    assert!(world.list("", 9, None, Some(before)).await.items.is_empty());
    let configs = &world.test.application.configs;
    let old = configs.version(&world.test.admin, &config("a"), Version(1), FRESH).await;
    assert!(matches!(old, Err(Error::NotFound { .. })));
    world.put("a", "\"mine\"").await;
    assert_eq!(world.history("a", None, 9).await.ok(), Some(vec![3]));
    assert!(matches!(world.rollback("a", 1, at(3)).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn other_lists_have_pages_too() {
    let world = World::new().await;
    let app = &world.test.application;
    for name in ["q", "r"] {
        app.projects.create(&world.test.admin, project(name), DisplayName::default()).await.expect("new");
        world.create_schema(name, "{}").await.expect("new");
        let create = Command::CreateEnvironment { id: environment(name) };
        world.test.node.apply(&world.test.ports.env.stamp(&world.test.admin, create));
        world.key(&[Permission::KeyRead]).await;
    }
    let admin = &world.test.admin;
    let first = app.projects.list(admin, page(2, None, None), FRESH).await.expect("allowed");
    let rest = app.projects.list(admin, page(2, first.next, None), FRESH).await.expect("allowed");
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 1, None));
    let p = project("p");
    let first = app.projects.environments(admin, &p, page(2, None, None), FRESH).await.expect("allowed");
    let rest = app.projects.environments(admin, &p, page(2, first.next, None), FRESH).await.expect("allowed");
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 1, None));
    let first = app.schemas.list(admin, &p, page(1, None, None), FRESH).await.expect("allowed");
    let rest = app.schemas.list(admin, &p, page(1, first.next, None), FRESH).await.expect("allowed");
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (1, 1, None));
    let first = app.access.list(admin, &p, None, page(1, None, None), FRESH).await.expect("allowed");
    let rest = app.access.list(admin, &p, None, page(1, first.next, None), FRESH).await.expect("allowed");
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (1, 1, None));
}
