//! The contract of [`Organisations`](crate::ports::identity::Organisations).

use super::{Stores, admissions, at, group_name, in_project, organisation, project, refusal};
use crate::ports::identity::{Binding, Gone, Organisation, Owned, Place, Reach, Subject};
use domain::{EnvironmentId, EnvironmentName, OrganisationName, UserId};
use std::collections::BTreeSet;

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_kept_and_listed(&open().await).await;
    check_projects(&open().await).await;
    check_deleting(&open().await).await;
    check_second_factor(&open().await).await;
    check_requiring_a_second_factor_is_told(&open().await).await;
    check_forgetting_a_project(&open().await).await;
    check_forgetting_an_environment(&open().await).await;
}

async fn check_kept_and_listed(stores: &Stores) {
    for name in ["b", "a-b", "ab"] {
        stores.organisation(name, &[]).await;
    }
    let changed = Organisation { label: super::label("Bees"), ..organisation("b", true) };
    stores.organisations.put(&changed).await.expect("a change");
    let first = stores.organisations.list(None, 2).await.expect("a page");
    assert_eq!(first, [organisation("a-b", false), organisation("ab", false)]);
    assert_eq!(stores.organisations.list(Some(&first[1].name), 2).await.expect("a page"), [changed]);
}

async fn check_projects(stores: &Stores) {
    let acme = stores.organisation("acme", &["yard", "mill"]).await;
    assert_eq!(stores.organisations.projects(&acme).await.expect("projects"), ["mill", "yard"].map(project));
    let other = stores.organisation("other", &[]).await;
    stores.drain().await;
    let own = async |from: Option<&OrganisationName>, to: Option<&OrganisationName>| {
        stores.organisations.own(&project("mill"), from, to).await.expect("an answer")
    };
    for (from, to) in [(None, Some(&other)), (Some(&other), None), (None, None)] {
        assert_eq!(own(from, to).await, Owned::By(Some(acme.clone())), "{from:?} is not its owner");
    }
    assert_eq!(stores.organisations.projects(&acme).await.expect("projects"), ["mill", "yard"].map(project));
    assert_eq!(own(Some(&acme), Some(&other)).await, Owned::Moved);
    assert_eq!(own(Some(&acme), None).await, Owned::By(Some(other.clone())));
    assert_eq!(stores.organisations.projects(&acme).await.expect("projects"), [project("yard")]);
    assert_eq!(stores.organisations.projects(&other).await.expect("projects"), [project("mill")]);
    let missing = organisation("missing", false).name;
    let refused = stores.organisations.own(&project("mill"), Some(&other), Some(&missing)).await;
    assert_eq!(refusal(refused), "missing organisation");
}

async fn check_deleting(stores: &Stores) {
    let ada = stores.person("ada").await;
    let acme = stores.organisation("acme", &["mill"]).await;
    let place = Place::Organisation(acme.clone());
    stores.bind(Subject::User(ada.clone()), "viewer", place.clone()).await;
    let invited = admissions::invitation("t", "bob", Some(("viewer", place.clone())));
    stores.admissions.invite(&invited).await.expect("an invitation");
    stores.drain().await;
    assert!(stores.organisations.delete(&acme).await.expect("deleted"));
    stores.expect_raised("deleting an organisation", &[&ada]).await;
    assert!(!stores.organisations.delete(&acme).await.expect("not there"));
    stores.organisation("acme", &[]).await;
    assert!(stores.organisations.projects(&acme).await.expect("projects").is_empty());
    assert!(stores.roles.members(&place, None, 5).await.expect("members").is_empty());
    assert!(stores.admissions.invitations(at(1), 5).await.expect("a list").is_empty());
}

async fn check_second_factor(stores: &Stores) {
    let [ada, bob, cy, dan] = [
        stores.person("ada").await,
        stores.person("bob").await,
        stores.person("cy").await,
        stores.person("dan").await,
    ];
    let strict = organisation("strict", true);
    stores.organisations.put(&strict).await.expect("an organisation");
    stores.organisations.own(&project("vault"), None, Some(&strict.name)).await.expect("owned");
    let lax = stores.organisation("lax", &[]).await;
    stores.group("crew", None).await;
    stores.group("inner", Some("crew")).await;
    stores.groups.add(&group_name("inner"), &bob).await.expect("added");
    let place = || Place::Organisation(strict.name.clone());
    stores.bind(Subject::User(ada.clone()), "viewer", place()).await;
    stores.bind(Subject::Group(group_name("crew")), "viewer", place()).await;
    stores.bind(Subject::User(cy.clone()), "viewer", in_project("vault")).await;
    stores.bind(Subject::User(dan.clone()), "viewer", Place::Organisation(lax)).await;
    for (user, expected, why) in [
        (&ada, true, "a role in the organisation"),
        (&bob, true, "a role through groups"),
        (&cy, true, "a role in one of its projects"),
        (&dan, false, "a role in one that does not ask for it"),
    ] {
        assert_eq!(
            stores.organisations.requires_second_factor(user).await.expect("a read"),
            expected,
            "{why}"
        );
    }
}

async fn check_requiring_a_second_factor_is_told(stores: &Stores) {
    let [ada, bob, cy, dan] = [
        stores.person("ada").await,
        stores.person("bob").await,
        stores.person("cy").await,
        stores.person("dan").await,
    ];
    let acme = stores.organisation("acme", &["mill"]).await;
    let crew = stores.group("crew", None).await;
    let inner = stores.group("inner", Some("crew")).await;
    stores.groups.add(&inner, &bob).await.expect("added");
    stores.bind(Subject::User(ada.clone()), "viewer", Place::Organisation(acme.clone())).await;
    stores.bind(Subject::Group(crew), "viewer", in_project("mill")).await;
    stores.bind(Subject::User(cy.clone()), "viewer", in_project("yard")).await;
    stores.bind(Subject::User(dan.clone()), "viewer", in_project("shop")).await;
    stores.drain().await;
    let put = async |required: bool| {
        stores.organisations.put(&organisation("acme", required)).await.expect("a change");
    };
    put(false).await;
    stores.expect_raised("no change", &[]).await;
    put(true).await;
    stores.expect_raised("requiring it, of members and of those of its projects", &[&ada, &bob]).await;
    put(true).await;
    stores.expect_raised("requiring it again", &[]).await;
    put(false).await;
    stores.expect_raised("requiring it no more", &[]).await;
    put(true).await;
    stores.drain().await;
    stores.organisations.own(&project("yard"), None, Some(&acme)).await.expect("owned");
    stores.expect_raised("a project that comes into it", &[&ada, &cy]).await;
    let lax = stores.organisation("lax", &[]).await;
    stores.organisations.own(&project("shop"), None, Some(&lax)).await.expect("owned");
    stores.expect_raised("a project that comes into one that does not ask for it", &[]).await;
}

async fn check_forgetting_a_project(stores: &Stores) {
    let [ada, bob] = [stores.person("ada").await, stores.person("bob").await];
    let acme = stores.organisation("acme", &["shop"]).await;
    stores.bind(Subject::User(ada.clone()), "admin", in_project("shop")).await;
    stores.bind(Subject::User(ada.clone()), "viewer", in_project("bank")).await;
    stores.bind(Subject::User(bob.clone()), "viewer", Place::Organisation(acme.clone())).await;
    let invited = admissions::invitation("t", "cy", Some(("admin", in_project("shop"))));
    stores.admissions.invite(&invited).await.expect("an invitation");
    stores.drain().await;
    stores.organisations.forget(&Gone::Project(project("shop"))).await.expect("forgotten");
    stores.expect_raised("forgetting a project", &[&ada, &bob]).await;
    assert!(stores.organisations.projects(&acme).await.expect("projects").is_empty());
    assert!(stores.roles.members(&in_project("shop"), None, 5).await.expect("members").is_empty());
    assert_eq!(
        stores.roles.grants(&ada, Reach::Now).await.expect("grants").len(),
        1,
        "the other project is as it was"
    );
    assert!(stores.admissions.invitations(at(1), 5).await.expect("a list").is_empty(), "nobody comes later");
    stores
        .organisations
        .forget(&Gone::Project(project("shop")))
        .await
        .expect("forgetting again does no harm");
    stores.expect_raised("forgetting again", &[]).await;
}

async fn check_forgetting_an_environment(stores: &Stores) {
    let [ada, bob, cy] = [stores.person("ada").await, stores.person("bob").await, stores.person("cy").await];
    let environments = |names: &[&str]| -> BTreeSet<EnvironmentName> {
        names.iter().map(|name| EnvironmentName::parse(name).expect("a name")).collect()
    };
    for (user, names) in [(&ada, Some(["dev", "prod"].as_slice())), (&bob, Some(&["dev"])), (&cy, None)] {
        let role = super::binding(Subject::User(user.clone()), "editor", in_project("shop"));
        let role = Binding { environments: names.map(environments), ..role };
        stores.roles.bind(&role).await.expect("given");
    }
    stores.drain().await;
    let id = EnvironmentId { project: project("shop"), name: EnvironmentName::parse("dev").expect("a name") };
    stores.organisations.forget(&Gone::Environment(id.clone())).await.expect("forgotten");
    stores.expect_raised("forgetting an environment", &[&ada, &bob]).await;
    let members = stores.roles.members(&in_project("shop"), None, 5).await.expect("members");
    let left: Vec<_> = members.into_iter().map(|member| member.binding).collect();
    let of = |user: &UserId| left.iter().find(|one| one.subject == Subject::User(user.clone()));
    assert_eq!(of(&ada).map(|one| &one.environments), Some(&Some(environments(&["prod"]))));
    assert!(of(&bob).is_none(), "a role in nothing ends");
    assert_eq!(of(&cy).map(|one| &one.environments), Some(&None));
    stores.organisations.forget(&Gone::Environment(id)).await.expect("forgetting again does no harm");
    stores.expect_raised("forgetting again", &[]).await;
}
