//! Sign-in through `OpenID` Connect providers: authorization code flow with PKCE (S256), `state` and `nonce`.
//!
//! A provider only vouches for an identity. Its tokens are checked as if the network were hostile. This crate
//! does not know users or sessions.

mod claims;
mod discovery;
mod fault;
mod http;
mod providers;
mod settings;
mod sign_in;

pub use providers::OidcProviders;
pub use settings::{OidcSettings, ProviderSettings, SettingsFault};

/// Maximum size of a provider's response, in bytes.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
