//! The contract of [`Roles::grants`](crate::ports::identity::Roles::grants).

use super::{Stores, at, binding, group_name, in_project, roles::custom, user_id};
use crate::ports::identity::{Place, Reach, Subject, UserChange, UserStatus};
use domain::{BuiltInRole, EnvironmentName, Permission, UserId};
use std::collections::BTreeSet;

/// Runs all checks of grants.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_scopes_are_carried(&open().await).await;
    check_every_way_to_a_role(&open().await).await;
    check_organisations_follow_their_projects(&open().await).await;
    check_organisations_reach_everywhere_some_day(&open().await).await;
    check_nobody_and_the_deactivated(&open().await).await;
}

/// The project and role of each grant as `project:role`, with `*` for the platform.
async fn shown(stores: &Stores, user: &UserId) -> Vec<String> {
    let grants = stores.roles.grants(user, Reach::Now).await.expect("grants");
    let project = |grant: &domain::Grant| grant.project.as_ref().map_or("*".to_owned(), ToString::to_string);
    grants.iter().map(|grant| format!("{}:{}", project(grant), grant.role)).collect()
}

async fn check_scopes_are_carried(stores: &Stores) {
    let ada = stores.person("ada").await;
    let mut narrow = binding(Subject::User(ada.clone()), "editor", in_project("shop"));
    narrow.environments = Some(BTreeSet::from([EnvironmentName::parse("dev").expect("a constant")]));
    narrow.key_prefixes = Some(BTreeSet::from(["app.".to_owned()]));
    stores.roles.bind(&narrow).await.expect("given");
    stores.roles.put_custom(&custom("watcher", &[Permission::ClusterRead])).await.expect("a role");
    stores.bind(Subject::User(ada.clone()), "watcher", Place::Platform).await;
    let grants = stores.roles.grants(&ada, Reach::Now).await.expect("grants");
    assert_eq!(grants.len(), 2);
    assert_eq!((grants[0].role.as_str(), &grants[0].project), ("watcher", &None));
    assert_eq!(grants[0].permissions, BTreeSet::from([Permission::ClusterRead]));
    assert_eq!(grants[1].permissions, BuiltInRole::Editor.permissions());
    assert_eq!(grants[1].project, Some(super::project("shop")));
    assert_eq!(
        (grants[1].environments.clone(), grants[1].key_prefixes.clone()),
        (narrow.environments, narrow.key_prefixes)
    );
}

async fn check_every_way_to_a_role(stores: &Stores) {
    let ada = stores.person("ada").await;
    let bob = stores.person("bob").await;
    // Three nested groups; the user is a member of the innermost.
    stores.group("top", None).await;
    stores.group("middle", Some("top")).await;
    let leaf = stores.group("leaf", Some("middle")).await;
    stores.groups.add(&leaf, &ada).await.expect("added");
    let top = stores.group("top", None).await;
    stores.groups.add(&top, &bob).await.expect("added");
    let acme = stores.organisation("acme", &["mill", "yard"]).await;
    stores.bind(Subject::User(ada.clone()), "viewer", in_project("shop")).await;
    stores.bind(Subject::Group(group_name("leaf")), "editor", in_project("shop")).await;
    stores.bind(Subject::Group(group_name("top")), "admin", in_project("bank")).await;
    stores.bind(Subject::Group(group_name("middle")), "viewer", Place::Organisation(acme)).await;
    assert_eq!(
        shown(stores, &ada).await,
        ["bank:admin", "mill:viewer", "shop:editor", "shop:viewer", "yard:viewer"]
    );
    assert_eq!(shown(stores, &bob).await, ["bank:admin"], "the outer group has nothing of the inner ones");
    assert!(stores.groups.remove(&leaf, &ada).await.expect("removed"));
    assert_eq!(shown(stores, &ada).await, ["shop:viewer"]);
}

async fn check_organisations_follow_their_projects(stores: &Stores) {
    let ada = stores.person("ada").await;
    let acme = stores.organisation("acme", &["mill"]).await;
    let other = stores.organisation("other", &[]).await;
    stores.bind(Subject::User(ada.clone()), "editor", Place::Organisation(acme.clone())).await;
    assert_eq!(shown(stores, &ada).await, ["mill:editor"]);
    stores.drain().await;
    stores.organisations.own(&super::project("yard"), None, Some(&acme)).await.expect("owned");
    stores.expect_raised("another project of the organisation", &[&ada]).await;
    assert_eq!(shown(stores, &ada).await, ["mill:editor", "yard:editor"]);
    stores.organisations.own(&super::project("mill"), Some(&acme), Some(&other)).await.expect("owned");
    stores.expect_raised("a project that went to another", &[&ada]).await;
    assert_eq!(shown(stores, &ada).await, ["yard:editor"]);
    stores.organisations.own(&super::project("yard"), Some(&acme), None).await.expect("owned by nobody");
    stores.expect_raised("a project that nobody owns", &[&ada]).await;
    assert!(shown(stores, &ada).await.is_empty());
}

async fn check_organisations_reach_everywhere_some_day(stores: &Stores) {
    let ada = stores.person("ada").await;
    let empty = stores.organisation("empty", &[]).await;
    let acme = stores.organisation("acme", &["mill", "yard"]).await;
    stores.bind(Subject::User(ada.clone()), "editor", Place::Organisation(empty)).await;
    let crew = stores.group("crew", None).await;
    stores.groups.add(&crew, &ada).await.expect("added");
    stores.bind(Subject::Group(crew), "viewer", Place::Organisation(acme)).await;
    stores.bind(Subject::User(ada.clone()), "admin", in_project("shop")).await;
    assert_eq!(shown(stores, &ada).await, ["mill:viewer", "shop:admin", "yard:viewer"]);
    let ever = stores.roles.grants(&ada, Reach::Ever).await.expect("grants");
    let ever: Vec<_> = ever.iter().map(|one| (one.project.is_some(), one.role.as_str())).collect();
    assert_eq!(ever, [(false, "editor"), (false, "viewer"), (true, "admin")]);
}

async fn check_nobody_and_the_deactivated(stores: &Stores) {
    assert!(shown(stores, &user_id("nobody")).await.is_empty());
    let ada = stores.person("ada").await;
    stores.bind(Subject::User(ada.clone()), "viewer", in_project("shop")).await;
    let off = UserChange { status: Some(UserStatus::Deactivated), ..UserChange::default() };
    stores.users.change(&ada, &off, at(1)).await.expect("a change");
    assert!(shown(stores, &ada).await.is_empty());
}
