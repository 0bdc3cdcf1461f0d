//! Provider metadata (OpenID Connect Discovery) and signing keys, fetched and cached.
//!
//! Concurrent callers share one request and its result, also a failure.

use crate::fault::{invalid, unavailable};
use crate::http::{Asker, HttpFault};
use application::ports::identity::ProviderError;
use openidconnect::core::{CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::{DiscoveryError, IssuerUrl, JsonWebKeySet, UserInfoUrl};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Maximum age of cached metadata and keys.
const KEPT: Duration = Duration::from_hours(1);
/// Minimum interval between fetches of keys for tokens with an unknown key; any client can send such tokens.
pub(crate) const KEYS_AGAIN: Duration = Duration::from_mins(1);

/// The metadata and the keys of a provider.
#[derive(Clone, Debug)]
pub(crate) struct Discovered {
    pub(crate) metadata: CoreProviderMetadata,
    /// The client for the endpoints of this provider.
    pub(crate) asker: Asker,
    fetched: Instant,
    keys_fetched: Instant,
}

#[derive(Debug, Default)]
struct Known {
    current: Option<Arc<Discovered>>,
    failed: Option<Instant>,
    keys_failed: Option<Instant>,
}

/// The metadata cache of one provider.
#[derive(Debug)]
pub(crate) struct Discovery {
    issuer: IssuerUrl,
    asker: Asker,
    known: Mutex<Known>,
}

impl Discovery {
    pub(crate) fn new(issuer: IssuerUrl, asker: Asker) -> Self {
        Self { issuer, asker, known: Mutex::default() }
    }

    /// The metadata, at most [`KEPT`] old; older if the provider is unavailable.
    pub(crate) async fn get(&self) -> Result<Arc<Discovered>, ProviderError> {
        let asked = Instant::now();
        let mut known = self.known.lock().await;
        if let Some(current) = known.current.as_ref().filter(|current| current.fetched.elapsed() < KEPT) {
            return Ok(Arc::clone(current));
        }
        if known.failed.is_none_or(|failed| failed < asked) {
            match self.fetch().await {
                Ok(new) => known.current = Some(Arc::new(new)),
                Err(error) => {
                    known.failed = Some(Instant::now());
                    if known.current.is_none() {
                        return Err(error);
                    }
                    tracing::warn!(issuer = %self.issuer.as_str(), %error, "using older provider metadata");
                }
            }
        }
        known.current.clone().ok_or_else(|| unavailable("it could not be reached a moment ago"))
    }

    /// Metadata with keys newer than `seen`; `None` if keys were fetched less than [`KEYS_AGAIN`] ago.
    pub(crate) async fn newer_keys(
        &self,
        seen: &Discovered,
    ) -> Result<Option<Arc<Discovered>>, ProviderError> {
        let mut known = self.known.lock().await;
        let Some(current) = known.current.clone() else { return Ok(None) };
        if current.keys_fetched > seen.keys_fetched {
            return Ok(Some(current));
        }
        let last = known.keys_failed.map_or(current.keys_fetched, |failed| failed.max(current.keys_fetched));
        if last.elapsed() < KEYS_AGAIN {
            return Ok(None);
        }
        let address = current.metadata.jwks_uri();
        let fetched: Result<CoreJsonWebKeySet, _> = JsonWebKeySet::fetch_async(address, &current.asker).await;
        let keys = fetched.map_err(|error| {
            known.keys_failed = Some(Instant::now());
            of_discovery(error)
        })?;
        let mut new = (*current).clone();
        new.metadata = new.metadata.set_jwks(keys);
        new.keys_fetched = Instant::now();
        let new = Arc::new(new);
        known.current = Some(Arc::clone(&new));
        Ok(Some(new))
    }

    /// Fetches metadata and keys. The metadata must come from the issuer's host; the endpoints that it names
    /// are checked by [`Asker::also`].
    async fn fetch(&self) -> Result<Discovered, ProviderError> {
        let document = self.document().await?;
        let mut asker = self.asker.clone();
        let token = document.token_endpoint().ok_or_else(|| invalid("it names no token endpoint"))?;
        let userinfo = document.userinfo_endpoint().map(UserInfoUrl::url);
        let direct = [token.url(), document.jwks_uri().url()].into_iter().chain(userinfo);
        // Only the user's browser visits the authorization endpoint; it is checked as well.
        for endpoint in direct.chain([document.authorization_endpoint().url()]) {
            if !asker.also(endpoint) {
                return Err(invalid("it names an endpoint that must not be asked"));
            }
        }
        let keys: Result<CoreJsonWebKeySet, _> =
            JsonWebKeySet::fetch_async(document.jwks_uri(), &asker).await;
        let metadata = document.set_jwks(keys.map_err(of_discovery)?);
        let now = Instant::now();
        Ok(Discovered { metadata, asker, fetched: now, keys_fetched: now })
    }

    async fn document(&self) -> Result<CoreProviderMetadata, ProviderError> {
        use openidconnect::AsyncHttpClient as _;
        use openidconnect::http::{Request, StatusCode};
        let address = self.issuer.join(".well-known/openid-configuration");
        let address = address.map_err(|_| invalid("its issuer is no address"))?;
        let request = Request::get(address.as_str()).header("accept", "application/json").body(Vec::new());
        let request = request.map_err(|_| invalid("its issuer is no address"))?;
        let answer =
            self.asker.call(request).await.map_err(|fault| ProviderError::Unavailable(Box::new(fault)))?;
        if answer.status() != StatusCode::OK {
            return Err(unavailable("its configuration is not there"));
        }
        let document: CoreProviderMetadata = serde_json::from_slice(answer.body())
            .map_err(|_| invalid("its configuration has another form"))?;
        if *document.issuer() != self.issuer {
            return Err(invalid("its configuration names another issuer"));
        }
        Ok(document)
    }
}

fn of_discovery(error: DiscoveryError<HttpFault>) -> ProviderError {
    match error {
        DiscoveryError::Request(fault) => ProviderError::Unavailable(Box::new(fault)),
        DiscoveryError::Response(..) => unavailable("its keys are not there"),
        _ => invalid("its keys have another form"),
    }
}
