//! The contract of [`Emails`](crate::ports::identity::Emails).

use super::{Stores, email, in_project, project, user_id};
use crate::ports::identity::{Place, Subject, VisibleEmails};
use std::collections::{BTreeMap, BTreeSet};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_who_is_visible(&open().await).await;
    check_a_whole_page(&open().await).await;
}

async fn check_who_is_visible(stores: &Stores) {
    for name in ["ada", "bob", "cy", "dan", "eve", "fay"] {
        stores.person(name).await;
    }
    let user = |name: &str| Subject::User(user_id(name));
    stores.bind(user("ada"), "platform-admin", Place::Platform).await;
    stores.bind(user("bob"), "viewer", in_project("a")).await;
    stores.bind(user("cy"), "viewer", in_project("b")).await;
    let acme = stores.organisation("acme", &["a"]).await;
    stores.bind(user("dan"), "viewer", Place::Organisation(acme)).await;
    let team = stores.group("team", None).await;
    stores.groups.add(&team, &user_id("eve")).await.expect("into the group");
    stores.bind(Subject::Group(team), "viewer", in_project("a")).await;
    let check = async |names: &[&str], visible: &VisibleEmails, expected: &[&str]| {
        let users = names.iter().map(|name| user_id(name)).collect();
        let found = stores.emails.emails(&users, visible).await.expect("a read");
        let expected: BTreeMap<_, _> = expected.iter().map(|name| (user_id(name), email(name))).collect();
        assert_eq!(found, expected, "{visible:?}");
    };
    let all = ["ada", "bob", "cy", "dan", "eve", "fay", "nobody"];
    let none = VisibleEmails::default();
    check(&all, &none, &[]).await;
    let everybody = VisibleEmails { everybody: true, ..none.clone() };
    check(&all, &everybody, &all[..6]).await;
    check(&["fay", "nobody"], &everybody, &["fay"]).await;
    check(&[], &everybody, &[]).await;
    let own = VisibleEmails { own: Some(user_id("fay")), ..none.clone() };
    check(&all, &own, &["fay"]).await;
    check(&["ada"], &own, &[]).await;
    let of_project = VisibleEmails { project: Some(project("a")), ..none.clone() };
    check(&all, &of_project, &["bob"]).await;
    check(&all, &VisibleEmails { members: true, ..none.clone() }, &["ada", "bob", "cy"]).await;
    check(&all, &VisibleEmails { organisations: true, ..none.clone() }, &["dan"]).await;
    let several = VisibleEmails { own: Some(user_id("fay")), organisations: true, ..of_project };
    check(&all, &several, &["bob", "dan", "fay"]).await;
}

async fn check_a_whole_page(stores: &Stores) {
    let users: BTreeSet<_> = (0..1000).map(|n| user_id(&format!("n{n}"))).collect();
    stores.person("n999").await;
    let everybody = VisibleEmails { everybody: true, ..VisibleEmails::default() };
    let found = stores.emails.emails(&users, &everybody).await.expect("a read");
    assert_eq!(found, BTreeMap::from([(user_id("n999"), email("n999"))]));
}
