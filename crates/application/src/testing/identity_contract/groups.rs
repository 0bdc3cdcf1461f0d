//! The contract of [`Groups`](crate::ports::identity::Groups).

use super::{Stores, group, group_name, in_project, label, refusal, together, user_id};
use crate::identity::GROUP_DEPTH_MAX;
use crate::ports::identity::{Group, Mirrored, Reach, Subject};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_kept_and_listed(&open().await).await;
    check_nesting(&open().await).await;
    check_no_circle_by_two_at_once(&open().await).await;
    check_people(&open().await).await;
    check_deleting(&open().await).await;
    check_moving(&open().await).await;
    check_mirror(&open().await).await;
}

async fn check_kept_and_listed(stores: &Stores) {
    for name in ["b", "a-b", "ab"] {
        stores.group(name, None).await;
    }
    let changed = Group { label: label("Bees"), parent: Some(group_name("ab")), ..group("b", None) };
    stores.groups.put(&changed).await.expect("a change");
    let first = stores.groups.list(None, 2).await.expect("a page");
    assert_eq!(first, [group("a-b", None), group("ab", None)]);
    assert_eq!(stores.groups.list(Some(&first[1].name), 2).await.expect("a page"), [changed]);
    assert_eq!(refusal(stores.groups.put(&group("c", Some("none"))).await), "missing group");
}

async fn check_nesting(stores: &Stores) {
    assert_eq!(refusal(stores.groups.put(&group("own", Some("own"))).await), "nesting");
    stores.group("d1", None).await;
    for depth in 2..=GROUP_DEPTH_MAX {
        stores.group(&format!("d{depth}"), Some(&format!("d{}", depth - 1))).await;
    }
    let deepest = format!("d{GROUP_DEPTH_MAX}");
    assert_eq!(refusal(stores.groups.put(&group("too-deep", Some(&deepest))).await), "nesting");
    assert_eq!(refusal(stores.groups.put(&group("d1", Some("d3"))).await), "nesting", "a circle");
    assert_eq!(refusal(stores.groups.put(&group("d2", Some("d2"))).await), "nesting", "its own parent");
    // The depth of subgroups counts, too, when a group is moved.
    stores.group("above", None).await;
    assert_eq!(refusal(stores.groups.put(&group("d1", Some("above"))).await), "nesting");
    assert_eq!(stores.groups.list(None, 100).await.expect("a page").len(), 9);
}

async fn check_no_circle_by_two_at_once(stores: &Stores) {
    stores.group("a", None).await;
    stores.group("b", None).await;
    let both = together(
        [("a", "b"), ("b", "a")]
            .map(|(name, parent)| async move { stores.groups.put(&group(name, Some(parent))).await }),
    );
    let done = both.await.into_iter().flatten().count();
    assert_eq!(done, 1, "one of two that would make a circle together");
}

async fn check_people(stores: &Stores) {
    let [bob, ada] = [stores.person("bob").await, stores.person("ada").await];
    let crew = stores.group("crew", None).await;
    stores.groups.add(&crew, &bob).await.expect("added");
    stores.groups.add(&crew, &ada).await.expect("added");
    stores.expect_raised("adding to a group", &[&ada, &bob]).await;
    stores.groups.add(&crew, &ada).await.expect("no harm");
    stores.expect_raised("adding again", &[]).await;
    assert_eq!(
        stores.groups.people(&crew, None, 1).await.expect("a page").as_slice(),
        std::slice::from_ref(&ada)
    );
    assert_eq!(stores.groups.people(&crew, Some(&ada), 5).await.expect("a page"), [bob]);
    assert!(stores.groups.remove(&crew, &ada).await.expect("removed"));
    stores.expect_raised("removing", &[&ada]).await;
    assert!(!stores.groups.remove(&crew, &ada).await.expect("not there"));
    assert_eq!(refusal(stores.groups.add(&crew, &user_id("nobody")).await), "missing user");
    assert_eq!(refusal(stores.groups.add(&group_name("none"), &ada).await), "missing group");
    assert_eq!(refusal(stores.groups.people(&group_name("none"), None, 1).await), "missing group");
}

async fn check_deleting(stores: &Stores) {
    let [ada, bob] = [stores.person("ada").await, stores.person("bob").await];
    let outer = stores.group("outer", None).await;
    let inner = stores.group("inner", Some("outer")).await;
    stores.groups.add(&outer, &ada).await.expect("added");
    stores.groups.add(&inner, &bob).await.expect("added");
    stores.bind(Subject::Group(outer.clone()), "viewer", in_project("shop")).await;
    stores.drain().await;
    assert!(stores.groups.delete(&outer).await.expect("deleted"));
    stores.expect_raised("deleting a group with one within", &[&ada, &bob]).await;
    assert!(!stores.groups.delete(&outer).await.expect("not there"));
    assert_eq!(stores.groups.list(None, 10).await.expect("a page"), [group("inner", None)]);
    stores.group("outer", None).await;
    assert!(stores.groups.people(&outer, None, 5).await.expect("a page").is_empty());
    stores.groups.add(&outer, &ada).await.expect("added");
    assert!(
        stores.roles.grants(&ada, Reach::Now).await.expect("grants").is_empty(),
        "the new group has no roles"
    );
}

async fn check_moving(stores: &Stores) {
    let ada = stores.person("ada").await;
    stores.group("outer", None).await;
    stores.group("middle", None).await;
    let inner = stores.group("inner", Some("middle")).await;
    stores.groups.add(&inner, &ada).await.expect("added");
    stores.bind(Subject::Group(group_name("outer")), "viewer", in_project("shop")).await;
    stores.drain().await;
    stores.group("middle", Some("outer")).await;
    stores.expect_raised("moving a group", &[&ada]).await;
    assert_eq!(stores.roles.grants(&ada, Reach::Now).await.expect("grants").len(), 1);
    stores.groups.put(&Group { label: label("M"), ..group("middle", Some("outer")) }).await.expect("a label");
    stores.expect_raised("another label", &[]).await;
}

async fn check_mirror(stores: &Stores) {
    let ada = stores.person("ada").await;
    for name in ["own", "x", "y", "z"] {
        stores.group(name, None).await;
    }
    for name in ["own", "x", "y"] {
        stores.groups.add(&group_name(name), &ada).await.expect("added");
    }
    stores.drain().await;
    let mapped = ["x", "y", "z", "gone"].map(group_name);
    let present = ["y", "z", "gone"].map(group_name);
    let mirrored = stores.groups.mirror(&ada, &mapped, &present).await.expect("mirrored");
    let (joined, left) = (vec![group_name("z")], vec![group_name("x")]);
    assert_eq!(mirrored, Mirrored { joined, left }, "a group that is gone is left out");
    stores.expect_raised("groups that changed", &[&ada]).await;
    for (name, inside) in [("own", true), ("x", false), ("y", true), ("z", true)] {
        let people = stores.groups.people(&group_name(name), None, 5).await.expect("a page");
        assert_eq!(!people.is_empty(), inside, "{name}");
    }
    let again = stores.groups.mirror(&ada, &mapped, &present).await.expect("mirrored");
    assert_eq!(again, Mirrored::default());
    stores.expect_raised("groups that did not change", &[]).await;
    assert_eq!(refusal(stores.groups.mirror(&user_id("nobody"), &mapped, &present).await), "missing user");
}
