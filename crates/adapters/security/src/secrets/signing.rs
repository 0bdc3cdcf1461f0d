//! The signing keys of access tokens: Ed25519 (RFC 8032), identified by thumbprint (RFC 7638).

use super::{KEYS_MAX, SecretFault, SecretRule, SecretSource};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::sync::Arc;

/// One signing key.
pub struct SigningKey {
    /// The operator's id of the key.
    id: String,
    /// The key id in tokens: the thumbprint of the public key.
    pub(crate) kid: String,
    /// The public key, in base64url.
    pub(crate) public: String,
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
}

impl SigningKey {
    /// Parses a private key.
    fn parse(id: &str, pem: &str) -> Result<Self, SecretRule> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| SecretRule::NotEd25519)?;
        let der = der.secret_pkcs8_der();
        // `openssl` writes PKCS#8 version 1, without the public key; others write version 2.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| SecretRule::NotEd25519)?;
        let whole = pair.to_pkcs8().map_err(|_| SecretRule::NotEd25519)?;
        let public = pair.public_key().as_ref();
        let encoded = URL_SAFE_NO_PAD.encode(public);
        Ok(Self {
            id: id.to_owned(),
            kid: thumbprint(&encoded),
            public: encoded,
            encoding: EncodingKey::from_ed_der(whole.as_ref()),
            decoding: DecodingKey::from_ed_der(public),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id).field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// SHA-256 of the required members of the public key in their order (RFC 7638, RFC 8037 appendix A.3).
fn thumbprint(public: &str) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

/// All signing keys: the last one signs, all of them verify.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    pub(crate) all: Arc<Vec<SigningKey>>,
}

impl SigningKeys {
    pub(crate) fn signer(&self) -> &SigningKey {
        self.all.last().expect("loading refuses an empty list")
    }

    pub(crate) fn by_kid(&self, kid: &str) -> Option<&SigningKey> {
        self.all.iter().find(|key| key.kid == kid)
    }
}

/// Reads and validates keys in order.
pub(super) fn load(sources: &[SecretSource]) -> Result<SigningKeys, SecretFault> {
    const SETTING: &str = "identity.signing_keys";
    if sources.is_empty() {
        return Err(SecretFault::refused(SETTING, SecretRule::Missing));
    }
    if sources.len() > KEYS_MAX {
        return Err(SecretFault::refused(SETTING, SecretRule::TooMany));
    }
    let mut all: Vec<SigningKey> = Vec::with_capacity(sources.len());
    for source in sources {
        let refused = |rule| SecretFault::refused(&source.setting, rule);
        let key = SigningKey::parse(&source.id, source.read()?.expose_secret()).map_err(refused)?;
        if all.iter().any(|other| other.kid == key.kid || other.id == key.id) {
            return Err(refused(SecretRule::Twice));
        }
        all.push(key);
    }
    Ok(SigningKeys { all: Arc::new(all) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037 appendix A.1 as PKCS#8 version 1, and its thumbprint from appendix A.3.
    #[test]
    fn the_thumbprint_is_the_published_one() {
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
                   -----END PRIVATE KEY-----\n";
        let key = SigningKey::parse("rfc", pem).expect("a key");
        assert_eq!(key.public, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
