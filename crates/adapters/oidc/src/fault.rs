//! From the library's many errors to the port's few: the provider is not there, what it says cannot be used, or is
//! refused.

use application::ports::identity::ProviderError;
use openidconnect::core::{CoreErrorResponseType, CoreRequestTokenError};
use openidconnect::{ClaimsVerificationError, SignatureVerificationError, UserInfoError};

use crate::http::HttpFault;

/// A cause in words; never what the provider sent, which may hold secrets.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(&'static str);

pub(crate) fn unavailable(cause: &'static str) -> ProviderError {
    ProviderError::Unavailable(Box::new(Cause(cause)))
}

/// What is wrong with an answer, in our words.
pub(crate) fn invalid(what: &str) -> ProviderError {
    ProviderError::Invalid(what.to_owned())
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
                invalid("the provider does not accept our client id and secret")
            }
            _ => refused("the request"),
        },
        CoreRequestTokenError::Request(fault) => ProviderError::Unavailable(Box::new(fault)),
        // A provider that is down answers without a form.
        CoreRequestTokenError::Other(_) => unavailable("the token endpoint failed"),
        CoreRequestTokenError::Parse(error, _) => invalid(&unreadable("of the token endpoint", error.path())),
    }
}

/// Why the userinfo endpoint said nothing of use.
pub(crate) fn of_userinfo(error: UserInfoError<HttpFault>) -> ProviderError {
    match error {
        UserInfoError::ClaimsVerification(error) => of_claims(&error),
        UserInfoError::Request(fault) => ProviderError::Unavailable(Box::new(fault)),
        UserInfoError::Response(..) => unavailable("its userinfo endpoint failed"),
        UserInfoError::Parse(error) => invalid(&unreadable("of the userinfo endpoint", error.path())),
        _ => invalid("the answer of the userinfo endpoint has another form"),
    }
}

/// The place in an answer that cannot be read; never the answer, which may hold secrets.
fn unreadable(whose: &str, path: &impl std::fmt::Display) -> String {
    format!("the answer {whose} cannot be read at {path}")
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
