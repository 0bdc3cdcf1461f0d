//! From the library's many errors to the port's few: the provider is not there, or what it says is refused.

use application::ports::identity::ProviderError;
use openidconnect::core::{CoreErrorResponseType, CoreRequestTokenError};
use openidconnect::{ClaimsVerificationError, SignatureVerificationError};

use crate::http::HttpFault;

/// A cause in words; never what the provider sent, which may hold secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(&'static str);

pub(crate) fn unavailable(cause: &'static str) -> ProviderError {
    ProviderError::Unavailable(Box::new(Cause(cause)))
}

pub(crate) fn refused(why: &str) -> ProviderError {
    ProviderError::Refused(why.to_owned())
}

/// Why a code was not exchanged.
pub(crate) fn of_exchange(error: CoreRequestTokenError<HttpFault>) -> ProviderError {
    match error {
        CoreRequestTokenError::ServerResponse(answer) => match answer.error() {
            CoreErrorResponseType::InvalidGrant => refused("the code"),
            CoreErrorResponseType::InvalidClient | CoreErrorResponseType::UnauthorizedClient => {
                unavailable("the provider does not accept our client id and secret")
            }
            _ => refused("the request"),
        },
        CoreRequestTokenError::Request(fault) => ProviderError::Unavailable(Box::new(fault)),
        CoreRequestTokenError::Parse(..) | CoreRequestTokenError::Other(_) => {
            unavailable("the token endpoint answers nonsense")
        }
    }
}

/// Why a token is not acceptable; in our words, since the library's repeat what the token says.
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
