//! Signing in through providers of `OpenID` Connect: authorization code with proof key (PKCE S256), `state` and
//! `nonce`.
//!
//! A provider vouches for who somebody is and for nothing else; what its tokens say is checked as if the
//! network were hostile. It knows no people and no sessions of ours.

mod claims;
mod discovery;
mod fault;
mod http;
mod providers;
mod settings;
mod sign_in;

pub use providers::OidcProviders;
pub use settings::{OidcSettings, ProviderSettings, SettingsFault};

/// Longest answer of a provider that is read, in bytes.
pub const ANSWER_BYTES_MAX: usize = 256 * 1024;
