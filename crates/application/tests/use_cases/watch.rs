//! Watches on fakes: initial state, resume, and end.

use crate::world::{World, config, context, environment, project};
use application::ports::{CHANGES_READ_BYTES_MAX, CHANGES_READ_MAX};
use application::ports::{Change, Changes, ChangesWanted, Consistency, Place, Selection};
use application::{CreateApiKey, Error, KeyFilter, OpenWatch, RequestContext, Watch, WatchPart};
use domain::{
    Actor, ChangeKind, ConfigRevision, Content, Digest, DisplayName, EnvironmentName, KeyLabel, Message,
    Permission, Revision, Timestamp, Version,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// The short form of a part: `reset 5`, `a=1`, `.`, `a@7=1`, `-a@8`, `bookmark 9`.
fn short(part: &WatchPart) -> String {
    let text = |shown: &ConfigRevision| shown.content.as_ref().map(|content| content.as_str().to_owned());
    match part {
        WatchPart::ResetBegins(at) => format!("reset {at}"),
        WatchPart::ResetItems(items) => {
            let items =
                items.iter().map(|item| format!("{}={}", item.id.key, text(item).unwrap_or_default()));
            items.collect::<Vec<_>>().join(" ")
        }
        WatchPart::ResetEnds(_) => ".".to_owned(),
        WatchPart::Changed(Change { place, shown, .. }) => match text(shown) {
            Some(text) => format!("{}@{}={text}", shown.id.key, place.revision),
            None => format!("-{}@{}", shown.id.key, place.revision),
        },
        WatchPart::Bookmark(at) => format!("bookmark {at}"),
    }
}

async fn try_open(
    world: &World,
    ctx: &RequestContext,
    prefix: &str,
    after: Option<u64>,
) -> Result<Watch, Error> {
    let request = OpenWatch {
        environment: environment("default"),
        filter: KeyFilter::prefix(prefix),
        after: after.map(Revision),
        consistency: Consistency::Linearizable,
    };
    world.test.application.watches.open(ctx, request).await
}

async fn open(world: &World, prefix: &str, after: Option<u64>) -> Watch {
    try_open(world, &world.test.admin, prefix, after).await.expect("the administrator may watch")
}

/// All parts up to the next bookmark.
async fn all(watch: &mut Watch) -> Vec<String> {
    let mut said = Vec::new();
    loop {
        let part = watch.idle().await.expect("the watch goes on");
        said.push(short(&part));
        if matches!(part, WatchPart::Bookmark(_)) {
            return said;
        }
    }
}

/// The next item; panics after a timeout.
async fn soon<T>(next: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), next).await.expect("it comes soon")
}

#[tokio::test]
async fn the_state_comes_first_and_then_every_change() {
    let world = World::new().await;
    world.put("a", "1").await;
    world.put("gone", "1").await;
    world.delete("gone").await;
    let last = world.put("b", "2").await;
    let mut watch = open(&world, "", None).await;
    assert_eq!(
        all(&mut watch).await,
        [format!("reset {last}"), "a=1 b=2".to_owned(), ".".to_owned(), format!("bookmark {last}")]
    );
    let changed = world.put("a", "3").await.0;
    world.delete("b").await;
    let (gone, after) = (changed + 1, changed + 1);
    assert_eq!(
        all(&mut watch).await,
        [format!("a@{changed}=3"), format!("-b@{gone}"), format!("bookmark {after}")]
    );
}

#[tokio::test]
async fn a_watch_goes_on_after_any_revision() {
    let world = World::new().await;
    let first = world.put("a.x", "1").await.0;
    world.put("b", "1").await;
    for n in 2..200 {
        world.put("a.x", &n.to_string()).await;
    }
    let end = world.test.node.state().revision().0;
    for after in [first - 1, first, first + 1, first + 70, end - 1, end] {
        let mut watch = open(&world, "a.", Some(after)).await;
        let expected = (after + 1..=end).filter(|at| *at != first + 1);
        let value = |at: u64| if at == first { 1 } else { at - first };
        let mut expected: Vec<_> = expected.map(|at| format!("a.x@{at}={}", value(at))).collect();
        expected.push(format!("bookmark {end}"));
        assert_eq!(all(&mut watch).await, expected, "after {after}");
    }
}

#[tokio::test]
async fn other_environments_only_move_the_bookmark() {
    let world = World::new().await;
    let start = world.put("a", "1").await.0;
    let mut watch = open(&world, "", Some(start)).await;
    let projects = &world.test.application.projects;
    projects.create(&world.test.admin, project("other"), DisplayName::default()).await.expect("new");
    assert_eq!(all(&mut watch).await, [format!("bookmark {}", start + 1)]);
}

#[tokio::test]
async fn what_is_not_kept_any_more_is_a_reset() {
    let world = World::new().await;
    let first = world.put("a", "1").await;
    let second = world.put("a", "2").await;
    let mut behind = open(&world, "", Some(first.0)).await;
    world.test.node.archive().forget_changes(second);
    let expected =
        [format!("reset {second}"), "a=2".to_owned(), ".".to_owned(), format!("bookmark {second}")];
    assert_eq!(all(&mut behind).await, expected, "one that was open");
    assert_eq!(all(&mut open(&world, "", Some(first.0)).await).await, expected, "one that is resumed");
    let mut kept = open(&world, "", Some(second.0)).await;
    assert_eq!(all(&mut kept).await, [format!("bookmark {second}")]);
}

#[tokio::test]
async fn an_earlier_project_of_the_name_is_not_the_past() {
    let world = World::new().await;
    let old = world.put("a", "1").await.0;
    world.delete("a").await;
    let projects = &world.test.application.projects;
    projects.delete(&world.test.admin, project("p")).await.expect("empty");
    projects.create(&world.test.admin, project("p"), DisplayName::default()).await.expect("new");
    let now = world.test.node.state().revision().0;
    let expected = [format!("reset {now}"), String::new(), ".".to_owned(), format!("bookmark {now}")];
    assert_eq!(all(&mut open(&world, "", Some(old)).await).await, expected);
    assert_eq!(all(&mut open(&world, "", Some(now - 1)).await).await, [format!("bookmark {now}")]);
}

#[tokio::test]
async fn a_large_reset_shows_one_revision_whatever_changes_meanwhile() {
    let world = World::new().await;
    for n in 0..150 {
        world.put(&format!("k{n:03}"), "0").await;
    }
    let at = world.test.node.state().revision().0;
    let mut watch = open(&world, "k", None).await;
    let mut items = Vec::new();
    loop {
        let part = watch.idle().await.expect("the watch goes on");
        // Each part finds another state.
        world.delete("k000").await;
        world.put("k000", "1").await;
        world.put("k149", "1").await;
        match part {
            WatchPart::ResetItems(configs) => items.extend(configs),
            WatchPart::ResetEnds(revision) => {
                assert_eq!(revision.0, at);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(items.len(), 150);
    assert!(items.iter().all(|item| item.content.as_ref().is_some_and(|content| content.as_str() == "0")));
    let first = short(&watch.idle().await.expect("a change"));
    assert_eq!(first, format!("-k000@{}", at + 1), "changes go on right after the reset");
}

#[tokio::test]
async fn a_node_that_is_behind_does_not_begin() {
    let world = World::new().await;
    let at = world.put("a", "1").await.0;
    let refused = try_open(&world, &world.test.admin, "", Some(at + 1)).await;
    assert!(matches!(refused, Err(Error::Behind { at: now, wanted }) if now == at && wanted == at + 1));
}

async fn key(world: &World, prefixes: Option<&[&str]>, expires_at: Option<Timestamp>) -> RequestContext {
    let request = CreateApiKey {
        project: project("p"),
        name: KeyLabel::parse("key").expect("a label"),
        permissions: [Permission::DocumentRead].into(),
        environments: Some([EnvironmentName::parse("default").expect("a name")].into()),
        key_prefixes: prefixes.map(|all| all.iter().map(|one| (*one).to_owned()).collect()),
        expires_at,
    };
    let created = world.test.application.access.create(&world.test.admin, request).await.expect("may");
    context(Actor::ApiKey(created.item.key.key))
}

#[tokio::test]
async fn a_watch_shows_only_what_may_be_read() {
    let world = World::new().await;
    let scoped = key(&world, Some(&["a."]), None).await;
    let refused = try_open(&world, &scoped, "", None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
    assert!(try_open(&world, &scoped, "a.", None).await.is_ok());
    assert!(try_open(&world, &scoped, "a.b", None).await.is_ok());
    let writer = world.key(&[Permission::DocumentWrite]).await;
    let refused = try_open(&world, &writer, "", None).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_its_watch_at_once() {
    let world = World::new().await;
    let ctx = key(&world, None, None).await;
    let at = world.put("a", "1").await.0;
    let mut watch = try_open(&world, &ctx, "", Some(at)).await.expect("it may");
    let Actor::ApiKey(held) = ctx.actor.clone() else { panic!("a key") };
    world
        .test
        .application
        .access
        .revoke(&world.test.admin, project("p"), held.id)
        .await
        .expect("it is there");
    world.put("a", "secret").await;
    let ended = soon(watch.next()).await;
    assert!(matches!(ended, Err(Error::Unauthenticated(_))), "{ended:?}");
}

#[tokio::test]
async fn a_key_that_expires_ends_its_watch() {
    let world = World::new().await;
    let in_a_second = Timestamp(application::testing::EPOCH_MS + 1000);
    let ctx = key(&world, None, Some(in_a_second)).await;
    let mut watch = try_open(&world, &ctx, "", None).await.expect("it may");
    all(&mut watch).await;
    world.test.clock.advance(1000);
    let ended = watch.idle().await;
    assert!(matches!(ended, Err(Error::Unauthenticated(_))), "{ended:?}");
}

#[tokio::test]
async fn a_deleted_project_ends_its_watches() {
    let world = World::new().await;
    let mut watch = open(&world, "", None).await;
    all(&mut watch).await;
    world.test.application.projects.delete(&world.test.admin, project("p")).await.expect("empty");
    let ended = soon(watch.next()).await;
    assert!(matches!(ended, Err(Error::NotFound { what: "project", .. })), "{ended:?}");
}

#[tokio::test]
async fn a_node_that_stops_ends_its_watches() {
    let world = World::new().await;
    let mut watch = open(&world, "", None).await;
    all(&mut watch).await;
    world.test.node.bell().silence();
    assert!(matches!(soon(watch.next()).await, Ok(None)));
}

fn change(key: &str, bytes: usize) -> Arc<ConfigRevision> {
    Arc::new(ConfigRevision {
        id: config(key),
        version: Version(1),
        revision: Revision(1),
        kind: ChangeKind::Create,
        schema: None,
        content: Some(Content::from_compact(&"x".repeat(bytes)).expect("small")),
        digest: Digest::default(),
        message: Message::default(),
        at: Timestamp(0),
        created_at: Timestamp(0),
        by: Actor::System,
    })
}

/// Reads all pieces of the changes (revision, key, bytes); returns (revision, index, last) of each change.
fn read_all(all: &[(u64, &str, usize)], through: u64) -> Vec<Vec<(u64, u32, bool)>> {
    let environment = environment("default");
    let (mut after, mut pieces) = (Place::end_of(Revision(0)), Vec::new());
    let places = all.iter().enumerate().map(|(n, (revision, ..))| {
        let index = all[..n].iter().filter(|(other, ..)| other == revision).count();
        Place { revision: Revision(*revision), index: u32::try_from(index).expect("few") }
    });
    let places: Vec<Place> = places.collect();
    while after < Place::end_of(Revision(through)) {
        let filter = &KeyFilter::prefix("w");
        let wanted = ChangesWanted { environment: &environment, filter, after, through: Revision(through) };
        let mut selection = Selection::new(&wanted);
        for (place, (_, key, bytes)) in places.iter().zip(all).filter(|(place, _)| **place > after) {
            let shown = change(key, *bytes);
            let go_on = selection.offer(*place, &shown.id.clone(), || Ok::<_, Infallible>(Some(shown)));
            if !matches!(go_on, Ok(true)) {
                break;
            }
        }
        let Changes::Kept { changes, up_to } = selection.finish() else { panic!("all is kept") };
        assert!(up_to > after, "each piece goes on");
        pieces
            .push(changes.iter().map(|c| (c.place.revision.0, c.place.index, c.last_of_revision)).collect());
        after = up_to;
    }
    pieces
}

#[test]
fn only_the_last_wanted_change_of_a_revision_is_its_last() {
    let all = [(1, "w1", 1), (1, "w2", 1), (1, "x", 1), (2, "x", 1), (3, "x", 1), (3, "w1", 1), (9, "w1", 1)];
    let expected = vec![vec![(1, 0, false), (1, 1, true), (3, 1, true)]];
    assert_eq!(read_all(&all, 3), expected, "nothing after the end is read");
}

#[test]
fn pieces_are_bounded_and_cut_revisions_without_losing_their_end() {
    let many: Vec<(u64, &str, usize)> = (0..CHANGES_READ_MAX + 5).map(|_| (1, "w", 1)).collect();
    let pieces = read_all(&many, 1);
    assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [CHANGES_READ_MAX, 5]);
    let lasts: Vec<bool> = pieces.iter().flatten().map(|(.., last)| *last).collect();
    assert!(lasts.iter().rev().skip(1).all(|last| !last) && lasts[lasts.len() - 1], "{lasts:?}");
    // Unwanted changes after a full piece, in the same revision, do not affect its last flag.
    let mut full: Vec<(u64, &str, usize)> = (0..CHANGES_READ_MAX).map(|_| (1, "w", 1)).collect();
    full.extend([(1, "x", 1), (2, "w", 1)]);
    let pieces = read_all(&full, 2);
    assert_eq!(pieces.len(), 2);
    assert!(pieces[0][CHANGES_READ_MAX - 1].2 && pieces[1] == [(2, 0, true)]);
    let large = [(1, "w", CHANGES_READ_BYTES_MAX), (2, "w", 1), (3, "w", 1)];
    assert_eq!(read_all(&large, 3), [vec![(1, 0, true)], vec![(2, 0, true), (3, 0, true)]]);
    let elsewhere: Vec<(u64, &str, usize)> = (1..=3000).map(|revision| (revision, "x", 1)).collect();
    let pieces = read_all(&elsewhere, 3000);
    assert!(pieces.len() == 3 && pieces.iter().all(Vec::is_empty), "a look is bounded too: {}", pieces.len());
}
