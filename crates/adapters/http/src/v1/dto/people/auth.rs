//! Bodies of sign-ins and second factors. Each secret is only in the response that issues it.

use super::user::UserBody;
use super::{email, label};
use crate::cookie::csrf_token;
use crate::edge::printable;
use crate::problem::Problem;
use crate::v1::dto::invalid;
use application::identity::{
    AnswerChallenge, Bootstrap, Challenge, Confirmed, Enrolment, FactorAnswer, Login, Register, Signed,
    SignedIn,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct BootstrapBody {
    /// The token that was printed or mounted once.
    #[schema(value_type = String, max_length = 512)]
    token: SecretString,
    /// Where the person is reached.
    #[schema(
        max_length = 254,
        pattern = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$"
    )]
    email: String,
    /// What people call the person.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// The person's password.
    #[schema(value_type = String, max_length = 256, format = Password)]
    password: SecretString,
}

/// Somebody who wants to be known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct RegisterBody {
    /// Where the person is reached; with an invitation, the address that was invited.
    #[schema(
        max_length = 254,
        pattern = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$"
    )]
    email: String,
    /// What people call the person.
    #[schema(min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$")]
    name: String,
    /// The person's password.
    #[schema(value_type = String, max_length = 256, format = Password)]
    password: SecretString,
    /// The token of the invitation.
    #[schema(value_type = Option<String>, max_length = 512)]
    invitation: Option<SecretString>,
}

/// The first step of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "ada@example.com", "password": "correct horse battery staple" }))]
pub(in crate::v1) struct LoginBody {
    /// Who.
    #[schema(
        max_length = 254,
        pattern = "^[^\\u0000-\\u0020\\u0040\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f-\\u1160\\u1680\\u17b4-\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2100-\\u214f\\u2800\\u3000\\u3164\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{10ffff}]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,186}[A-Za-z0-9])?$"
    )]
    email: String,
    /// The password.
    #[schema(value_type = String, max_length = 256, format = Password)]
    password: SecretString,
    /// What the person calls the device; control characters are left out.
    #[schema(max_length = 256)]
    #[serde(default)]
    device: String,
}

/// The second step of a sign-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct SecondFactorBody {
    /// What the first step gave.
    #[schema(value_type = String, max_length = 2048)]
    challenge: SecretString,
    /// The code that the device shows.
    #[schema(value_type = Option<String>, pattern = "^[0-9]{6}$")]
    code: Option<SecretString>,
    /// Or a recovery code.
    #[schema(value_type = Option<String>, max_length = 256)]
    recovery_code: Option<SecretString>,
}

/// A session to be carried on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct RefreshBody {
    /// The refresh token; left out by browsers, which have it in a cookie.
    #[schema(value_type = Option<String>, max_length = 512)]
    pub(in crate::v1) refresh_token: Option<SecretString>,
}

/// A person who is in.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct SignedBody {
    /// Opens requests, as `Authorization: Bearer <access_token>`; not with `mode=cookie`.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// Carries the session on, once; not with `mode=cookie`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// What a page repeats as `X-CSRF-Token` with every change; only with `mode=cookie`.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// `Bearer`; `Cookie` with `mode=cookie`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// For how many seconds the access token is good.
    expires_in: u64,
    /// Whether a second factor must be set up before anything else; then refresh.
    second_factor_enrolment_required: bool,
    /// The session.
    session: String,
    /// Who is in.
    user: UserBody,
}

/// A sign-in that waits for the second factor.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct ChallengeBody {
    /// Always `true`.
    second_factor_required: bool,
    /// To be sent to `POST /api/v1/auth/second-factor` with a code.
    challenge: String,
    /// For how many seconds it is good.
    expires_in: u64,
}

/// The end of a sign-in's first step.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::v1) enum SignedInBody {
    /// The person is in.
    Signed(Box<SignedBody>),
    /// The second factor is missing.
    Challenge(ChallengeBody),
}

/// A second factor that waits for its first code.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct EnrolmentBody {
    /// The secret in base32, for typing. It is shown this once.
    secret: String,
    /// The `otpauth:` address for the person's device. It is shown this once.
    uri: String,
}

/// The first code of a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct CodeBody {
    /// The code that the device shows.
    #[schema(value_type = String, pattern = "^[0-9]{6}$")]
    pub(in crate::v1) code: SecretString,
}

/// The person shows again who they are, as far as they can.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct EnrolBody {
    /// The password; to be left out by those who have none and signed in through a provider within the last ten minutes.
    #[schema(value_type = Option<String>, max_length = 256, format = Password)]
    pub(in crate::v1) password: Option<SecretString>,
}

/// The person shows again who they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::v1) struct ProofBody {
    /// The password.
    #[schema(value_type = String, max_length = 256, format = Password)]
    pub(in crate::v1) password: SecretString,
}

/// Codes that stand in for the second factor.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct RecoveryBody {
    /// Each is good once. They are shown this once.
    recovery_codes: Vec<String>,
}

/// An identity provider.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct ProviderBody {
    /// Its name.
    pub(in crate::v1) name: String,
}

/// A sign-in that goes to an identity provider.
#[derive(Serialize, ToSchema)]
pub(in crate::v1) struct WentOutBody {
    /// Where to send the browser.
    pub(in crate::v1) location: String,
}

impl BootstrapBody {
    pub(in crate::v1) fn request(self) -> Result<Bootstrap, Problem> {
        let (email, name) = (email(&self.email)?, label(&self.name)?);
        Ok(Bootstrap { token: self.token, email, name, password: self.password })
    }
}

impl RegisterBody {
    pub(in crate::v1) fn request(self) -> Result<Register, Problem> {
        let (email, name) = (email(&self.email)?, label(&self.name)?);
        Ok(Register { email, name, password: self.password, invitation: self.invitation })
    }
}

impl LoginBody {
    pub(in crate::v1) fn request(self, browser: bool) -> Result<Login, Problem> {
        let (email, device) = (email(&self.email)?, printable(&self.device));
        Ok(Login { email, password: self.password, device, browser })
    }
}

impl SecondFactorBody {
    pub(in crate::v1) fn request(self) -> Result<AnswerChallenge, Problem> {
        let answer = match (self.code, self.recovery_code) {
            (Some(code), None) => FactorAnswer::Code(code),
            (None, Some(code)) => FactorAnswer::Recovery(code),
            _ => return Err(invalid("code", "or recovery_code must be there, and not both")),
        };
        Ok(AnswerChallenge { challenge: self.challenge, answer })
    }
}

impl SignedBody {
    /// With tokens; without them for a browser.
    pub(in crate::v1) fn new(signed: &Signed, browser: bool) -> Self {
        let shown = |secret: &SecretString| (!browser).then(|| secret.expose_secret().to_owned());
        Self {
            access_token: shown(&signed.access),
            refresh_token: shown(&signed.refresh),
            csrf_token: browser.then(|| csrf_token(signed.refresh.expose_secret())),
            token_type: if browser { "Cookie" } else { "Bearer" },
            expires_in: signed.expires_in_s,
            second_factor_enrolment_required: signed.must_enrol,
            session: signed.session.id.to_string(),
            user: (&signed.user).into(),
        }
    }
}

impl SignedInBody {
    pub(in crate::v1) fn new(signed: &SignedIn, browser: bool) -> Self {
        match signed {
            SignedIn::Signed(signed) => Self::Signed(Box::new(SignedBody::new(signed, browser))),
            SignedIn::Challenge(Challenge { challenge, expires_in_s }) => Self::Challenge(ChallengeBody {
                second_factor_required: true,
                challenge: challenge.expose_secret().to_owned(),
                expires_in: *expires_in_s,
            }),
        }
    }
}

impl From<&Enrolment> for EnrolmentBody {
    fn from(enrolment: &Enrolment) -> Self {
        Self {
            secret: enrolment.secret.expose_secret().to_owned(),
            uri: enrolment.uri.expose_secret().to_owned(),
        }
    }
}

impl From<&Confirmed> for RecoveryBody {
    fn from(confirmed: &Confirmed) -> Self {
        let codes = confirmed.recovery_codes.iter();
        Self { recovery_codes: codes.map(|code| code.expose_secret().to_owned()).collect() }
    }
}
