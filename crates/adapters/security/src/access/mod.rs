//! Access tokens: JWTs (RFC 7519, RFC 9068) signed with Ed25519.
//!
//! - The header must have exactly `alg`, `typ` and `kid`, each with an expected value. A token that embeds a
//!   key, names a key URL or requires an extension is refused before its signature is verified.
//! - Times are compared with the time that the caller passes.

mod claims;
mod roles;

use crate::secrets::{SigningKey, SigningKeys};
use application::ports::identity::{AccessClaims, AccessTokens, TokenFault};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::Claims;
use domain::limits::GRANTS_MAX;
use domain::{Digest, Timestamp};
use jsonwebtoken::{Algorithm, Header, Validation};
use moka::sync::Cache;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use serde_json::json;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Maximum length of an access token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Maximum clock difference between two nodes, in milliseconds. It applies to `nbf` and `iat`, not to `exp`.
const LEEWAY_MS: i64 = 30_000;
/// The type of the token (RFC 9068 section 2.1).
const TYPE: &str = "at+jwt";
/// The algorithm (RFC 8037 section 3.1).
const ALGORITHM: &str = "EdDSA";
/// Capacity of the cache of verified tokens, in bytes (estimated).
const REMEMBERED_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Estimated cache memory per byte of a token; permissions are expanded.
const REMEMBERED_FACTOR: usize = 6;
/// A verified token that is unused for this long is removed from the cache.
const REMEMBERED_IDLE: Duration = Duration::from_mins(15);

/// The issuer and the audience of the tokens of this installation.
#[derive(Clone, Debug)]
pub struct JwtRules {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
}

/// Signs and verifies access tokens.
#[derive(Clone)]
pub struct Jwt {
    keys: SigningKeys,
    rules: Arc<JwtRules>,
    validation: Arc<Validation>,
    /// Verified tokens, by the digest of the token.
    checked: Cache<Digest, (Arc<AccessClaims>, u32)>,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("keys", &self.keys).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// The header of a token; other members are refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: String,
    kid: String,
}

impl Jwt {
    /// Signs with the newest of `keys`; verifies with any of them.
    pub fn new(keys: SigningKeys, rules: JwtRules) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&rules.issuer]);
        validation.set_audience(&[&rules.audience]);
        // The library would use the system clock; our times are arguments.
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        let checked = Cache::builder()
            .max_capacity(REMEMBERED_BYTES_MAX)
            .weigher(|_, (_, weight)| *weight)
            .time_to_idle(REMEMBERED_IDLE)
            .build();
        Self { keys, rules: Arc::new(rules), validation: Arc::new(validation), checked }
    }

    /// Verifies the token except its times.
    fn read(&self, token: &str) -> Result<AccessClaims, TokenFault> {
        let header = token.split('.').next().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenFault::Invalid("header"))?;
        // serde would also accept a list.
        if !header.starts_with(b"{") {
            return Err(TokenFault::Invalid("header"));
        }
        let header: StrictHeader =
            serde_json::from_slice(&header).map_err(|_| TokenFault::Invalid("header"))?;
        if header.typ != TYPE {
            return Err(TokenFault::Invalid("type"));
        }
        if header.alg != ALGORITHM {
            return Err(TokenFault::Invalid("algorithm"));
        }
        let key = self.keys.by_kid(&header.kid).ok_or(TokenFault::Invalid("key"))?;
        let read = jsonwebtoken::decode::<Claims>(token, &key.decoding, &self.validation);
        let claims = read.map_err(|error| TokenFault::Invalid(reason(error.kind())))?.claims;
        claims.read()
    }
}

/// The library's reason for a refusal, without content of the token.
fn reason(kind: &jsonwebtoken::errors::ErrorKind) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::InvalidSignature => "signature",
        ErrorKind::InvalidIssuer => "issuer",
        ErrorKind::InvalidAudience => "audience",
        ErrorKind::InvalidAlgorithm => "algorithm",
        ErrorKind::MissingRequiredClaim(_) => "missing claim",
        ErrorKind::Json(_) => "claims",
        _ => "form",
    }
}

impl AccessTokens for Jwt {
    fn sign(&self, claims: &AccessClaims) -> Option<SecretString> {
        if claims.person.grants.len() > GRANTS_MAX {
            return None;
        }
        let key: &SigningKey = self.keys.signer();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let claims = Claims::write(claims, &self.rules);
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding)
            .expect("claims are JSON and the key was checked when it was loaded");
        let token = Zeroizing::new(token);
        (token.len() <= TOKEN_BYTES_MAX).then(|| SecretString::from(token.as_str()))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, TokenFault> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenFault::Invalid("length"));
        }
        let digest = Digest::of(&[token.as_bytes()]);
        let claims = if let Some((claims, _)) = self.checked.get(&digest) {
            claims
        } else {
            let claims = Arc::new(self.read(token)?);
            let weight = u32::try_from(token.len() * REMEMBERED_FACTOR).unwrap_or(u32::MAX);
            // Expired tokens are not cached.
            if claims.expires_at > now {
                self.checked.insert(digest, (Arc::clone(&claims), weight));
            }
            claims
        };
        if claims.issued_at.0.saturating_sub(LEEWAY_MS) > now.0 {
            return Err(TokenFault::Invalid("not valid yet"));
        }
        if claims.expires_at <= now {
            return Err(TokenFault::Expired);
        }
        Ok(claims)
    }

    fn is_token(&self, text: &str) -> bool {
        text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    fn jwks(&self) -> String {
        let key = |key: &SigningKey| {
            json!({
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": ALGORITHM,
                "kid": key.kid, "x": key.public,
            })
        };
        json!({ "keys": self.keys.all.iter().map(key).collect::<Vec<_>>() }).to_string()
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
