//! The contract of [`Roles`](crate::ports::identity::Roles): granting and revoking.

use super::{Stores, at, binding, group_name, in_project, organisation, refusal, role_name, user_id};
use crate::ports::identity::{CustomRole, Place, Reach, Subject};
use domain::{EnvironmentName, Permission};
use std::collections::BTreeSet;

/// Runs all checks of this port except those of [`super::grants`] and [`super::guard`].
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_one_role_in_one_place(&open().await).await;
    check_what_is_named_must_exist(&open().await).await;
    check_members(&open().await).await;
    check_custom_roles(&open().await).await;
    check_who_is_concerned(&open().await).await;
}

pub(super) fn custom(name: &str, permissions: &[Permission]) -> CustomRole {
    CustomRole {
        name: role_name(name),
        description: "for tests".into(),
        permissions: permissions.iter().copied().collect(),
        updated_at: at(0),
    }
}

async fn check_one_role_in_one_place(stores: &Stores) {
    let ada = Subject::User(stores.person("ada").await);
    stores.bind(ada.clone(), "viewer", in_project("shop")).await;
    let mut other = binding(ada.clone(), "editor", in_project("shop"));
    other.environments = Some(BTreeSet::from([EnvironmentName::parse("dev").expect("a constant")]));
    other.key_prefixes = Some(BTreeSet::from(["app/".to_owned(), "ünï".to_owned()]));
    other.given_at = at(7);
    stores.roles.bind(&other).await.expect("another role");
    stores.bind(ada.clone(), "viewer", in_project("bank")).await;
    let members = stores.roles.members(&in_project("shop"), None, 10).await.expect("members");
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].binding, other);
    assert_eq!(members[0].user.as_ref().map(|user| user.id.clone()), Some(user_id("ada")));
    assert!(stores.roles.unbind(&ada, &in_project("shop")).await.expect("taken"));
    assert!(!stores.roles.unbind(&ada, &in_project("shop")).await.expect("nothing to take"));
    assert!(stores.roles.members(&in_project("shop"), None, 10).await.expect("members").is_empty());
    assert_eq!(stores.roles.members(&in_project("bank"), None, 10).await.expect("members").len(), 1);
}

async fn check_what_is_named_must_exist(stores: &Stores) {
    let ada = Subject::User(stores.person("ada").await);
    let bind = async |subject: &Subject, role: &str, place: Place| {
        refusal(stores.roles.bind(&binding(subject.clone(), role, place)).await)
    };
    assert_eq!(bind(&Subject::User(user_id("nobody")), "viewer", in_project("shop")).await, "missing user");
    assert_eq!(
        bind(&Subject::Group(group_name("none")), "viewer", in_project("shop")).await,
        "missing group"
    );
    assert_eq!(bind(&ada, "no-such", in_project("shop")).await, "missing role");
    assert_eq!(bind(&ada, "platform-admin", in_project("shop")).await, "missing role");
    assert_eq!(bind(&ada, "admin", Place::Platform).await, "missing role");
    let nowhere = Place::Organisation(organisation("acme", false).name);
    assert_eq!(bind(&ada, "viewer", nowhere).await, "missing organisation");
    stores.expect_raised("giving nothing", &[]).await;
}

async fn check_members(stores: &Stores) {
    for name in ["b", "a"] {
        let user = stores.person(name).await;
        stores.bind(Subject::User(user), "viewer", in_project("shop")).await;
    }
    for name in ["z", "a"] {
        let group = stores.group(name, None).await;
        stores.bind(Subject::Group(group), "viewer", in_project("shop")).await;
    }
    let page = stores.roles.members(&in_project("shop"), None, 3).await.expect("a page");
    let subjects: Vec<_> = page.iter().map(|member| member.binding.subject.clone()).collect();
    let user = |name| Subject::User(user_id(name));
    let group = |name| Subject::Group(group_name(name));
    assert_eq!(subjects, [user("a"), user("b"), group("a")], "people before groups, each by name");
    assert!(page[0].user.is_some() && page[2].user.is_none());
    let rest = stores.roles.members(&in_project("shop"), Some(&group("a")), 3).await.expect("a page");
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].binding.subject, group("z"));
    let middle = stores.roles.members(&in_project("shop"), Some(&user("a")), 2).await.expect("a page");
    assert_eq!(
        middle.into_iter().map(|one| one.binding.subject).collect::<Vec<_>>(),
        [user("b"), group("a")]
    );
}

async fn check_custom_roles(stores: &Stores) {
    let ada = stores.person("ada").await;
    let deployer = custom("deployer", &[Permission::DocumentRead, Permission::DocumentWrite]);
    stores.roles.put_custom(&deployer).await.expect("a role");
    stores.roles.put_custom(&custom("auditor", &[])).await.expect("a role");
    let roles = stores.roles.custom().await.expect("roles");
    assert_eq!(roles, [custom("auditor", &[]), deployer.clone()], "by name");
    stores.bind(Subject::User(ada.clone()), "deployer", in_project("shop")).await;
    stores.drain().await;
    let less = CustomRole { updated_at: at(9), ..custom("deployer", &[Permission::DocumentRead]) };
    stores.roles.put_custom(&less).await.expect("a change");
    stores.expect_raised("a role that allows less", &[&ada]).await;
    assert_eq!(stores.roles.grants(&ada, Reach::Now).await.expect("grants")[0].permissions, less.permissions);
    assert!(stores.roles.delete_custom(&deployer.name).await.expect("deleted"));
    stores.expect_raised("a role that is gone", &[&ada]).await;
    assert!(stores.roles.grants(&ada, Reach::Now).await.expect("grants").is_empty());
    assert!(!stores.roles.delete_custom(&deployer.name).await.expect("nothing to delete"));
    stores.roles.put_custom(&deployer).await.expect("a role of the same name");
    assert!(
        stores.roles.grants(&ada, Reach::Now).await.expect("grants").is_empty(),
        "nobody has the new one"
    );
    // An invitation to a deleted role would grant a later role of the same name.
    let invited = super::admissions::invitation("t", "bob", Some(("deployer", in_project("shop"))));
    stores.admissions.invite(&invited).await.expect("an invitation");
    stores.roles.delete_custom(&deployer.name).await.expect("deleted");
    assert!(stores.admissions.invitations(at(1), 10).await.expect("a list").is_empty());
}

async fn check_who_is_concerned(stores: &Stores) {
    let [ada, bob, cy, _dan] = [
        stores.person("ada").await,
        stores.person("bob").await,
        stores.person("cy").await,
        stores.person("dan").await,
    ];
    let outer = stores.group("outer", None).await;
    let inner = stores.group("inner", Some("outer")).await;
    stores.groups.add(&outer, &bob).await.expect("added");
    stores.groups.add(&inner, &cy).await.expect("added");
    stores.drain().await;
    stores.bind(Subject::User(ada.clone()), "viewer", in_project("shop")).await;
    stores.expect_raised("giving to a person", &[&ada]).await;
    stores.bind(Subject::Group(outer.clone()), "viewer", in_project("shop")).await;
    stores.expect_raised("giving to a group", &[&bob, &cy]).await;
    stores.roles.unbind(&Subject::Group(outer), &in_project("shop")).await.expect("taken");
    stores.expect_raised("taking from a group", &[&bob, &cy]).await;
    stores.roles.unbind(&Subject::Group(inner), &in_project("shop")).await.expect("nothing to take");
    stores.expect_raised("taking nothing", &[]).await;
}
