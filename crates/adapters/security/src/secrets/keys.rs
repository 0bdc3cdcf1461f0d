//! Symmetric keys: peppers, and the keys of the cluster, from each of which one key for each use is derived.

use super::{KEYS_MAX, SecretFault, SecretRule, SecretSource, strength};
use aws_lc_rs::hmac;
use secrecy::ExposeSecret as _;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Longest id of a key.
const ID_BYTES_MAX: usize = 32;
/// For what the keys of the cluster are used; the texts keep the derived keys apart.
const SEALING: &[u8] = b"guardian second factor v1";
const REFRESHING: &[u8] = b"guardian refresh token v1";

/// A checked symmetric key with its id.
pub(crate) struct RawKey {
    id: String,
    bytes: secrecy::zeroize::Zeroizing<Vec<u8>>,
}

/// Reads and checks keys, in their order.
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

/// A secret that goes into the hashes of passwords.
pub(crate) struct Pepper {
    /// What hashes name it by.
    pub(crate) id: String,
    /// Keys HMAC-SHA-384.
    pub(crate) key: hmac::Key,
}

/// All peppers: the newest is used, the older ones still verify.
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

/// The keys derived from one key of the cluster.
pub(crate) struct ClusterKey {
    id: String,
    /// The first bytes of what it seals, to find it by.
    pub(crate) mark: [u8; 4],
    /// Seals second factors: 32 bytes.
    pub(crate) sealing: secrecy::zeroize::Zeroizing<[u8; 32]>,
    /// Keys the HMAC that leads from a refresh token to the next.
    pub(crate) refreshing: hmac::Key,
}

/// All keys of the cluster: the newest is used, the older ones still open.
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
