//! The contract of [`ExternalIdentities`](crate::ports::identity::ExternalIdentities).

use super::{Stores, at, digest, refusal, together, user_id};
use crate::ports::identity::{ExternalIdentity, PendingSignIn};
use secrecy::ExposeSecret;

/// Runs every check of this port.
pub async fn all(open: &impl AsyncFn() -> Stores) {
    check_links(&open().await).await;
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

async fn check_links(stores: &Stores) {
    let [ada, bob] = [stores.person("ada").await, stores.person("bob").await];
    let here = identity("urn:example:id", "7");
    assert_eq!(stores.external.find(&here).await.expect("a read"), None);
    stores.external.link(&here, &ada).await.expect("linked");
    stores.external.link(&here, &ada).await.expect("again does no harm");
    assert_eq!(stores.external.find(&here).await.expect("a read"), Some(ada.clone()));
    assert_eq!(refusal(stores.external.link(&here, &bob).await), "taken identity");
    let elsewhere = identity("urn:example:other", "7");
    assert_eq!(stores.external.find(&elsewhere).await.expect("a read"), None, "the issuer counts");
    stores.external.link(&elsewhere, &ada).await.expect("a second identity of the same person");
    let nobody = stores.external.link(&identity("urn:example:id", "8"), &user_id("nobody")).await;
    assert_eq!(refusal(nobody), "missing user");
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
