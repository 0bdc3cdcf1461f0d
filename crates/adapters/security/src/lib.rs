//! Credentials and cryptography: mints, verifies and digests API keys, tokens, passwords and second factors.
//! It does not know users, sessions or the database.

mod access;
mod api_key;
mod base62;
mod opaque;
mod password;
mod recovery;
mod sealed;
mod secrets;
mod totp;

pub use access::{Jwt, JwtRules, TOKEN_BYTES_MAX};
pub use api_key::{ApiKeyMint, KeyType};
pub use opaque::OpaqueTokenMint;
pub use password::{
    BCRYPT_COST_DEFAULT, BCRYPT_COST_MAX, BCRYPT_COST_MIN, BcryptHasher, CommonPasswords, HashingLoad,
    WAITING_MAX, acceptable, default_permits,
};
pub use sealed::SealedTexts;
pub use secrets::{
    ClusterKeys, Peppers, SecretFault, SecretFrom, SecretRule, SecretSource, SecretSources, Secrets,
    SigningKey, SigningKeys, create_secrets,
};
pub use totp::SealedTotp;
