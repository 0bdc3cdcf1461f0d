//! Reads of earlier states: a config, an environment, and the differences from now.

use crate::world::*;
use application::ports::Freshness;
use application::{ConfigList, DeleteConfig, Error, Moment, PutConfig};
use domain::{DisplayName, Message, Permission, Precondition, Revision, Timestamp, Version};

const FRESH: Freshness = Freshness::LINEARIZABLE;

impl World {
    async fn read(&self, key: &str, moment: Moment) -> Result<(String, u64), Error> {
        let found = self.test.application.configs.get(&self.test.admin, &config(key), moment, FRESH).await?;
        let text = found.shown.content.map(|content| content.as_str().to_owned());
        Ok((text.expect("a document"), found.shown.version.0))
    }

    /// `key=document` of every config, read in pages.
    async fn environment_at(&self, moment: Moment) -> Vec<String> {
        let list = ConfigList { with_content: true, moment, ..ConfigList::default() };
        let (mut shown, mut after, mut at) = (Vec::new(), None, None);
        loop {
            let page = page(2, after, at);
            let configs = &self.test.application.configs;
            let found = configs
                .list(&self.test.admin, &environment("default"), &list, page, FRESH)
                .await
                .expect("ok");
            for item in &found.items {
                let content = item.content.as_ref().expect("asked for");
                shown.push(format!("{}={}", item.id.key, content.as_str()));
            }
            assert_eq!(at.unwrap_or(found.revision), found.revision, "all pages show the same");
            (after, at) = (found.next, Some(found.revision));
            if after.is_none() {
                return shown;
            }
            // A concurrent write between two pages.
            self.put("zz", "\"late\"").await;
        }
    }

    async fn differing(&self, revision: Revision, max: usize) -> Result<Vec<String>, Error> {
        let configs = &self.test.application.configs;
        let found = configs.differing(&self.test.admin, &environment("default"), revision, max).await?;
        Ok(found
            .item
            .iter()
            .map(|one| {
                let now = one.current.as_ref().map_or(0, |config| config.version.0);
                let then = one.wanted.as_ref().and_then(|wanted| wanted.content.as_ref());
                format!("{}@{now} -> {}", one.id.key, then.map_or("gone", |content| content.as_str()))
            })
            .collect())
    }

    fn now(&self) -> i64 {
        self.test.ports.env.clock.now().0
    }
}

fn gone(result: &Result<(String, u64), Error>) -> bool {
    matches!(result, Err(Error::NotFound { what: "config", .. }))
}

#[tokio::test]
async fn a_config_is_shown_as_it_was_at_every_revision() {
    let world = World::new().await;
    let before = world.put("other", "0").await;
    let (mut expected, mut revisions) = (Vec::new(), Vec::new());
    for n in 1..=70_u64 {
        if n % 10 == 0 {
            world.delete("a").await;
            expected.push(None);
        } else {
            world.put("a", &n.to_string()).await;
            expected.push(Some((n.to_string(), n)));
        }
        revisions.push(world.test.node.state().revision());
        // Changes of other configs in between.
        world.put("other", &format!("\"{n}\"")).await;
    }
    assert!(gone(&world.read("a", Moment::Revision(before)).await), "it did not exist yet");
    for (revision, expected) in revisions.iter().zip(expected) {
        for revision in [*revision, revision.next()] {
            let found = world.read("a", Moment::Revision(revision)).await;
            match &expected {
                Some(expected) => assert_eq!(&found.expect("it existed"), expected, "{revision}"),
                None => assert!(gone(&found), "{revision}: {found:?}"),
            }
        }
    }
    let newest = world.test.node.state().revision();
    assert!(world.read("a", Moment::Revision(newest)).await.is_err(), "it was deleted last");
    let future = world.read("a", Moment::Revision(newest.next())).await;
    assert!(
        matches!(future, Err(Error::FutureRevision { newest: told, .. }) if told == newest),
        "{future:?}"
    );
    let never = world.read("never", Moment::Revision(newest)).await;
    assert!(gone(&never));
}

#[tokio::test]
async fn a_config_is_shown_as_it_was_at_a_time() {
    let world = World::new().await;
    let begin = world.now();
    world.test.clock.advance(1000);
    for n in 1..=40 {
        world.put("a", &n.to_string()).await;
        world.test.clock.advance(1000);
    }
    world.delete("a").await;
    let at = |ms: i64| Moment::Time(Timestamp(begin + ms));
    assert!(gone(&world.read("a", at(999)).await));
    assert_eq!(world.read("a", at(1000)).await.expect("then"), ("1".to_owned(), 1));
    assert_eq!(world.read("a", at(17_999)).await.expect("then"), ("17".to_owned(), 17));
    assert_eq!(world.read("a", at(18_000)).await.expect("then"), ("18".to_owned(), 18));
    assert_eq!(world.read("a", at(40_999)).await.expect("then"), ("40".to_owned(), 40));
    assert!(gone(&world.read("a", at(41_000)).await), "it was deleted");
    let future = world.read("a", at(i64::from(i32::MAX))).await;
    assert!(matches!(future, Err(Error::FutureTime { .. })), "{future:?}");
}

/// The clocks of leaders differ; recorded times never decrease, so the newest version at a time is found.
#[tokio::test]
async fn a_clock_that_goes_back_hides_nothing() {
    let world = World::new().await;
    let begin = world.now();
    for (n, ms) in [(1, 0), (2, 1000), (3, 900), (4, 2000), (5, 1500)] {
        world.test.clock.advance(begin + ms - world.now());
        world.put("a", &n.to_string()).await;
    }
    for (ms, expected) in [(0, 1), (999, 1), (1000, 3), (1999, 3), (2000, 5)] {
        let found = world.read("a", Moment::Time(Timestamp(begin + ms))).await.expect("it existed");
        assert_eq!(found.1, expected, "{ms}");
    }
}

#[tokio::test]
async fn a_version_is_shown_if_it_has_a_document() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.delete("a").await;
    let configs = &world.test.application.configs;
    let id = config("a");
    let read = |version| configs.get_version(&world.test.admin, &id, Version(version), FRESH);
    assert_eq!(read(1).await.expect("kept").shown.version, Version(1));
    assert!(matches!(read(2).await, Err(Error::NotFound { what: "config", .. })));
    assert!(matches!(read(3).await, Err(Error::NotFound { what: "version", .. })));
}

#[tokio::test]
async fn an_environment_is_shown_as_it_was() {
    let world = World::new().await;
    let begin = world.now();
    let empty = world.test.node.state().revision();
    world.test.clock.advance(1000);
    for key in ["a", "b", "c", "d"] {
        world.put(key, "1").await;
    }
    world.delete("d").await;
    let then = world.test.node.state().revision();
    world.test.clock.advance(1000);
    world.put("a", "2").await;
    world.delete("b").await;
    world.put("bb", "2").await;
    world.delete("c").await;
    world.put("c", "2").await;
    world.put("d", "2").await;
    let later = world.test.node.state().revision();
    world.test.clock.advance(1000);
    let (old, new) = (["a=1", "b=1", "c=1"], ["a=2", "bb=2", "c=2", "d=2"]);
    assert_eq!(world.environment_at(Moment::Revision(then)).await, old);
    assert_eq!(world.environment_at(Moment::Revision(later)).await, new);
    assert!(world.environment_at(Moment::Revision(empty)).await.is_empty());
    let at = |ms: i64| Moment::Time(Timestamp(begin + ms));
    assert_eq!(world.environment_at(at(1000)).await, old);
    assert_eq!(world.environment_at(at(1999)).await, old);
    assert_eq!(world.environment_at(at(2000)).await, new);
    assert!(world.environment_at(at(999)).await.is_empty());
}

#[tokio::test]
async fn the_past_of_an_earlier_project_is_not_shown() {
    let world = World::new().await;
    let before = world.put("a", "\"secret\"").await;
    world.delete("a").await;
    let projects = &world.test.application.projects;
    projects.delete(&world.test.admin, project("p")).await.expect("empty");
    projects.create(&world.test.admin, project("p"), DisplayName::default()).await.expect("free");
    for moment in [Moment::Revision(before), Moment::Time(Timestamp(world.now()))] {
        assert!(gone(&world.read("a", moment).await));
        world.put("a", "\"mine\"").await;
        let found = world.read("a", Moment::Revision(before)).await;
        assert!(gone(&found), "{found:?}");
        assert!(world.environment_at(Moment::Revision(before)).await.is_empty());
        world.delete("a").await;
    }
}

/// A stale node waits for the requested revision, or reports that it is behind.
#[tokio::test]
async fn a_stale_node_does_not_make_up_the_past() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.test.node.freeze_stale_views();
    let revision = world.put("a", "2").await;
    let configs = &world.test.application.configs;
    let (moment, id) = (Moment::Revision(revision), config("a"));
    let stale = configs.get(&world.test.admin, &id, moment, Freshness::STALE).await;
    assert!(matches!(stale, Err(Error::Behind { .. })), "{stale:?}");
    let list = ConfigList { moment, ..ConfigList::default() };
    let environment = environment("default");
    let stale =
        configs.list(&world.test.admin, &environment, &list, page(9, None, None), Freshness::STALE).await;
    assert!(matches!(stale, Err(Error::Behind { .. })), "{stale:?}");
}

#[tokio::test]
async fn versions_are_found_to_be_compared() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.put("a", "2").await;
    world.delete("a").await;
    let configs = &world.test.application.configs;
    let find = async |from: Option<u64>, to: Option<u64>| {
        let id = config("a");
        let found =
            configs.versions(&world.test.admin, &id, from.map(Version), to.map(Version), FRESH).await?;
        let text = |content: Option<domain::Content>| content.map(|content| content.as_str().to_owned());
        let found = found.item;
        Ok::<_, Error>((found.from.0, text(found.from_content), found.to.0, text(found.to_content)))
    };
    let (one, two) = (Some("1".to_owned()), Some("2".to_owned()));
    assert_eq!(find(None, None).await.expect("kept"), (2, two.clone(), 3, None));
    assert_eq!(find(None, Some(2)).await.expect("kept"), (1, one.clone(), 2, two));
    assert_eq!(find(None, Some(1)).await.expect("kept"), (0, None, 1, one.clone()));
    assert_eq!(find(Some(3), Some(1)).await.expect("kept"), (3, None, 1, one));
    assert!(matches!(find(Some(4), None).await, Err(Error::NotFound { what: "version", .. })));
    let reader = world.key(&[Permission::DocumentWrite]).await;
    let refused = configs.versions(&reader, &config("a"), None, None, FRESH).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn what_differs_from_a_revision_is_found() {
    let world = World::new().await;
    for key in ["a", "b", "c", "d", "e"] {
        world.put(key, "1").await;
    }
    world.delete("e").await;
    let then = world.test.node.state().revision();
    assert!(world.differing(then, 9).await.expect("nothing").is_empty());
    world.put("a", "2").await;
    world.delete("b").await;
    world.put("c", "2").await;
    world.put("c", "1").await; // there and back
    world.delete("d").await;
    world.put("d", "1").await; // likewise
    world.put("e", "2").await;
    world.put("f", "2").await;
    world.put("g", "2").await;
    world.delete("g").await; // never was, and is not
    let expected = ["a@2 -> 1", "b@0 -> 1", "e@3 -> gone", "f@1 -> gone"];
    assert_eq!(world.differing(then, 4).await.expect("few"), expected);
    let refused = world.differing(then, 3).await;
    assert!(matches!(refused, Err(Error::TooManyChanges { at_least: 4, max: 3 })), "{refused:?}");
    let newest = world.test.node.state().revision();
    let refused = world.differing(newest.next(), 9).await;
    assert!(matches!(refused, Err(Error::FutureRevision { .. })));
}

/// The documents to restore are bounded by the size of one transaction.
#[tokio::test]
async fn what_is_put_back_is_bounded() {
    let world = World::new().await;
    let large = format!("\"{}\"", "x".repeat(1_000_000));
    let keys: Vec<String> = (0..9).map(|n| format!("k{n}")).collect();
    for key in &keys {
        world.put(key, &large).await;
    }
    let then = world.test.node.state().revision();
    for key in &keys {
        world.put(key, "1").await;
    }
    let refused = world.differing(then, 128).await;
    assert!(matches!(refused, Err(Error::Document(_))), "{refused:?}");
}

/// After each difference is restored, no difference remains.
#[tokio::test]
async fn what_differs_can_be_put_back() {
    let world = World::new().await;
    world.create_schema("s", "{}").await.expect("new");
    world.put("a", "1").await;
    world.put_with("b", r#"{"n":1}"#, follow("s"), Precondition::Absent).await.expect("valid");
    world.put("c", "1").await;
    let then = world.test.node.state().revision();
    world.put_with("a", "2", follow("s"), at(1)).await.expect("valid");
    world.delete("b").await;
    world.delete("c").await;
    world.put("d", "2").await;
    let configs = &world.test.application.configs;
    let admin = &world.test.admin;
    let found = configs.differing(admin, &environment("default"), then, 9).await.expect("few").item;
    assert_eq!(found.len(), 4);
    for one in found {
        let (id, expected, message) = (one.id.clone(), one.expected(), Message::default());
        let binding = one.binding();
        match one.wanted {
            Some(wanted) => {
                let content = wanted.content.expect("a document");
                configs
                    .put(admin, PutConfig { id, content, binding, expected, message })
                    .await
                    .expect("valid");
            }
            None => drop(configs.delete(admin, DeleteConfig { id, expected, message }).await.expect("there")),
        }
    }
    assert!(world.differing(then, 9).await.expect("nothing").is_empty());
    assert_eq!(world.environment_at(Moment::Now).await, ["a=1", r#"b={"n":1}"#, "c=1"]);
    let bound =
        |key: &str| world.test.node.state().config(&config(key)).and_then(|found| found.binding.clone());
    assert!(bound("a").is_some_and(|binding| binding.schema == schema("s").name), "today's schema stays");
    assert!(bound("b").is_some_and(|binding| binding.pinned.is_none()), "it follows its schema again");
    assert_eq!(bound("c"), None);
}
