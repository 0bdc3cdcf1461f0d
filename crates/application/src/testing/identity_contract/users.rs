//! The contract of [`Users`](crate::ports::identity::Users).

use super::{Stores, at, email, hash, label, new_user, refusal, session_id, sessions, together, user_id};
use crate::ports::identity::{UserChange, UserStatus};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_a_record_is_kept(&open().await).await;
    check_made_with_a_second_factor_required(&open().await).await;
    check_an_address_is_one_persons(&open().await).await;
    check_lists(&open().await).await;
    check_changes(&open().await).await;
    check_requiring_a_second_factor_is_told(&open().await).await;
    check_deactivation(&open().await).await;
    check_passwords(&open().await).await;
}

async fn check_a_record_is_kept(stores: &Stores) {
    let made = stores.users.create(&new_user("ada")).await.expect("a record is made");
    assert_eq!((made.id.as_str(), made.email.as_str()), ("ada", "ada@example.org"));
    assert_eq!((made.status, made.second_factor_required), (UserStatus::Active, false));
    assert_eq!((made.created_at, made.updated_at), (at(0), at(0)));
    assert_eq!(stores.users.get(&user_id("ada")).await.expect("a read"), Some(made.clone()));
    assert_eq!(stores.users.get(&user_id("bob")).await.expect("a read"), None);
    let found = stores.users.by_email(&email("ada")).await.expect("a read");
    assert_eq!(found, Some((made, Some(hash("ada")))));
    assert_eq!(stores.users.by_email(&email("bob")).await.expect("a read"), None);
    let without = crate::ports::identity::NewUser { password: None, ..new_user("cy") };
    stores.users.create(&without).await.expect("a record without a password is made");
    assert_eq!(stores.users.password(&user_id("cy")).await.expect("a read"), None);
}

async fn check_made_with_a_second_factor_required(stores: &Stores) {
    let new = crate::ports::identity::NewUser { second_factor_required: true, ..new_user("ada") };
    let made = stores.users.create(&new).await.expect("made");
    assert!(made.second_factor_required);
    assert_eq!(stores.users.get(&made.id).await.expect("a read"), Some(made));
}

async fn check_an_address_is_one_persons(stores: &Stores) {
    stores.person("ada").await;
    stores.person("bob").await;
    let mut other = new_user("eve");
    other.email = email("ada");
    assert_eq!(refusal(stores.users.create(&other).await), "taken email");
    assert_eq!(stores.users.get(&user_id("eve")).await.expect("a read"), None, "nothing was made");
    let change = UserChange { email: Some(email("ada")), ..UserChange::default() };
    assert_eq!(refusal(stores.users.change(&user_id("bob"), &change, at(1)).await), "taken email");
    let same = together((0..8).map(|n| {
        let mut new = new_user(&format!("many-{n}"));
        new.email = email("many");
        async move { stores.users.create(&new).await }
    }));
    assert_eq!(same.await.iter().filter(|result| result.is_ok()).count(), 1, "one of many gets the address");
}

async fn check_lists(stores: &Stores) {
    // Ordered by bytes, whatever the collation of a database.
    for name in ["b", "a-b", "ab", "a", "c0"] {
        stores.person(name).await;
    }
    let first = stores.users.list(None, 3).await.expect("a page");
    let ids = |users: &[crate::ports::identity::User]| {
        users.iter().map(|user| user.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["a", "a-b", "ab"]);
    let second = stores.users.list(Some(&first[2].id), 3).await.expect("a page");
    assert_eq!(ids(&second), ["b", "c0"]);
}

async fn check_changes(stores: &Stores) {
    let ada = stores.person("ada").await;
    let change = UserChange {
        email: Some(email("lovelace")),
        name: Some(label("Ada Lovelace")),
        status: None,
        second_factor_required: Some(true),
    };
    let changed = stores.users.change(&ada, &change, at(5)).await.expect("a change");
    assert_eq!((changed.email.clone(), changed.name.clone()), (email("lovelace"), label("Ada Lovelace")));
    assert!(changed.second_factor_required);
    assert_eq!((changed.created_at, changed.updated_at), (at(0), at(5)));
    assert_eq!(stores.users.get(&ada).await.expect("a read"), Some(changed));
    let nobody = stores.users.change(&user_id("nobody"), &change, at(6)).await;
    assert_eq!(refusal(nobody), "missing user");
}

async fn check_requiring_a_second_factor_is_told(stores: &Stores) {
    let ada = stores.person("ada").await;
    let change = async |required: Option<bool>| {
        let change = UserChange { second_factor_required: required, ..UserChange::default() };
        stores.users.change(&ada, &change, at(1)).await.expect("a change");
    };
    for (required, raised) in [(Some(true), true), (Some(true), false), (None, false), (Some(false), false)] {
        change(required).await;
        let expected: &[&domain::UserId] = if raised { &[&ada] } else { &[] };
        stores.expect_raised(&format!("second factor required: {required:?}"), expected).await;
    }
}

async fn check_deactivation(stores: &Stores) {
    let ada = stores.person("ada").await;
    stores.sessions.open(&sessions::new_session("s1", "ada", 0)).await.expect("a session");
    stores.drain().await;
    let off = UserChange { status: Some(UserStatus::Deactivated), ..UserChange::default() };
    let changed = stores.users.change(&ada, &off, at(1)).await.expect("a change");
    assert_eq!(changed.status, UserStatus::Deactivated);
    stores.expect_raised("deactivating", &[&ada]).await;
    assert!(!stores.sessions.is_live(&session_id("s1"), at(2)).await.expect("a read"), "sessions end");
    let again = stores.sessions.open(&sessions::new_session("s2", "ada", 2)).await;
    assert_eq!(refusal(again), "missing user");
    let on = UserChange { status: Some(UserStatus::Active), ..UserChange::default() };
    stores.users.change(&ada, &on, at(3)).await.expect("a change");
    stores.sessions.open(&sessions::new_session("s3", "ada", 4)).await.expect("a session");
}

async fn check_passwords(stores: &Stores) {
    let ada = stores.person("ada").await;
    for name in ["s1", "s2"] {
        stores.sessions.open(&sessions::new_session(name, "ada", 0)).await.expect("a session");
    }
    stores.drain().await;
    let set = async |before: Option<&str>, new: &str, ends: Option<Option<&domain::SessionId>>| {
        let before = before.map(hash);
        stores.users.set_password(&ada, before.as_ref(), &hash(new), ends, at(1)).await.expect("an answer")
    };
    assert!(set(Some("ada"), "same", None).await, "another form");
    for before in [Some("ada"), None] {
        assert!(!set(before, "stale", Some(None)).await, "another one is kept than was checked");
    }
    assert_eq!(stores.users.password(&ada).await.expect("a read"), Some(hash("same")));
    stores.expect_raised("another form of the same password", &[]).await;
    let keep = session_id("s1");
    assert!(set(Some("same"), "new", Some(Some(&keep))).await);
    stores.expect_raised("another password", &[&ada]).await;
    let live = stores.sessions.list(&ada, at(3)).await.expect("a list");
    assert_eq!(live.into_iter().map(|session| session.id).collect::<Vec<_>>(), [keep]);
    assert!(set(Some("new"), "newer", Some(None)).await);
    assert!(stores.sessions.list(&ada, at(5)).await.expect("a list").is_empty());
    let nobody = stores.users.set_password(&user_id("nobody"), None, &hash("x"), None, at(6)).await;
    assert_eq!(refusal(nobody), "missing user");
    let cy = crate::ports::identity::NewUser { password: None, ..new_user("cy") };
    let cy = stores.users.create(&cy).await.expect("a record without a password is made").id;
    assert!(stores.users.set_password(&cy, None, &hash("first"), None, at(7)).await.expect("the first one"));
}
