//! Attacks by a provider, the network or a user: each is refused for the expected reason.

use crate::hostile::{CLIENT, Hostile, NOW, Signature};
use crate::{pair, providers, refusal, settings, sign_in};
use application::ports::identity::IdentityProviders as _;
use serde_json::{Value, json};

async fn check_claim(name: &'static str, value: Value, reason: &str) {
    let (hostile, providers) = pair().await;
    let shown = format!("{name} is {value}");
    hostile.set().claims = Box::new(move |claims| claims[name] = value.clone());
    assert_eq!(refusal(sign_in(&hostile, &providers).await), reason, "{shown}");
}

#[tokio::test]
async fn claims_that_are_not_for_us() {
    let seconds = NOW.0 / 1000;
    check_claim("nonce", json!("another"), "nonce").await;
    check_claim("nonce", Value::Null, "nonce").await;
    check_claim("iss", json!("https://evil.test"), "issuer").await;
    check_claim("aud", json!("another-client"), "audience").await;
    check_claim("aud", json!([]), "audience").await;
    check_claim("aud", json!([CLIENT, "another-client"]), "audience").await;
    check_claim("azp", json!("another-client"), "audience").await;
    check_claim("exp", json!(seconds), "time").await;
    check_claim("exp", json!(seconds - 3600), "time").await;
    check_claim("iat", json!(seconds + 61), "time").await;
    check_claim("sub", json!(""), "subject").await;
    check_claim("sub", json!("s".repeat(256)), "subject").await;
    check_claim("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ"), "form").await;
}

#[tokio::test]
async fn claims_that_are_fine() {
    for (name, value) in [
        ("azp", json!(CLIENT)),
        ("aud", json!([CLIENT])),
        ("iat", json!(NOW.0 / 1000 + 59)),
        ("exp", json!(NOW.0 / 1000 + 1)),
    ] {
        let (hostile, providers) = pair().await;
        hostile.set().claims = Box::new(move |claims| claims[name] = value.clone());
        sign_in(&hostile, &providers).await.expect("vouched for");
    }
}

#[tokio::test]
async fn signatures_that_anybody_could_make() {
    for (signature, reason) in [
        (Signature::None, "algorithm"),
        (Signature::HmacSecret, "algorithm"),
        (Signature::HmacPublic, "algorithm"),
        (Signature::Foreign, "signature"),
    ] {
        let (hostile, providers) = pair().await;
        hostile.set().signature = signature;
        assert_eq!(refusal(sign_in(&hostile, &providers).await), reason, "{signature:?}");
    }
}

#[tokio::test]
async fn headers_that_ask_for_more() {
    let (hostile, providers) = pair().await;
    hostile.set().header = Box::new(|header| header["crit"] = json!(["x"]));
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "form");
    hostile.set().header = Box::new(|header| header["kid"] = json!("../../../dev/null"));
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "unknown key");
    // A key embedded in the token is not used.
    hostile.set().signature = Signature::Foreign;
    hostile.set().header = Box::new(|header| header["jku"] = json!("http://127.0.0.1:1/keys"));
    assert_eq!(refusal(sign_in(&hostile, &providers).await), "signature");
}

#[tokio::test]
async fn a_code_is_good_once() {
    let (hostile, providers) = pair().await;
    let (url, pending) = providers.begin("idp", "s", NOW).await.expect("an address");
    let code = hostile.agree(&url);
    providers.finish(&pending, &code, NOW).await.expect("vouched for");
    assert_eq!(refusal(providers.finish(&pending, &code, NOW).await), "the code");
}

/// The code of one sign-in used in another is refused, because the code verifier differs.
#[tokio::test]
async fn a_stolen_code_is_of_no_use() {
    let (hostile, providers) = pair().await;
    let (victims, _) = providers.begin("idp", "victim", NOW).await.expect("an address");
    let (_, thiefs) = providers.begin("idp", "thief", NOW).await.expect("an address");
    let code = hostile.agree(&victims);
    assert_eq!(refusal(providers.finish(&thiefs, &code, NOW).await), "the code");
    for code in ["", "made-up", &"x".repeat(5000)] {
        assert_eq!(refusal(providers.finish(&thiefs, code, NOW).await), "the code");
    }
}

/// Mix-up attack: the response of one provider is used for a sign-in at another.
#[tokio::test]
async fn one_provider_cannot_speak_for_another() {
    let (honest, evil) = (Hostile::start().await, Hostile::start().await);
    let providers = providers(vec![settings("honest", &honest.issuer), settings("evil", &evil.issuer)]);
    // The hostile provider claims the issuer of the honest one.
    let issuer = honest.issuer.clone();
    evil.set().claims = Box::new(move |claims| claims["iss"] = json!(issuer));
    let (url, pending) = providers.begin("evil", "s", NOW).await.expect("an address");
    assert_eq!(refusal(providers.finish(&pending, &evil.agree(&url), NOW).await), "issuer");
    // A code of the hostile provider is not exchanged by the honest one.
    let (_, expected) = providers.begin("honest", "s", NOW).await.expect("an address");
    let (url, _) = providers.begin("evil", "s", NOW).await.expect("an address");
    assert_eq!(refusal(providers.finish(&expected, &evil.agree(&url), NOW).await), "the code");
    assert_eq!(evil.set().tokens_asked, 1, "the honest one's sign-in asked the honest one only");
}

/// Metadata that names another issuer, or endpoints that are not permitted.
#[tokio::test]
async fn documents_that_lead_elsewhere() {
    let other = Hostile::start().await;
    for (name, value) in [
        ("issuer", other.issuer.clone()),
        ("token_endpoint", format!("{}/token", other.issuer)),
        ("jwks_uri", format!("{}/keys", other.issuer)),
        ("userinfo_endpoint", format!("{}/me", other.issuer)),
        ("jwks_uri", "http://169.254.169.254/latest/meta-data".to_owned()),
        ("jwks_uri", "https://169.254.169.254/latest/meta-data".to_owned()),
        ("jwks_uri", "file:///etc/passwd".to_owned()),
        ("authorization_endpoint", "http://evil.test/authorize".to_owned()),
        ("authorization_endpoint", "javascript:alert(1)".to_owned()),
    ] {
        let (hostile, providers) = pair().await;
        let shown = format!("{name} is {value}");
        hostile.set().document = Box::new(move |document| document[name] = json!(value));
        assert!(crate::is_invalid(&sign_in(&hostile, &providers).await), "{shown}");
        assert_eq!(hostile.set().keys_asked, 0, "{shown}");
    }
    assert_eq!(other.asked(), (0, 0));
    assert_eq!(other.set().tokens_asked, 0);
}
