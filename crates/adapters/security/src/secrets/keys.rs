//! Symmetric keys: peppers, and cluster keys with the keys derived from them.

use super::{KEYS_MAX, SecretFault, SecretRule, SecretSource, strength};
use aws_lc_rs::hmac;
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Maximum length of a key id, in bytes.
const ID_BYTES_MAX: usize = 32;
/// The purposes of derived keys; different labels give independent keys.
const SEALING: &[u8] = b"guardian second factor v1";
const REFRESHING: &[u8] = b"guardian refresh token v1";

/// A validated symmetric key with its id.
pub(crate) struct RawKey {
    id: String,
    bytes: secrecy::zeroize::Zeroizing<Vec<u8>>,
}

/// Reads and validates keys in order.
pub(super) fn load(setting: &str, sources: &[SecretSource]) -> Result<Vec<RawKey>, SecretFault> {
    if sources.is_empty() {
        return Err(SecretFault::refused(setting, SecretRule::Missing));
    }
    if sources.len() > KEYS_MAX {
        return Err(SecretFault::refused(setting, SecretRule::TooMany));
    }
    let mut ids = BTreeSet::new();
    let mut keys: Vec<RawKey> = Vec::with_capacity(sources.len());
    for source in sources {
        let refused = |rule| SecretFault::refused(&source.setting, rule);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if source.id.is_empty() || source.id.len() > ID_BYTES_MAX || !source.id.bytes().all(plain) {
            return Err(refused(SecretRule::BadId));
        }
        let bytes = strength::decode(source.read()?.expose_secret()).map_err(refused)?;
        if !ids.insert(source.id.clone()) || keys.iter().any(|key| key.bytes == bytes) {
            return Err(refused(SecretRule::Twice));
        }
        keys.push(RawKey { id: source.id.clone(), bytes });
    }
    Ok(keys)
}

/// HMAC-SHA-256 (RFC 2104).
pub(crate) fn hmac_sha256(key: &hmac::Key, text: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(hmac::sign(key, text).as_ref());
    digest
}

/// A secret input of password hashes.
pub(crate) struct Pepper {
    /// The id that hashes refer to.
    pub(crate) id: String,
    /// The key of HMAC-SHA-384.
    pub(crate) key: hmac::Key,
}

/// All peppers. The newest is used for new hashes, the older ones only verify.
#[derive(Clone)]
pub struct Peppers(Arc<Vec<Pepper>>);

impl Peppers {
    pub(super) fn new(keys: Vec<RawKey>) -> Self {
        let pepper = |raw: RawKey| Pepper { key: hmac::Key::new(hmac::HMAC_SHA384, &raw.bytes), id: raw.id };
        Self(Arc::new(keys.into_iter().map(pepper).collect()))
    }

    pub(crate) fn newest(&self) -> &Pepper {
        self.0.last().expect("loading refuses an empty list")
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Pepper> {
        self.0.iter().find(|pepper| pepper.id == id)
    }
}

impl fmt::Debug for Peppers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|pepper| &pepper.id)).finish()
    }
}

/// The keys derived from one cluster key.
pub(crate) struct ClusterKey {
    id: String,
    /// The key's mark at the start of sealed data.
    pub(crate) mark: [u8; 4],
    /// The AES key that seals second factors: 32 bytes.
    pub(crate) sealing: secrecy::zeroize::Zeroizing<[u8; 32]>,
    /// The HMAC key that derives the successor of a refresh token.
    pub(crate) refreshing: hmac::Key,
}

/// All cluster keys. The newest seals, all of them open.
#[derive(Clone)]
pub struct ClusterKeys(Arc<Vec<ClusterKey>>);

impl ClusterKeys {
    pub(super) fn new(keys: Vec<RawKey>) -> Self {
        let derived = |raw: RawKey| {
            let root = hmac::Key::new(hmac::HMAC_SHA256, &raw.bytes);
            let sealing = hmac_sha256(&root, SEALING);
            let mut mark = [0; 4];
            mark.copy_from_slice(&hmac_sha256(&root, b"guardian mark v1")[..4]);
            ClusterKey {
                id: raw.id,
                mark,
                sealing: sealing.into(),
                refreshing: hmac::Key::new(hmac::HMAC_SHA256, &hmac_sha256(&root, REFRESHING)),
            }
        };
        Self(Arc::new(keys.into_iter().map(derived).collect()))
    }

    pub(crate) fn newest(&self) -> &ClusterKey {
        self.0.last().expect("loading refuses an empty list")
    }

    pub(crate) fn by_mark(&self, mark: &[u8]) -> Option<&ClusterKey> {
        self.0.iter().find(|key| key.mark == mark)
    }
}

impl fmt::Debug for ClusterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}
