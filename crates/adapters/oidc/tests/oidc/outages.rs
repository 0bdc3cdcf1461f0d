//! A provider that is down or slow, rotates its keys, or sends too much.

use crate::hostile::{NOW, Signature};
use crate::{is_unavailable, pair, providers, refusal, settings, sign_in};
use adapter_oidc::ANSWER_BYTES_MAX;
use application::ports::identity::{IdentityProviders as _, ProviderError};
use axum::http::StatusCode;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_provider_that_is_down_is_unavailable_until_it_is_back() {
    let (hostile, providers) = pair().await;
    hostile.set().failure = Some(StatusCode::SERVICE_UNAVAILABLE);
    assert!(is_unavailable(&sign_in(&hostile, &providers).await));
    hostile.set().failure = None;
    let (url, pending) = providers.begin("idp", "s", NOW).await.expect("it is back");
    let code = hostile.agree(&url);
    hostile.set().failure = Some(StatusCode::BAD_GATEWAY);
    assert!(is_unavailable(&providers.finish(&pending, &code, NOW).await));
    hostile.set().failure = None;
    providers.finish(&pending, &code, NOW).await.expect("the code was not used up");
}

#[tokio::test]
async fn nobody_at_the_address_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let issuer = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let providers = providers(vec![settings("idp", &issuer)]);
    assert!(matches!(providers.begin("idp", "s", NOW).await, Err(ProviderError::Unavailable(_))));
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up() {
    // Accepts connections and sends nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let providers =
        providers(vec![settings("idp", &format!("http://{}", silent.local_addr().expect("one")))]);
    let given_up = tokio::time::timeout(Duration::from_secs(8), providers.begin("idp", "s", NOW)).await;
    assert!(matches!(given_up, Ok(Err(ProviderError::Unavailable(_)))));
}

#[tokio::test]
async fn answers_have_a_largest_size() {
    let (hostile, providers) = pair().await;
    let (url, pending) = providers.begin("idp", "s", NOW).await.expect("an address");
    let code = hostile.agree(&url);
    hostile.set().huge = Some(64 * 1024 * 1024);
    match providers.finish(&pending, &code, NOW).await {
        Err(ProviderError::Unavailable(cause)) => {
            assert!(cause.to_string().contains(&ANSWER_BYTES_MAX.to_string()), "{cause}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let (hostile, providers) = pair().await;
    hostile.set().redirects = true;
    assert!(is_unavailable(&sign_in(&hostile, &providers).await));
    assert_eq!(hostile.set().documents_asked, 1);
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let (hostile, providers) = pair().await;
    let providers = Arc::new(providers);
    let many: Vec<_> = (0..50)
        .map(|_| {
            let providers = Arc::clone(&providers);
            tokio::spawn(async move { providers.begin("idp", "s", NOW).await.is_ok() })
        })
        .collect();
    for one in many {
        assert!(one.await.expect("no panic"));
    }
    assert_eq!(hostile.asked(), (1, 1));
}

/// Callers that waited for a failed request do not each repeat it.
#[tokio::test]
async fn many_at_once_fail_together() {
    let (hostile, providers) = pair().await;
    hostile.set().failure = Some(StatusCode::SERVICE_UNAVAILABLE);
    let providers = Arc::new(providers);
    let many: Vec<_> = (0..50)
        .map(|_| {
            let providers = Arc::clone(&providers);
            tokio::spawn(async move { providers.begin("idp", "s", NOW).await.is_ok() })
        })
        .collect();
    for one in many {
        assert!(!one.await.expect("no panic"));
    }
    let asked = hostile.set().documents_asked;
    assert!(asked <= 2, "asked {asked} times");
}

/// Advances the client's clock, which determines the age of the keys.
async fn a_minute_later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_needs_them_and_not_often() {
    let (hostile, providers) = pair().await;
    sign_in(&hostile, &providers).await.expect("vouched for");
    hostile.rotate();
    // The keys were fetched less than a minute ago.
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "unknown key");
    assert_eq!(hostile.set().keys_asked, 1);
    a_minute_later().await;
    sign_in(&hostile, &providers).await.expect("the new key was fetched");
    assert_eq!(hostile.set().keys_asked, 2);
    // Tokens with unknown keys do not cause repeated requests.
    hostile.set().header = Box::new(|header| header["kid"] = "made-up".into());
    for _ in 0..5 {
        assert_eq!(refusal(sign_in(&hostile, &providers).await), "unknown key");
    }
    assert_eq!(hostile.asked(), (1, 2));
    a_minute_later().await;
    for _ in 0..5 {
        assert_eq!(refusal(sign_in(&hostile, &providers).await), "unknown key");
    }
    assert_eq!(hostile.asked(), (1, 3));
}

#[tokio::test]
async fn a_key_that_is_not_published_any_more_is_not_good_any_more() {
    let (hostile, providers) = pair().await;
    sign_in(&hostile, &providers).await.expect("vouched for");
    hostile.set().published = 0;
    a_minute_later().await;
    // Only a signature that does not verify causes a new fetch.
    hostile.set().signature = Signature::Foreign;
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "unknown key");
    hostile.set().signature = Signature::Good;
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "unknown key");
}
