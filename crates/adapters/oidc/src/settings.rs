//! Settings of providers.

use domain::GroupName;
use secrecy::SecretString;
use std::net::IpAddr;
use url::{Host, Url};

/// Maximum number of providers.
pub const PROVIDERS_MAX: usize = 16;
/// Maximum length of a provider name, in bytes.
const NAME_BYTES_MAX: usize = 63;

/// The settings of one provider.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// The name in our URLs: lower-case letters, digits and `-`.
    pub name: String,
    /// The issuer, exactly as in the provider's tokens.
    pub issuer: String,
    /// The client id of Guardian.
    pub client_id: String,
    /// The client secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// The redirect URI. Must differ for each provider, so that a response of one provider is never accepted
    /// for another (RFC 9700 section 4.4.2.2).
    pub redirect_uri: String,
    /// The requested scopes besides `openid`; usually `email` and `profile`.
    pub scopes: Vec<String>,
    /// The claim with the user's groups; `None` to ignore groups.
    pub groups_claim: Option<String>,
    /// Mapping from the provider's groups to groups of Guardian.
    pub groups: Vec<(String, GroupName)>,
}

/// The settings of all providers.
#[derive(Clone, Debug, Default)]
pub struct OidcSettings {
    /// The providers.
    pub providers: Vec<ProviderSettings>,
    /// Whether HTTP without TLS is permitted on the loopback interface, for development and tests.
    pub loopback_http: bool,
    /// Additional trusted root certificates, as PEM.
    pub extra_roots: Vec<Vec<u8>>,
}

/// Why the settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFault {
    /// More than `PROVIDERS_MAX`.
    #[error("there can be no more than {PROVIDERS_MAX} identity providers")]
    TooMany,
    /// The name is malformed or a duplicate.
    #[error("identity provider {0:?}: names are unique, of 1 to 63 lower-case letters, digits and `-`")]
    Name(String),
    /// An issuer or a redirect URI is malformed.
    #[error("identity provider {0:?}: {1} must be an https address without query, fragment or user")]
    Address(String, &'static str),
    /// Two providers have the same redirect URI.
    #[error("identity provider {0:?}: redirect_uri must be another one than that of {1:?}")]
    SharedRedirect(String, String),
    /// The client id is missing.
    #[error("identity provider {0:?}: client_id must not be empty")]
    ClientId(String),
    /// A root certificate is invalid.
    #[error("the trusted certificates cannot be used")]
    Roots(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OidcSettings {
    /// Checks the settings without sending a request.
    pub fn check(&self) -> Result<(), SettingsFault> {
        if self.providers.len() > PROVIDERS_MAX {
            return Err(SettingsFault::TooMany);
        }
        for (index, provider) in self.providers.iter().enumerate() {
            let others = &self.providers[..index];
            let name = &provider.name;
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            let formed = (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain);
            if !formed || others.iter().any(|other| other.name == *name) {
                return Err(SettingsFault::Name(name.clone()));
            }
            if !is_address(&provider.issuer, self.loopback_http) {
                return Err(SettingsFault::Address(name.clone(), "issuer"));
            }
            if !is_address(&provider.redirect_uri, self.loopback_http) {
                return Err(SettingsFault::Address(name.clone(), "redirect_uri"));
            }
            if let Some(other) = others.iter().find(|other| other.redirect_uri == provider.redirect_uri) {
                return Err(SettingsFault::SharedRedirect(name.clone(), other.name.clone()));
            }
            if provider.client_id.is_empty() {
                return Err(SettingsFault::ClientId(name.clone()));
            }
        }
        Ok(())
    }
}

fn is_address(text: &str, loopback_http: bool) -> bool {
    Url::parse(text).is_ok_and(|url| {
        is_secure(&url, loopback_http)
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

/// Whether the URL is protected by TLS, or is a permitted loopback URL.
pub(crate) fn is_secure(url: &Url, loopback_http: bool) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback && loopback_http)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str, issuer: &str, redirect_uri: &str) -> ProviderSettings {
        ProviderSettings {
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            client_id: "guardian".to_owned(),
            client_secret: Some("hunter2".into()),
            redirect_uri: redirect_uri.to_owned(),
            scopes: Vec::new(),
            groups_claim: None,
            groups: Vec::new(),
        }
    }

    fn check(providers: Vec<ProviderSettings>, loopback_http: bool, expected: &str) {
        let settings = OidcSettings { providers, loopback_http, extra_roots: Vec::new() };
        let found = settings.check().err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found:?}");
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn what_cannot_be_right_is_refused_at_start() {
        const BACK: &str = "https://guardian.test/back/a";
        let one = |name: &str, issuer: &str| vec![provider(name, issuer, BACK)];
        check(one("a", "https://idp.test/realm"), false, "");
        check(one("A", "https://idp.test"), false, "names are unique");
        check(one("", "https://idp.test"), false, "names are unique");
        check(one("a", "idp.test"), false, "issuer must be");
        check(one("a", "https://idp.test/?a=b"), false, "issuer must be");
        check(one("a", "https://me@idp.test/"), false, "issuer must be");
        check(one("a", "http://idp.test"), true, "issuer must be");
        check(one("a", "http://127.0.0.1:8080"), false, "issuer must be");
        check(one("a", "http://127.0.0.1:8080"), true, "");
        check(one("a", "http://[::1]:8080"), true, "");
        check(one("a", "http://localhost"), true, "");
        check(one("a", "http://127.0.0.1.evil.test"), true, "issuer must be");
        check(vec![provider("a", "https://idp.test", "javascript:alert(1)")], true, "redirect_uri must be");
        let (a, b) = (provider("a", "https://a.test", BACK), provider("b", "https://b.test", BACK));
        check(vec![a.clone(), b], false, "must be another one than that of \"a\"");
        check(vec![a.clone(), a], false, "names are unique");
        let many = (0..17).map(|n| provider(&n.to_string(), "https://a.test", &format!("{BACK}{n}")));
        check(many.collect(), false, "no more than 16");
    }
}
