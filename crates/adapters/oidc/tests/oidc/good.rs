//! Sign-ins at a correct provider.

use crate::hostile::{Hostile, NOW};
use crate::{pair, providers, refusal, settings, sign_in};
use application::ports::identity::{IdentityProviders as _, ProviderError};
use domain::{Digest, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::collections::BTreeMap;
use url::Url;

#[tokio::test]
async fn somebody_signs_in() {
    let (hostile, providers) = pair().await;
    let person = sign_in(&hostile, &providers).await.expect("vouched for");
    assert_eq!((person.identity.issuer, person.identity.subject.as_str()), (hostile.issuer, "248289761001"));
    assert_eq!(person.email.expect("verified").as_str(), "ann@example.org");
    assert_eq!(person.name.as_deref(), Some("Ann Lee"));
    assert_eq!(person.groups, ["dev", "ops"]);
    let groups = providers.groups("idp");
    assert_eq!((groups[0].0.as_str(), groups[0].1.as_str()), ("dev", "developers"));
    assert_eq!((providers.names(), providers.groups("other")), (vec!["idp".to_owned()], Vec::new()));
}

#[tokio::test]
async fn the_way_there_says_all_that_is_needed_and_no_secret() {
    let (hostile, providers) = pair().await;
    let (url, pending) = providers.begin("idp", "a-state", NOW).await.expect("an address");
    let parsed = Url::parse(&url).expect("an address");
    let query: BTreeMap<String, String> = parsed.query_pairs().into_owned().collect();
    let challenge = Digest::of(&[pending.verifier.expose_secret().as_bytes()]).0;
    let challenge = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, challenge);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "guardian"),
        ("state", "a-state"),
        ("nonce", pending.nonce.expose_secret()),
        ("redirect_uri", "https://guardian.test/v1/auth/providers/idp/callback"),
        ("scope", "openid email profile"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(query.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(query.len(), 8);
    assert!(!url.contains(pending.verifier.expose_secret()));
    assert_eq!(pending.state, Digest::of(&[b"a-state"]));
    assert_eq!(pending.expires_at, Timestamp(NOW.0 + 600_000));
    let (_, other) = providers.begin("idp", "a-state", NOW).await.expect("an address");
    assert_ne!(other.nonce.expose_secret(), pending.nonce.expose_secret());
    assert_ne!(other.verifier.expose_secret(), pending.verifier.expose_secret());
    assert!(!format!("{pending:?}").contains(pending.verifier.expose_secret()));
    assert_eq!(hostile.asked(), (1, 1), "asked once and kept");
}

#[tokio::test]
async fn an_address_counts_when_the_provider_verified_it() {
    for spoilt in [json!(false), json!(null)] {
        let (hostile, providers) = pair().await;
        hostile.set().claims = Box::new(move |claims| claims["email_verified"] = spoilt.clone());
        assert_eq!(sign_in(&hostile, &providers).await.expect("vouched for").email, None);
    }
    let (hostile, providers) = pair().await;
    hostile.set().claims = Box::new(|claims| claims["email"] = json!("not an address"));
    assert_eq!(sign_in(&hostile, &providers).await.expect("vouched for").email, None);
}

#[tokio::test]
async fn what_the_token_leaves_out_is_asked_for() {
    let (hostile, providers) = pair().await;
    let leave_out = |claims: &mut serde_json::Value| {
        let claims = claims.as_object_mut().expect("an object");
        claims.retain(|name, _| !["email", "email_verified", "name", "groups"].contains(&name.as_str()));
    };
    hostile.set().claims = Box::new(leave_out);
    hostile.set().userinfo = json!({
        "sub": "248289761001", "email": "ann@example.org", "email_verified": true, "groups": "ops",
    });
    let person = sign_in(&hostile, &providers).await.expect("vouched for");
    assert_eq!(person.email.expect("verified").as_str(), "ann@example.org");
    assert_eq!(person.groups, ["ops"]);
    // The userinfo response of another subject is not used.
    hostile.set().userinfo = json!({ "sub": "another", "email": "eve@example.org", "email_verified": true });
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "subject");
}

#[tokio::test]
async fn claims_that_nobody_needs_may_have_other_forms() {
    for (name, value) in [
        // Forms used by Cognito and ADFS, Auth0, and others.
        ("email_verified", json!("true")),
        ("phone_number_verified", json!("false")),
        ("updated_at", json!("2026-01-01T00:00:00.000Z")),
        ("updated_at", json!(1_767_225_600.5)),
        ("updated_at", json!(null)),
        ("locale", json!(null)),
    ] {
        let (hostile, providers) = pair().await;
        let (shown, of_token) = (format!("{name} is {value}"), value.clone());
        hostile.set().claims = Box::new(move |claims| claims[name] = of_token.clone());
        let person = sign_in(&hostile, &providers).await.expect(&shown);
        assert_eq!(person.email.expect("verified").as_str(), "ann@example.org", "{shown}");

        // The same in the userinfo response.
        hostile.set().claims = Box::new(|claims| {
            let claims = claims.as_object_mut().expect("an object");
            claims.retain(|name, _| !["email", "email_verified", "name"].contains(&name.as_str()));
        });
        let mut userinfo = json!({
            "sub": "248289761001", "email": "ann@example.org", "email_verified": true, "name": "Ann",
        });
        userinfo[name] = value;
        hostile.set().userinfo = userinfo;
        let person = sign_in(&hostile, &providers).await.expect(&shown);
        assert_eq!(person.email.expect("verified").as_str(), "ann@example.org", "{shown}");
    }
    for unverified in [json!("false"), json!(false)] {
        let (hostile, providers) = pair().await;
        hostile.set().claims = Box::new(move |claims| claims["email_verified"] = unverified.clone());
        assert_eq!(sign_in(&hostile, &providers).await.expect("vouched for").email, None);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_outage() {
    let (hostile, providers) = pair().await;
    hostile.set().claims = Box::new(|claims| claims["iat"] = json!("yesterday"));
    let Err(ProviderError::Invalid(what)) = sign_in(&hostile, &providers).await else {
        panic!("the provider answered");
    };
    assert!(what.contains("token endpoint") && !what.contains("yesterday"), "{what}");
    let (hostile, providers) = pair().await;
    hostile.set().document = Box::new(|document| document["jwks_uri"] = json!(7));
    assert!(crate::is_invalid(&sign_in(&hostile, &providers).await));
    let (hostile, providers) = pair().await;
    hostile.set().claims = Box::new(|claims| drop(claims.as_object_mut().expect("one").remove("name")));
    hostile.set().userinfo = json!(["not", "an", "object"]);
    assert!(crate::is_invalid(&sign_in(&hostile, &providers).await));
}

#[tokio::test]
async fn several_providers_are_kept_apart() {
    let (one, two) = (Hostile::start().await, Hostile::start().await);
    let providers = providers(vec![settings("one", &one.issuer), settings("two", &two.issuer)]);
    assert_eq!(providers.names(), ["one", "two"]);
    let (url, pending) = providers.begin("two", "s", NOW).await.expect("an address");
    let person = providers.finish(&pending, &two.agree(&url), NOW).await.expect("vouched for");
    assert_eq!(person.identity.issuer, two.issuer);
    assert_eq!(one.set().documents_asked, 0);
    assert!(matches!(providers.begin("three", "s", NOW).await, Err(ProviderError::Unknown)));
}

#[tokio::test]
async fn a_sign_in_is_not_waited_for_for_ever() {
    let (hostile, providers) = pair().await;
    let (url, pending) = providers.begin("idp", "s", NOW).await.expect("an address");
    let code = hostile.agree(&url);
    assert_eq!(refusal(providers.finish(&pending, &code, pending.expires_at).await), "time");
    assert_eq!(hostile.set().tokens_asked, 0);
}
