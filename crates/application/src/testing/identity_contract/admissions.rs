//! The contract of [`Admissions`](crate::ports::identity::Admissions).

use super::{Stores, at, digest, email, in_project, new_user, refusal, role_name, together};
use crate::ports::identity::{Invitation, Place, Reach, RegisterBy, Subject, UserChange, UserStatus};

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_bootstrap(&open().await).await;
    check_bootstrap_is_for_one(&open().await).await;
    check_open_registration(&open().await).await;
    check_invitation_is_used_up(&open().await).await;
    check_invitation_is_for_its_address_and_time(&open().await).await;
    check_invitation_is_used_once(&open().await).await;
    check_invitations_are_replaced_and_listed(&open().await).await;
    check_invitations_name_what_exists(&open().await).await;
    check_invitations_go_with_their_giver(&open().await).await;
}

/// An invitation created at the time 0, valid for one second.
pub(super) fn invitation(token: &str, name: &str, role: Option<(&str, Place)>) -> Invitation {
    Invitation {
        token: digest(token),
        email: email(name),
        role: role.map(|(role, place)| (role_name(role), place)),
        invited_by: "user:giver".into(),
        created_at: at(0),
        expires_at: at(1000),
    }
}

async fn check_bootstrap(stores: &Stores) {
    assert!(stores.admissions.is_empty().await.expect("a read"));
    let made =
        stores.admissions.register(&new_user("root"), &RegisterBy::Bootstrap).await.expect("the first");
    assert!(!stores.admissions.is_empty().await.expect("a read"));
    let grants = stores.roles.grants(&made.id, Reach::Now).await.expect("grants");
    assert_eq!(grants.len(), 1);
    assert_eq!((grants[0].role.as_str(), &grants[0].project), ("platform-admin", &None));
    let second = stores.admissions.register(&new_user("eve"), &RegisterBy::Bootstrap).await;
    assert_eq!(refusal(second), "taken bootstrap");
}

async fn check_bootstrap_is_for_one(stores: &Stores) {
    let all = together((0..8).map(|n| {
        let new = new_user(&format!("root-{n}"));
        async move { stores.admissions.register(&new, &RegisterBy::Bootstrap).await }
    }));
    let (made, refused): (Vec<_>, Vec<_>) = all.await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1, "one of many at once is the first");
    for one in refused {
        assert_eq!(refusal(one), "taken bootstrap");
    }
}

async fn check_open_registration(stores: &Stores) {
    let ada = stores.admissions.register(&new_user("ada"), &RegisterBy::Open).await.expect("anybody");
    assert!(
        stores.roles.grants(&ada.id, Reach::Now).await.expect("grants").is_empty(),
        "no role comes with it"
    );
    let mut other = new_user("eve");
    other.email = email("ada");
    assert_eq!(refusal(stores.admissions.register(&other, &RegisterBy::Open).await), "taken email");
}

async fn check_invitation_is_used_up(stores: &Stores) {
    let role = Some(("editor", in_project("shop")));
    stores.admissions.invite(&invitation("t", "ada", role)).await.expect("an invitation");
    let by = RegisterBy::Invitation(digest("t"));
    let ada = stores.admissions.register(&new_user("ada"), &by).await.expect("the invited");
    let members = stores.roles.members(&in_project("shop"), None, 10).await.expect("members");
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].binding.subject, Subject::User(ada.id));
    assert_eq!(
        (members[0].binding.role.as_str(), members[0].binding.given_by.as_str()),
        ("editor", "user:giver")
    );
    assert!(stores.admissions.invitations(at(1), 10).await.expect("a list").is_empty());
    assert_eq!(refusal(stores.admissions.register(&new_user("ada"), &by).await), "missing invitation");
}

async fn check_invitation_is_for_its_address_and_time(stores: &Stores) {
    stores.admissions.invite(&invitation("t", "ada", None)).await.expect("an invitation");
    let by = RegisterBy::Invitation(digest("t"));
    assert_eq!(refusal(stores.admissions.register(&new_user("eve"), &by).await), "missing invitation");
    let mut late = new_user("ada");
    late.at = at(1000);
    assert_eq!(refusal(stores.admissions.register(&late, &by).await), "missing invitation");
    assert!(stores.admissions.is_empty().await.expect("a read"), "nobody was made");
    stores.admissions.register(&new_user("ada"), &by).await.expect("the invited, in time");
}

async fn check_invitation_is_used_once(stores: &Stores) {
    stores.admissions.invite(&invitation("t", "ada", None)).await.expect("an invitation");
    let all = together((0..8).map(|n| {
        let mut new = new_user(&format!("ada-{n}"));
        new.email = email("ada");
        async move { stores.admissions.register(&new, &RegisterBy::Invitation(digest("t"))).await }
    }));
    assert_eq!(all.await.iter().filter(|result| result.is_ok()).count(), 1);
}

async fn check_invitations_are_replaced_and_listed(stores: &Stores) {
    let shop = || Some(("viewer", in_project("shop")));
    stores.admissions.invite(&invitation("first", "ada", shop())).await.expect("an invitation");
    let mut second = invitation("second", "ada", Some(("editor", in_project("shop"))));
    second.created_at = at(1);
    stores.admissions.invite(&second).await.expect("an invitation");
    let mut elsewhere =
        invitation("elsewhere", "ada", Some(("viewer", Place::Project(super::project("bank")))));
    elsewhere.created_at = at(2);
    elsewhere.expires_at = at(5000);
    stores.admissions.invite(&elsewhere).await.expect("an invitation");
    let open = stores.admissions.invitations(at(3), 10).await.expect("a list");
    assert_eq!(open, [elsewhere.clone(), second], "the newest first; the first one was replaced");
    assert_eq!(stores.admissions.invitations(at(3), 1).await.expect("a list"), [elsewhere.clone()]);
    let later = stores.admissions.invitations(at(1000), 10).await.expect("a list");
    assert_eq!(later, [elsewhere], "the other one is over");
    assert!(stores.admissions.revoke(&digest("second")).await.expect("a revocation"));
    assert!(!stores.admissions.revoke(&digest("second")).await.expect("a revocation"));
    let by = RegisterBy::Invitation(digest("second"));
    assert_eq!(refusal(stores.admissions.register(&new_user("ada"), &by).await), "missing invitation");
}

async fn check_invitations_name_what_exists(stores: &Stores) {
    let invite = async |role: &str, place: Place| {
        refusal(stores.admissions.invite(&invitation("t", "ada", Some((role, place)))).await)
    };
    assert_eq!(invite("no-such", in_project("shop")).await, "missing role");
    assert_eq!(invite("editor", Place::Platform).await, "missing role");
    assert_eq!(invite("platform-admin", in_project("shop")).await, "missing role");
    let nowhere = Place::Organisation(super::organisation("acme", false).name);
    assert_eq!(invite("editor", nowhere).await, "missing organisation");
}

async fn check_invitations_go_with_their_giver(stores: &Stores) {
    let giver = stores.person("giver").await;
    stores.person("other").await;
    let of_other = Invitation { invited_by: "user:other".into(), ..invitation("o", "bob", None) };
    for one in [&invitation("g", "ada", None), &of_other] {
        stores.admissions.invite(one).await.expect("an invitation");
    }
    let found = stores.admissions.invitation(&digest("g")).await.expect("a read");
    assert_eq!(found, Some(invitation("g", "ada", None)));
    let off = UserChange { status: Some(UserStatus::Deactivated), ..UserChange::default() };
    stores.users.change(&giver, &off, at(1)).await.expect("deactivated");
    assert_eq!(stores.admissions.invitation(&digest("g")).await.expect("a read"), None);
    assert_eq!(stores.admissions.invitations(at(1), 10).await.expect("a list"), [of_other]);
}
