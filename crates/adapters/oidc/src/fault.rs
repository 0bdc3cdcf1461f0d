//! Mapping of library errors to the port's errors: the provider is unavailable, its response is invalid, or
//! the sign-in is refused.

use application::ports::identity::ProviderError;
use openidconnect::core::{CoreErrorResponseType, CoreRequestTokenError};
use openidconnect::{ClaimsVerificationError, SignatureVerificationError, UserInfoError};

use crate::http::HttpFault;

/// A fixed cause. Contains no provider data, which may include secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(&'static str);

pub(crate) fn unavailable(cause: &'static str) -> ProviderError {
    ProviderError::Unavailable(Box::new(Cause(cause)))
}

/// The error for an invalid response.
pub(crate) fn invalid(what: &str) -> ProviderError {
    ProviderError::Invalid(what.to_owned())
}

pub(crate) fn refused(why: &str) -> ProviderError {
    ProviderError::Refused(why.to_owned())
}

/// Maps a failed code exchange.
pub(crate) fn of_exchange(error: CoreRequestTokenError<HttpFault>) -> ProviderError {
    match error {
        CoreRequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::InvalidGrant => refused("the code"),
            CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                invalid("the provider does not accept our client id and secret")
            }
            _ => refused("the request"),
        },
        CoreRequestTokenError::Request(fault) => ProviderError::Unavailable(Box::new(fault)),
        // A failing provider returns a response without an OAuth error.
        CoreRequestTokenError::Other(_) => unavailable("the token endpoint failed"),
        CoreRequestTokenError::Parse(error, _) => invalid(&unreadable("of the token endpoint", error.path())),
    }
}

/// Maps a failed userinfo request.
pub(crate) fn of_userinfo(error: UserInfoError<HttpFault>) -> ProviderError {
    match error {
        UserInfoError::ClaimsVerification(error) => of_claims(&error),
        UserInfoError::Request(fault) => ProviderError::Unavailable(Box::new(fault)),
        UserInfoError::Response(..) => unavailable("its userinfo endpoint failed"),
        UserInfoError::Parse(error) => invalid(&unreadable("of the userinfo endpoint", error.path())),
        _ => invalid("the answer of the userinfo endpoint has another form"),
    }
}

/// The path of a parse error, without the response, which may contain secrets.
fn unreadable(whose: &str, path: &impl std::fmt::Display) -> String {
    format!("the answer {whose} cannot be read at {path}")
}

/// Maps a refused ID token to a fixed text; the library's messages quote the token.
pub(crate) fn of_claims(error: &ClaimsVerificationError) -> ProviderError {
    refused(match error {
        ClaimsVerificationError::Expired(_) => "time",
        ClaimsVerificationError::InvalidAudience(_) => "audience",
        ClaimsVerificationError::InvalidIssuer(_) => "issuer",
        ClaimsVerificationError::InvalidNonce(_) => "nonce",
        ClaimsVerificationError::SignatureVerification(error) => match error {
            SignatureVerificationError::DisallowedAlg(_)
            | SignatureVerificationError::UnsupportedAlg(_)
            | SignatureVerificationError::NoSignature => "algorithm",
            SignatureVerificationError::NoMatchingKey => "unknown key",
            _ => "signature",
        },
        ClaimsVerificationError::InvalidSubject(_) => "subject",
        _ => "form",
    })
}
