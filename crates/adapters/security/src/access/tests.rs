//! Tests of signing and verifying access tokens.

use super::*;
use crate::secrets::test_support::secrets;
use crate::secrets::{SecretSources, Secrets, create_secrets};
use domain::{BuiltInRole, Epoch, Grant, Person, ProjectName, Revision, RoleName, SessionId, UserId};
use secrecy::ExposeSecret as _;
use std::hint::black_box;
use std::time::Duration;
use tokio::time::Instant;

pub(super) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(super) fn rules() -> JwtRules {
    JwtRules { issuer: "https://guardian.test".to_owned(), audience: "guardian".to_owned() }
}

pub(super) fn grants(count: usize) -> Vec<Grant> {
    let grant = |number: usize| Grant {
        role: RoleName::parse("editor").expect("a role"),
        permissions: BuiltInRole::Editor.permissions(),
        project: ProjectName::parse(&format!("project-{number}")).ok(),
        environments: None,
        key_prefixes: None,
    };
    (0..count).map(grant).collect()
}

pub(super) fn claims(count: usize) -> AccessClaims {
    AccessClaims {
        user: UserId::parse("0199-ann").expect("a user"),
        session: SessionId::parse("0199-session").expect("a session"),
        person: Arc::new(Person { epoch: Epoch(7), grants: grants(count), as_of: Some(Revision(42)) }),
        roles_refreshed_at: Timestamp(NOW.0 - 1234),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        issued_at: NOW,
        expires_at: Timestamp(NOW.0 + 900_000),
        id: "0199-token".to_owned(),
    }
}

#[test]
fn what_is_signed_is_read_exactly() {
    let jwt = Jwt::new(secrets().signing, rules());
    for count in [0, 1, 64] {
        let claims = claims(count);
        let token = jwt.sign(&claims).expect("short enough");
        let token = token.expose_secret();
        assert!(jwt.is_token(token));
        for _ in 0..2 {
            assert_eq!(*jwt.verify(token, NOW).expect("good"), claims);
        }
    }
}

#[test]
fn the_header_and_the_claims_are_as_documented() {
    let jwt = Jwt::new(secrets().signing, rules());
    let token = jwt.sign(&claims(1)).expect("short enough");
    let part = |index: usize| -> serde_json::Value {
        let part = token.expose_secret().split('.').nth(index).expect("a part");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let kid = &jwt.keys.signer().kid;
    assert_eq!(part(0), json!({"typ": "at+jwt", "alg": "EdDSA", "kid": kid}));
    assert_eq!(
        part(1),
        json!({
            "iss": "https://guardian.test", "aud": "guardian", "sub": "user:0199-ann", "sid": "0199-session",
            "epoch": 7, "roles": ["editor@project-0"], "roles_refreshed_at": 1_799_999_998_766_i64, "roles_revision": 42,
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "exp": 1_800_000_900, "nbf": 1_800_000_000,
            "iat": 1_800_000_000, "jti": "0199-token",
        })
    );
    let keys: serde_json::Value = serde_json::from_str(&jwt.jwks()).expect("JSON");
    let public = &jwt.keys.signer().public;
    assert_eq!(
        keys,
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": public}]})
    );
}

/// Validity is decided by the passed time, to the millisecond, whether the token is cached or not.
#[test]
fn tokens_begin_and_end() {
    let jwt = Jwt::new(secrets().signing, rules());
    let token = jwt.sign(&claims(1)).expect("short enough");
    let not_yet = Err(TokenFault::Invalid("not valid yet"));
    for _ in 0..2 {
        let at = |ms: i64| jwt.verify(token.expose_secret(), Timestamp(NOW.0 + ms)).map(drop);
        assert_eq!(at(899_999), Ok(()));
        assert_eq!(at(900_000), Err(TokenFault::Expired));
        assert_eq!(at(-30_000), Ok(()));
        assert_eq!(at(-30_001), not_yet);
        assert_eq!(at(i64::MAX - NOW.0), Err(TokenFault::Expired));
        assert_eq!(at(-NOW.0), not_yet);
    }
}

#[test]
fn what_is_longer_than_a_token_may_be_is_not_signed() {
    let jwt = Jwt::new(secrets().signing, rules());
    let mut claims = claims(64);
    let mut person = (*claims.person).clone();
    for grant in &mut person.grants {
        grant.key_prefixes = Some(["a-rather-long-prefix-of-config-keys.".repeat(4)].into());
    }
    claims.person = Arc::new(person);
    assert!(jwt.sign(&claims).is_none());
}

#[test]
fn keys_rotate_without_ending_what_they_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    create_secrets(folder.path()).expect("secrets");
    let load = || {
        let sources = SecretSources::in_folder("test", folder.path()).expect("sources");
        Jwt::new(Secrets::load(&sources).expect("secrets").signing, rules())
    };
    let before = load();
    let old = before.sign(&claims(1)).expect("short enough");
    let other = tempfile::tempdir().expect("a folder");
    create_secrets(other.path()).expect("secrets");
    let (from, to) = (other.path().join("signing-1.pem"), folder.path().join("signing-2.pem"));
    std::fs::copy(from, to).expect("copied");
    let both = load();
    let new = both.sign(&claims(1)).expect("short enough");
    for token in [&old, &new] {
        assert!(both.verify(token.expose_secret(), NOW).is_ok());
    }
    assert_eq!(before.verify(new.expose_secret(), NOW), Err(TokenFault::Invalid("key")));
    assert_eq!(both.jwks().matches("\"kid\"").count(), 2);
    std::fs::remove_file(folder.path().join("signing-1.pem")).expect("removed");
    assert_eq!(load().verify(old.expose_secret(), NOW), Err(TokenFault::Invalid("key")));
}

#[test]
fn api_keys_do_not_look_like_tokens() {
    let jwt = Jwt::new(secrets().signing, rules());
    for text in ["", "gdn_sk_0000000000000000000000000000003jeE3K", "eyJ", "eyJ.x", "eyJ.x.y.z", "a.b.c"] {
        assert!(!jwt.is_token(text), "{text}");
    }
}

/// A cached token costs one digest and one look-up; `--nocapture` prints the durations.
#[test]
fn a_remembered_token_costs_little() {
    const ROUNDS: u32 = 2000;
    let jwt = Jwt::new(secrets().signing, rules());
    let token = jwt.sign(&claims(8)).expect("short enough");
    let time = |once: &dyn Fn()| -> Duration {
        let begun = Instant::now();
        (0..ROUNDS).for_each(|_| once());
        begun.elapsed() / ROUNDS
    };
    let unknown = time(&|| drop(black_box(jwt.read(token.expose_secret()).expect("good"))));
    let known = time(&|| drop(black_box(jwt.verify(token.expose_secret(), NOW).expect("good"))));
    let ratio = unknown.as_secs_f64() / known.as_secs_f64();
    eprintln_figures(unknown, known, ratio);
    assert!(known * 4 < unknown, "{known:?} when remembered, {unknown:?} when not");
}

#[expect(clippy::print_stderr, reason = "figures for those who run the test to see them")]
fn eprintln_figures(unknown: Duration, known: Duration, ratio: f64) {
    eprintln!("access token: {unknown:?} to check, {known:?} when remembered, {ratio:.0} times less");
}
