//! The contract of [`ExternalIdentities`](crate::ports::identity::ExternalIdentities).

use super::{Stores, at, digest, new_user, refusal, together, user_id};
use crate::ports::identity::{ExternalIdentity, NewUser, PendingSignIn, RegisterBy};
use secrecy::ExposeSecret;

/// Runs all checks of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_an_identity_is_made_with_its_person(&open().await).await;
    check_a_sign_in_comes_back_once(&open().await).await;
    check_a_sign_in_comes_back_in_time(&open().await).await;
}

fn identity(issuer: &str, subject: &str) -> ExternalIdentity {
    ExternalIdentity { issuer: issuer.into(), subject: subject.into() }
}

fn pending(state: &str) -> PendingSignIn {
    PendingSignIn {
        state: digest(state),
        provider: "corporate".into(),
        nonce: format!("nonce-{state}").into(),
        verifier: format!("verifier-{state}").into(),
        expires_at: at(1000),
    }
}

async fn check_an_identity_is_made_with_its_person(stores: &Stores) {
    let come = async |name: &str, issuer: &str, subject: &str| {
        let new = NewUser { identity: Some(identity(issuer, subject)), ..new_user(name) };
        stores.admissions.register(&new, &RegisterBy::Open).await.map(|user| user.id)
    };
    let find = async |issuer: &str, subject: &str| {
        stores.external.find(&identity(issuer, subject)).await.expect("a read")
    };
    assert_eq!(find("urn:example:id", "7").await, None);
    let ada = come("ada", "urn:example:id", "7").await.expect("she is new");
    assert_eq!(find("urn:example:id", "7").await, Some(ada));
    assert_eq!(find("urn:example:other", "7").await, None, "the issuer counts");
    assert_eq!(refusal(come("bob", "urn:example:id", "7").await), "taken identity");
    assert!(stores.users.get(&user_id("bob")).await.expect("a read").is_none(), "neither or both");
    assert_eq!(refusal(come("ada", "urn:example:id", "8").await), "taken email");
    assert_eq!(find("urn:example:id", "8").await, None, "neither or both");
    let bob = come("bob", "urn:example:other", "7").await.expect("he is new");
    assert_eq!(find("urn:example:other", "7").await, Some(bob));
    let many = together((0..10).map(|n| {
        let new = NewUser { identity: Some(identity("urn:example:id", "9")), ..new_user(&format!("cy-{n}")) };
        async move { stores.admissions.register(&new, &RegisterBy::Open).await }
    }))
    .await;
    assert_eq!(many.iter().filter(|one| one.is_ok()).count(), 1, "one of many at once");
}

async fn check_a_sign_in_comes_back_once(stores: &Stores) {
    stores.external.keep(&pending("a")).await.expect("kept");
    stores.external.keep(&pending("b")).await.expect("kept");
    let state = digest("a");
    let many = together((0..20).map(|_| stores.external.take(&state, at(5)))).await;
    let taken: Vec<_> = many.into_iter().filter_map(|one| one.expect("an answer")).collect();
    assert_eq!(taken.len(), 1, "one of many at once");
    let one = &taken[0];
    assert_eq!((one.state, one.provider.as_str(), one.expires_at), (state, "corporate", at(1000)));
    assert_eq!((one.nonce.expose_secret(), one.verifier.expose_secret()), ("nonce-a", "verifier-a"));
    assert!(stores.external.take(&digest("b"), at(5)).await.expect("an answer").is_some());
    assert!(stores.external.take(&digest("c"), at(5)).await.expect("an answer").is_none());
}

async fn check_a_sign_in_comes_back_in_time(stores: &Stores) {
    stores.external.keep(&pending("a")).await.expect("kept");
    assert!(stores.external.take(&digest("a"), at(1000)).await.expect("an answer").is_none());
    stores.external.keep(&pending("b")).await.expect("kept");
    assert!(stores.external.take(&digest("b"), at(999)).await.expect("an answer").is_some());
}
