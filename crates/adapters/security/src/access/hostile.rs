//! Hostile tokens: each is refused for the expected reason.

use super::tests::{NOW, claims, rules};
use super::*;
use crate::secrets::test_support::secrets;
use jsonwebtoken::EncodingKey;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};

/// The parts of a valid token, to be modified.
struct Forge {
    jwt: Jwt,
    header: Value,
    claims: Map<String, Value>,
}

impl Forge {
    fn new() -> Self {
        let jwt = Jwt::new(secrets().signing, rules());
        let claims = serde_json::to_value(Claims::write(&claims(2), &jwt.rules)).expect("JSON");
        let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": jwt.keys.signer().kid});
        let Value::Object(claims) = claims else { panic!("claims are an object") };
        Self { jwt, header, claims }
    }

    /// The token with a valid signature, whatever its header and claims.
    fn signed(&self) -> String {
        sign(&self.header.to_string(), &Value::Object(self.claims.clone()).to_string(), |message| {
            jsonwebtoken::crypto::sign(message, &self.jwt.keys.signer().encoding, Algorithm::EdDSA)
                .expect("signed")
        })
    }

    fn refused(&self, what: &str, token: &str, reason: &'static str) {
        assert_eq!(self.jwt.verify(token, NOW), Err(TokenFault::Invalid(reason)), "{what}");
    }
}

fn sign(header: &str, claims: &str, by: impl Fn(&[u8]) -> String) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = by(message.as_bytes());
    format!("{message}.{signature}")
}

#[test]
fn the_forge_makes_good_tokens_unless_told_otherwise() {
    let forge = Forge::new();
    assert_eq!(*forge.jwt.verify(&forge.signed(), NOW).expect("good"), claims(2));
}

#[test]
fn other_keys_and_algorithms() {
    let forge = Forge::new();
    let body = Value::Object(forge.claims.clone()).to_string();
    let other = secrets().signing;
    let by_other = |message: &[u8]| {
        jsonwebtoken::crypto::sign(message, &other.signer().encoding, Algorithm::EdDSA).expect("signed")
    };
    forge.refused(
        "another key under our kid",
        &sign(&forge.header.to_string(), &body, by_other),
        "signature",
    );
    let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": other.signer().kid}).to_string();
    forge.refused("another key under its own kid", &sign(&header, &body, by_other), "key");

    let kid = &forge.jwt.keys.signer().kid;
    let public = URL_SAFE_NO_PAD.decode(&forge.jwt.keys.signer().public).expect("base64url");
    for secret in [public.as_slice(), forge.jwt.keys.signer().public.as_bytes(), forge.jwt.jwks().as_bytes()]
    {
        let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": kid}).to_string();
        let token = sign(&header, &body, |message| {
            let key = EncodingKey::from_secret(secret);
            jsonwebtoken::crypto::sign(message, &key, Algorithm::HS256).expect("signed")
        });
        forge.refused("HS256 with the public key", &token, "algorithm");
        // The header may name a wrong algorithm.
        let (_, rest) = token.split_once('.').expect("parts");
        let lying = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(forge.header.to_string()));
        forge.refused("HS256 that says EdDSA", &lying, "signature");
    }
    for algorithm in ["none", "None", "NONE", "nOnE", "", "eddsa", "Ed25519", "ES256", "RS256"] {
        let header = json!({"typ": "at+jwt", "alg": algorithm, "kid": kid}).to_string();
        forge.refused(algorithm, &sign(&header, &body, |_| String::new()), "algorithm");
    }
    forge.refused("no signature", &sign(&forge.header.to_string(), &body, |_| String::new()), "signature");
}

#[test]
fn headers() {
    let mut forge = Forge::new();
    let good = forge.header.clone();
    let evil = "https://evil.test/keys";
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": forge.jwt.keys.signer().public});
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jku", json!(evil)),
        ("x5u", json!(evil)),
        ("x5c", json!(["MII="])),
        ("jwk", jwk),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        forge.header = good.clone();
        forge.header[name] = value;
        forge.refused(name, &forge.signed(), "header");
    }
    for (name, value, reason) in [
        ("typ", json!("JWT"), "type"),
        ("typ", json!("AT+JWT"), "type"),
        ("typ", json!("id+jwt"), "type"),
        ("typ", Value::Null, "header"),
        ("kid", json!("../../../etc/passwd"), "key"),
        ("kid", json!("signing-1"), "key"),
        ("kid", json!("' or 1=1 --"), "key"),
        ("kid", json!(""), "key"),
        ("kid", json!(7), "header"),
        ("alg", json!(["EdDSA"]), "header"),
    ] {
        forge.header = good.clone();
        forge.header[name] = value;
        forge.refused(name, &forge.signed(), reason);
    }
    for name in ["typ", "kid", "alg"] {
        forge.header = good.clone();
        forge.header.as_object_mut().expect("an object").remove(name);
        forge.refused(name, &forge.signed(), "header");
    }
    let body = Value::Object(forge.claims.clone()).to_string();
    let kid = &forge.jwt.keys.signer().kid;
    let twice = format!(r#"{{"typ":"at+jwt","alg":"none","alg":"EdDSA","kid":"{kid}"}}"#);
    let list = json!(["EdDSA", "at+jwt", kid]).to_string();
    forge.refused("a list", &sign(&list, &body, |_| String::new()), "header");
    forge.refused("alg twice", &sign(&twice, &body, |_| String::new()), "header");
}

#[test]
fn claims_that_are_missing_or_of_another_type() {
    let mut forge = Forge::new();
    let good = forge.claims.clone();
    let names: Vec<String> = good.keys().cloned().collect();
    assert_eq!(names.len(), 13);
    for name in &names {
        forge.claims = good.clone();
        forge.claims.remove(name);
        forge.refused_somehow(&format!("no {name}"));
        forge.claims.insert(name.clone(), Value::Null);
        forge.refused_somehow(&format!("{name} is null"));
        forge.claims.insert(name.clone(), json!({"a": 1}));
        forge.refused_somehow(&format!("{name} is an object"));
    }
    for (name, value) in [
        ("exp", json!("99999999999")),
        ("nbf", json!("99999999999")),
        ("iat", json!("0")),
        ("exp", json!(1_800_000_900.5)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(-1)),
        ("exp", json!(1_800_000_000)),
        ("nbf", json!(1_700_000_000)),
        ("iat", json!(1_700_000_000)),
        ("epoch", json!(-1)),
        ("epoch", json!("7")),
        ("roles_revision", json!("7")),
        ("roles_revision", json!(-1)),
        ("iss", json!("https://guardian.test/")),
        ("iss", json!(["https://guardian.test"])),
        ("aud", json!("other")),
        ("aud", json!(["guardian"])),
        ("aud", json!(["guardian", "other"])),
        ("aud", json!([])),
        ("sub", json!("0199-ann")),
        ("sub", json!("api-key:0199-ann")),
        ("sub", json!("user:")),
        ("sub", json!("user:Not An Id")),
        ("sid", json!("../x")),
        ("jti", json!("")),
        ("jti", json!("x".repeat(129))),
        ("trace_id", json!("x".repeat(129))),
        ("roles", json!("platform-admin")),
        ("roles", json!(["superuser"])),
        ("roles", json!([[["platform-admin"]]])),
    ] {
        forge.claims = good.clone();
        forge.claims.insert(name.to_owned(), value.clone());
        forge.refused_somehow(&format!("{name} is {value}"));
    }
}

impl Forge {
    fn refused_somehow(&self, what: &str) {
        let verdict = self.jwt.verify(&self.signed(), NOW);
        assert!(matches!(verdict, Err(TokenFault::Invalid(_))), "{what}: {verdict:?}");
    }
}

#[test]
fn times() {
    let mut forge = Forge::new();
    forge.claims.insert("exp".to_owned(), json!(1_799_999_999));
    forge.claims.insert("nbf".to_owned(), json!(1_799_999_000));
    forge.claims.insert("iat".to_owned(), json!(1_799_999_000));
    assert_eq!(forge.jwt.verify(&forge.signed(), NOW), Err(TokenFault::Expired));
    forge.claims.insert("exp".to_owned(), json!(1_800_000_900));
    forge.claims.insert("nbf".to_owned(), json!(1_800_000_031));
    forge.claims.insert("iat".to_owned(), json!(1_800_000_031));
    forge.refused("not yet valid", &forge.signed(), "not valid yet");
}

#[test]
fn texts_that_were_cut_joined_or_swapped() {
    let forge = Forge::new();
    let token = forge.signed();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    for length in 0..token.len() {
        assert!(forge.jwt.verify(&token[..length], NOW).is_err(), "cut at {length}");
    }
    for text in [
        format!("{body}.{header}.{signature}"),
        format!("{header}.{signature}.{body}"),
        format!("{signature}.{body}.{header}"),
        format!("{header}.{body}"),
        format!("{header}.{body}.{signature}."),
        format!("{header}.{body}.{signature}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{body}.{signature}"),
        format!("{token}="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("Bearer {token}"),
        token.replace('.', ".."),
        "..".to_owned(),
        "é.é.é".to_owned(),
    ] {
        assert!(matches!(forge.jwt.verify(&text, NOW), Err(TokenFault::Invalid(_))), "{text}");
    }
    // Another encoding of the same signature bytes is refused: a token has one valid form.
    for (index, _) in token.char_indices() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ASCII");
        assert!(forge.jwt.verify(&changed, NOW).is_err(), "changed at {index}");
    }
    forge.jwt.verify(&token, NOW).expect("still good");
    forge.refused("nine KiB", &format!("{token}{}", "A".repeat(9 * 1024)), "length");
}

/// The claims of one valid token with the signature of another.
#[test]
fn parts_of_two_good_tokens() {
    let forge = Forge::new();
    let one = forge.signed();
    let two = forge.jwt.sign(&claims(1)).expect("short enough");
    let (_, signature) = one.rsplit_once('.').expect("parts");
    let (message, _) = two.expose_secret().rsplit_once('.').expect("parts");
    forge.refused("mixed", &format!("{message}.{signature}"), "signature");
}
