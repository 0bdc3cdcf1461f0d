//! Secrets: minting, recognising and digesting the credentials that clients hold.

mod api_key;
mod base62;

pub use api_key::{ApiKeyMint, KeyType};
