//! The HTTP client for providers: TLS, known hosts only, no redirects, bounded time and response size.

use crate::ANSWER_BYTES_MAX;
use crate::settings::{OidcSettings, SettingsFault, is_secure};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Certificate, Client, redirect};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use url::{Host, Url};

/// Connection timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of a whole request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpFault {
    #[error("the address is not one that the provider may be asked at")]
    Address,
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    #[error("the request failed")]
    Failed(#[source] reqwest::Error),
}

/// Builds the HTTP client that all providers share.
pub(crate) fn client(settings: &OidcSettings) -> Result<Client, SettingsFault> {
    let mut roots = Vec::new();
    for pem in &settings.extra_roots {
        roots.extend(
            Certificate::from_pem_bundle(pem).map_err(|error| SettingsFault::Roots(Box::new(error)))?,
        );
    }
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .https_only(!settings.loopback_http)
        .tls_certs_merge(roots)
        .build()
        .map_err(|error| SettingsFault::Roots(Box::new(error)))
}

/// A client restricted to known hosts.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    client: Client,
    hosts: BTreeSet<String>,
    loopback_http: bool,
}

/// Host and port; `None` for a URL without them.
fn authority(url: &Url) -> Option<String> {
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

impl Asker {
    /// A client for the host of the issuer.
    pub(crate) fn new(client: Client, issuer: &Url, loopback_http: bool) -> Self {
        Self { client, hosts: authority(issuer).into_iter().collect(), loopback_http }
    }

    /// Permits the host of an endpoint; returns false if the endpoint is refused. It must use TLS. An IP
    /// address is permitted only if it is the issuer's own, so that a provider cannot direct requests into a
    /// network.
    pub(crate) fn also(&mut self, endpoint: &Url) -> bool {
        let Some(authority) = authority(endpoint) else { return false };
        let known = self.hosts.contains(&authority);
        let named = matches!(endpoint.host(), Some(Host::Domain(_)));
        let fine = is_secure(endpoint, self.loopback_http) && (known || named);
        if fine {
            self.hosts.insert(authority);
        }
        fine
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpFault> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| HttpFault::Address)?;
        let known = authority(&url).is_some_and(|authority| self.hosts.contains(&authority));
        if !known || !is_secure(&url, self.loopback_http) {
            return Err(HttpFault::Address);
        }
        let request = reqwest::Request::try_from(request).map_err(HttpFault::Failed)?;
        let mut answer = self.client.execute(request).await.map_err(HttpFault::Failed)?;
        let mut whole = openidconnect::http::Response::new(Vec::new());
        *whole.status_mut() = answer.status();
        *whole.headers_mut() = answer.headers().clone();
        while let Some(part) = answer.chunk().await.map_err(HttpFault::Failed)? {
            if whole.body().len() + part.len() > ANSWER_BYTES_MAX {
                return Err(HttpFault::TooLong);
            }
            whole.body_mut().extend_from_slice(&part);
        }
        Ok(whole)
    }
}

impl<'c> AsyncHttpClient<'c> for Asker {
    type Error = HttpFault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFault>> + Send + Sync + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(issuer: &str, endpoint: &str, loopback_http: bool, expected: bool) {
        let url = |text: &str| Url::parse(text).expect("an address");
        let mut asker = Asker::new(Client::new(), &url(issuer), loopback_http);
        assert_eq!(asker.also(&url(endpoint)), expected, "{issuer} {endpoint}");
    }

    #[test]
    fn endpoints_are_https_and_no_bare_addresses_of_others() {
        check("https://idp.test", "https://idp.test/token", false, true);
        check("https://idp.test", "https://tokens.idp.test/token", false, true);
        check("https://idp.test", "http://idp.test/token", false, false);
        check("https://idp.test", "https://169.254.169.254/latest", false, false);
        check("https://idp.test", "https://[::ffff:a9fe:a9fe]/latest", false, false);
        check("https://10.0.0.1", "https://10.0.0.1/token", false, true);
        check("https://10.0.0.1", "https://10.0.0.1:8443/token", false, false);
        check("http://127.0.0.1:1", "http://127.0.0.1:1/token", true, true);
        check("http://127.0.0.1:1", "http://127.0.0.1:2/token", true, false);
        check("http://127.0.0.1:1", "http://idp.test/token", true, false);
        check("https://idp.test", "data:,x", false, false);
    }
}
