//! Tests of sign-ins at a correct, a hostile and a real provider.

mod attacks;
mod good;
mod hostile;
mod outages;
mod real;

use adapter_oidc::{OidcProviders, OidcSettings, ProviderSettings};
use application::ports::identity::{ExternalPerson, IdentityProviders as _, ProviderError};
use domain::GroupName;
use hostile::{CLIENT, Hostile, NOW, SECRET};

pub fn settings(name: &str, issuer: &str) -> ProviderSettings {
    ProviderSettings {
        name: name.to_owned(),
        issuer: issuer.to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET.into()),
        redirect_uri: format!("https://guardian.test/v1/auth/providers/{name}/callback"),
        scopes: vec!["email".to_owned(), "profile".to_owned()],
        groups_claim: Some("groups".to_owned()),
        groups: vec![("dev".to_owned(), GroupName::parse("developers").expect("a group"))],
    }
}

pub fn providers(all: Vec<ProviderSettings>) -> OidcProviders {
    OidcProviders::new(OidcSettings { providers: all, loopback_http: true, extra_roots: Vec::new() })
        .expect("good settings")
}

/// A provider, and a client with that provider as `idp`.
pub async fn pair() -> (Hostile, OidcProviders) {
    let hostile = Hostile::start().await;
    let providers = providers(vec![settings("idp", &hostile.issuer)]);
    (hostile, providers)
}

/// Performs one complete sign-in.
pub async fn sign_in(hostile: &Hostile, providers: &OidcProviders) -> Result<ExternalPerson, ProviderError> {
    let (url, pending) = providers.begin("idp", "a-state", NOW).await?;
    let code = hostile.agree(&url);
    providers.finish(&pending, &code, NOW).await
}

/// The reason of a refusal; panics for other results.
pub fn refusal(end: Result<ExternalPerson, ProviderError>) -> String {
    match end {
        Err(ProviderError::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

pub fn is_unavailable(end: &Result<ExternalPerson, ProviderError>) -> bool {
    matches!(end, Err(ProviderError::Unavailable(_)))
}

pub fn is_invalid(end: &Result<ExternalPerson, ProviderError>) -> bool {
    matches!(end, Err(ProviderError::Invalid(_)))
}
