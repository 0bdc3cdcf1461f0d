//! A local provider with configurable responses.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::{Digest, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use url::Url;

pub const NOW: Timestamp = Timestamp(1_800_000_000_000);
pub const CLIENT: &str = "guardian";
pub const SECRET: &str = "a client secret that is not short";

/// The signature of tokens.
#[derive(Clone, Copy, Debug)]
pub enum Signature {
    /// With the newest key and its `kid`.
    Good,
    /// With an unpublished key, under the newest `kid`.
    Foreign,
    /// No signature, as the header states.
    None,
    /// HMAC with the client secret.
    HmacSecret,
    /// HMAC with the public key.
    HmacPublic,
}

type Spoil = Box<dyn Fn(&mut Value) + Send>;

/// The behaviour of the provider. Tests change it at run time.
pub struct Behaviour {
    keys: Vec<(String, EcdsaKeyPair)>,
    pub published: usize,
    pub signature: Signature,
    /// Modifies the claims of subsequent tokens.
    pub claims: Spoil,
    /// Modifies the header of subsequent tokens.
    pub header: Spoil,
    /// Modifies the provider's metadata.
    pub document: Spoil,
    /// The userinfo response.
    pub userinfo: Value,
    /// Replaces every response by one of this many bytes.
    pub huge: Option<usize>,
    /// Replaces every response by this status.
    pub failure: Option<StatusCode>,
    /// Replaces every response by a redirect to the provider.
    pub redirects: bool,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    pub documents_asked: usize,
    pub keys_asked: usize,
    pub tokens_asked: usize,
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Behaviour")
    }
}

#[derive(Clone, Debug)]
pub struct Hostile {
    pub issuer: String,
    behaviour: Arc<Mutex<Behaviour>>,
}

impl Hostile {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let behaviour = Behaviour {
            keys: vec![("first".to_owned(), key())],
            published: 1,
            signature: Signature::Good,
            claims: Box::new(|_| ()),
            header: Box::new(|_| ()),
            document: Box::new(|_| ()),
            userinfo: json!({"sub": "248289761001"}),
            huge: None,
            failure: None,
            redirects: false,
            codes: BTreeMap::new(),
            documents_asked: 0,
            keys_asked: 0,
            tokens_asked: 0,
        };
        let hostile = Self { issuer, behaviour: Arc::new(Mutex::new(behaviour)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(document))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/me", get(userinfo))
            .route("/elsewhere", get(elsewhere))
            .with_state(hostile.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        hostile
    }

    pub fn set(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().expect("no test panicked with it")
    }

    /// The number of requests for the metadata and for the keys.
    pub fn asked(&self) -> (usize, usize) {
        let set = self.set();
        (set.documents_asked, set.keys_asked)
    }

    /// Simulates the browser: the user consents; returns the code.
    pub fn agree(&self, url: &str) -> String {
        let url = Url::parse(url).expect("an address");
        assert!(url.as_str().starts_with(&format!("{}/authorize?", self.issuer)), "{url}");
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        let code = format!("code-{}", Digest::of(&[url.as_str().as_bytes()]));
        self.set().codes.insert(code.clone(), query);
        code
    }

    /// Signs with a new key from now on.
    pub fn rotate(&self) {
        let mut set = self.set();
        let kid = format!("key-{}", set.keys.len());
        set.keys.push((kid, key()));
        set.published = set.keys.len();
    }
}

fn key() -> EcdsaKeyPair {
    EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// The response that replaces all others, if configured.
fn instead(set: &Behaviour) -> Option<Response> {
    if let Some(bytes) = set.huge {
        return Some(
            (StatusCode::OK, [("content-type", "application/json")], " ".repeat(bytes)).into_response(),
        );
    }
    if set.redirects {
        return Some((StatusCode::FOUND, [("location", "/elsewhere")]).into_response());
    }
    set.failure.map(IntoResponse::into_response)
}

async fn document(State(hostile): State<Hostile>) -> Response {
    let mut set = hostile.set();
    set.documents_asked += 1;
    if let Some(answer) = instead(&set) {
        return answer;
    }
    let issuer = &hostile.issuer;
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/me"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
    });
    (set.document)(&mut document);
    Json(document).into_response()
}

/// The target of redirects; counts as a request for metadata.
async fn elsewhere(State(hostile): State<Hostile>) {
    hostile.set().documents_asked += 1;
}

async fn keys(State(hostile): State<Hostile>) -> Response {
    let mut set = hostile.set();
    set.keys_asked += 1;
    if let Some(answer) = instead(&set) {
        return answer;
    }
    let jwk = |(kid, pair): &(String, EcdsaKeyPair)| {
        let point = pair.public_key().as_ref();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    };
    let newest: Vec<Value> = set.keys.iter().take(set.published).map(jwk).collect();
    Json(json!({ "keys": newest })).into_response()
}

async fn token(
    State(hostile): State<Hostile>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let mut set = hostile.set();
    set.tokens_asked += 1;
    if let Some(answer) = instead(&set) {
        return answer;
    }
    let error = |status, error: &str| (status, Json(json!({ "error": error }))).into_response();
    let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{secret}")));
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&basic) {
        return error(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    // A code is valid once.
    let Some(asked) = form.get("code").and_then(|code| set.codes.remove(code)) else {
        return error(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let verifier = form.get("code_verifier").map(String::as_bytes).unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Digest::of(&[verifier]).0);
    if asked["code_challenge"] != challenge
        || asked["code_challenge_method"] != "S256"
        || Some(&asked["redirect_uri"]) != form.get("redirect_uri")
    {
        return error(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    let seconds = NOW.0 / 1000;
    let mut claims = json!({
        "iss": hostile.issuer, "sub": "248289761001", "aud": CLIENT, "nonce": asked["nonce"],
        "iat": seconds, "exp": seconds + 300,
        "email": "Ann@Example.org", "email_verified": true, "name": "Ann Lee", "groups": ["dev", "ops"],
    });
    (set.claims)(&mut claims);
    let token = signed(&set, &claims);
    Json(json!({ "access_token": "at-1", "token_type": "Bearer", "expires_in": 300, "id_token": token }))
        .into_response()
}

fn signed(set: &Behaviour, claims: &Value) -> String {
    let (kid, pair) = set.keys.last().expect("a key");
    let algorithm = match set.signature {
        Signature::Good | Signature::Foreign => "ES256",
        Signature::None => "none",
        Signature::HmacSecret | Signature::HmacPublic => "HS256",
    };
    let mut header = json!({ "alg": algorithm, "typ": "JWT", "kid": kid });
    (set.header)(&mut header);
    let message = format!("{}.{}", encode(&header), encode(claims));
    let ecdsa = |pair: &EcdsaKeyPair| {
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
        URL_SAFE_NO_PAD.encode(signature)
    };
    let hmac = |secret: &[u8]| {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()))
    };
    let signature = match set.signature {
        Signature::Good => ecdsa(pair),
        Signature::Foreign => ecdsa(&key()),
        Signature::None => String::new(),
        Signature::HmacSecret => hmac(SECRET.as_bytes()),
        Signature::HmacPublic => hmac(pair.public_key().as_ref()),
    };
    format!("{message}.{signature}")
}

async fn userinfo(State(hostile): State<Hostile>, headers: HeaderMap) -> Response {
    let set = hostile.set();
    if let Some(answer) = instead(&set) {
        return answer;
    }
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some("Bearer at-1") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    Json(set.userinfo.clone()).into_response()
}
