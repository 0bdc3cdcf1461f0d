//! The configured providers, by name.

use crate::discovery::Discovery;
use crate::http::{Asker, client};
use crate::settings::{OidcSettings, SettingsFault};
use crate::sign_in::Provider;
use application::ports::identity::{ExternalPerson, IdentityProviders, PendingSignIn, ProviderError};
use async_trait::async_trait;
use domain::{GroupName, Timestamp};
use openidconnect::{IssuerUrl, RedirectUrl};
use std::collections::BTreeMap;
use url::Url;

/// The configured providers.
#[derive(Debug)]
pub struct OidcProviders {
    by_name: BTreeMap<String, Provider>,
}

impl OidcProviders {
    /// Checks the settings. Sends no request: an unavailable provider does not prevent the start of a node.
    pub fn new(settings: OidcSettings) -> Result<Self, SettingsFault> {
        settings.check()?;
        let client = client(&settings)?;
        let mut by_name = BTreeMap::new();
        for provider in settings.providers {
            let address = |what| SettingsFault::Address(provider.name.clone(), what);
            let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|_| address("issuer"))?;
            let redirect =
                RedirectUrl::new(provider.redirect_uri.clone()).map_err(|_| address("redirect_uri"))?;
            let url = Url::parse(&provider.issuer).map_err(|_| address("issuer"))?;
            let asker = Asker::new(client.clone(), &url, settings.loopback_http);
            let discovery = Discovery::new(issuer, asker);
            by_name.insert(provider.name.clone(), Provider { settings: provider, redirect, discovery });
        }
        Ok(Self { by_name })
    }
}

#[async_trait]
impl IdentityProviders for OidcProviders {
    fn names(&self) -> Vec<String> {
        self.by_name.keys().cloned().collect()
    }

    async fn begin(
        &self,
        provider: &str,
        state: &str,
        at: Timestamp,
    ) -> Result<(String, PendingSignIn), ProviderError> {
        self.by_name.get(provider).ok_or(ProviderError::Unknown)?.begin(state, at).await
    }

    async fn finish(
        &self,
        pending: &PendingSignIn,
        code: &str,
        at: Timestamp,
    ) -> Result<ExternalPerson, ProviderError> {
        let provider = self.by_name.get(&pending.provider).ok_or(ProviderError::Unknown)?;
        provider.finish(pending, code, at).await
    }

    fn groups(&self, provider: &str) -> Vec<(String, GroupName)> {
        self.by_name.get(provider).map(|provider| provider.settings.groups.clone()).unwrap_or_default()
    }
}
