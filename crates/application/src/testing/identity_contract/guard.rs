//! Checks that no change can remove the last active administrator of the platform.

use super::{Stores, at, binding, group, in_project, refusal, roles::custom, together};
use crate::ports::identity::{Binding, Place, Reach, Subject, UserChange, UserStatus};
use domain::{EnvironmentName, GroupName, Permission, UserId};
use std::collections::BTreeSet;

const LAST: &str = "last administrator";

/// Runs all checks of the guard.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_deactivating(&open().await).await;
    check_unbinding(&open().await).await;
    check_another_role_instead(&open().await).await;
    check_a_narrow_role_does_not_count(&open().await).await;
    check_through_groups(&open().await).await;
    check_two_at_once(&open().await).await;
    check_different_ways_at_once(&open().await).await;
}

fn off() -> UserChange {
    UserChange { status: Some(UserStatus::Deactivated), ..UserChange::default() }
}

async fn check_deactivating(stores: &Stores) {
    let root = stores.administrator("root").await;
    assert_eq!(refusal(stores.users.change(&root, &off(), at(1)).await), LAST);
    let other = stores.administrator("other").await;
    stores.users.change(&root, &off(), at(2)).await.expect("there is another");
    assert_eq!(refusal(stores.users.change(&other, &off(), at(3)).await), LAST, "the first is deactivated");
    let simple = stores.person("simple").await;
    stores.users.change(&simple, &off(), at(4)).await.expect("anybody else may be deactivated");
}

async fn check_unbinding(stores: &Stores) {
    let root = Subject::User(stores.administrator("root").await);
    assert_eq!(refusal(stores.roles.unbind(&root, &Place::Platform).await), LAST);
    stores.administrator("other").await;
    assert!(stores.roles.unbind(&root, &Place::Platform).await.expect("there is another"));
}

async fn check_another_role_instead(stores: &Stores) {
    let root = Subject::User(stores.administrator("root").await);
    stores.roles.put_custom(&custom("watcher", &[Permission::ClusterRead])).await.expect("a role");
    let less = binding(root.clone(), "watcher", Place::Platform);
    assert_eq!(refusal(stores.roles.bind(&less).await), LAST);
    stores.bind(root.clone(), "platform-admin", Place::Platform).await;
    stores.bind(root, "viewer", in_project("shop")).await;
}

async fn check_a_narrow_role_does_not_count(stores: &Stores) {
    let root = Subject::User(stores.administrator("root").await);
    let other = Subject::User(stores.person("other").await);
    let crew = stores.group("crew", None).await;
    stores.groups.add(&crew, &stores.person("member").await).await.expect("added");
    let narrow = |subject: &Subject| {
        let of_some_keys = Some(BTreeSet::from(["app.".to_owned()]));
        Binding { key_prefixes: of_some_keys, ..binding(subject.clone(), "platform-admin", Place::Platform) }
    };
    let environment = EnvironmentName::parse("dev").expect("a constant");
    let of_one = Binding {
        environments: Some(BTreeSet::from([environment])),
        ..binding(other.clone(), "platform-admin", Place::Platform)
    };
    for less in [narrow(&other), narrow(&Subject::Group(crew)), of_one] {
        stores.roles.bind(&less).await.expect("given");
        assert_eq!(refusal(stores.roles.unbind(&root, &Place::Platform).await), LAST, "{less:?}");
    }
    assert_eq!(refusal(stores.roles.bind(&narrow(&root)).await), LAST, "nor in place of the whole one");
}

/// The only administrator, `root`, is a member of the group `inner` within the group `administrators`.
async fn through_groups(stores: &Stores) -> (UserId, GroupName, GroupName) {
    let root = stores.person("root").await;
    let outer = stores.group("administrators", None).await;
    let inner = stores.group("inner", Some("administrators")).await;
    stores.groups.add(&inner, &root).await.expect("added");
    stores.bind(Subject::Group(outer.clone()), "platform-admin", Place::Platform).await;
    (root, outer, inner)
}

async fn check_through_groups(stores: &Stores) {
    let (root, outer, inner) = through_groups(stores).await;
    assert_eq!(refusal(stores.groups.delete(&outer).await), LAST);
    assert_eq!(refusal(stores.groups.delete(&inner).await), LAST);
    assert_eq!(refusal(stores.groups.remove(&inner, &root).await), LAST);
    assert_eq!(refusal(stores.groups.put(&group("inner", None)).await), LAST, "it would leave the outer one");
    assert_eq!(refusal(stores.groups.mirror(&root, std::slice::from_ref(&inner), &[]).await), LAST);
    assert_eq!(refusal(stores.users.change(&root, &off(), at(1)).await), LAST);
    assert_eq!(refusal(stores.roles.unbind(&Subject::Group(outer.clone()), &Place::Platform).await), LAST);
    assert_eq!(stores.roles.grants(&root, Reach::Now).await.expect("grants").len(), 1, "none of it was done");
    stores.administrator("other").await;
    assert!(stores.groups.delete(&outer).await.expect("there is another"));
}

async fn administrators(stores: &Stores, people: &[UserId]) -> usize {
    let mut count = 0;
    for user in people {
        count += usize::from(!stores.roles.grants(user, Reach::Now).await.expect("grants").is_empty());
    }
    count
}

async fn check_two_at_once(stores: &Stores) {
    for round in 0..5 {
        let pair = [
            stores.administrator(&format!("one-{round}")).await,
            stores.administrator(&format!("two-{round}")).await,
        ];
        // Removes the administrators of the previous round, so that there are exactly two.
        if round > 0 {
            for name in ["one", "two"] {
                let before = Subject::User(super::user_id(&format!("{name}-{}", round - 1)));
                stores.roles.unbind(&before, &Place::Platform).await.expect("there are two others");
            }
        }
        let results = together(pair.iter().map(|user| {
            let subject = Subject::User(user.clone());
            async move { stores.roles.unbind(&subject, &Place::Platform).await }
        }));
        let done = results.await.into_iter().flatten().count();
        assert_eq!(done, 1, "one of two at once");
        assert_eq!(administrators(stores, &pair).await, 1);
    }
}

async fn check_different_ways_at_once(stores: &Stores) {
    let (root, outer, _) = through_groups(stores).await;
    let other = stores.administrator("other").await;
    let (deleted, deactivated) = futures::join!(stores.groups.delete(&outer), async {
        stores.users.change(&other, &off(), at(1)).await
    });
    assert!(deleted.is_ok() != deactivated.is_ok(), "{deleted:?} {deactivated:?}");
    assert_eq!(administrators(stores, &[root, other]).await, 1);
}
