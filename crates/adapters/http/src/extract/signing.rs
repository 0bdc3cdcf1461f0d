//! Query parameters of sign-ins.

use super::query::{Parameters, invalid};
use crate::problem::Problem;
use secrecy::SecretString;
use utoipa::IntoParams;

/// Maximum length of a parameter from an identity provider, in bytes.
const RETURNED_BYTES_MAX: usize = 2048;

/// How the client keeps its session.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ModeQuery {
    /// `cookie`: the tokens come as cookies that scripts cannot read, and the body has a `csrf_token` for
    /// `X-CSRF-Token`. Left out: they are in the body.
    #[param(value_type = Option<String>, pattern = "^cookie$", example = "cookie")]
    mode: bool,
}

impl ModeQuery {
    /// Whether the session is kept in cookies.
    pub(crate) fn browser(&self) -> bool {
        self.mode
    }
}

impl Parameters for ModeQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match (name, value) {
            ("mode", "cookie") => self.mode = true,
            ("mode", _) => return Err(invalid("mode", "must be cookie")),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Which sessions end.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndQuery {
    /// `true`: the session that asks goes on, after a refresh.
    #[param(value_type = Option<bool>, example = true)]
    pub(crate) keep_present: bool,
}

impl Parameters for EndQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "keep_present" {
            return Ok(false);
        }
        self.keep_present = match value {
            "true" => true,
            "false" => false,
            _ => return Err(invalid("keep_present", "must be true or false")),
        };
        Ok(true)
    }
}

/// What becomes of the API keys of somebody who is deactivated.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevokeKeysQuery {
    /// `true`: the API keys that the person made, and those that were made with them, are revoked.
    #[param(value_type = Option<bool>, example = true)]
    pub(crate) revoke_api_keys: bool,
}

impl Parameters for RevokeKeysQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "revoke_api_keys" {
            return Ok(false);
        }
        self.revoke_api_keys = match value {
            "true" => true,
            "false" => false,
            _ => return Err(invalid("revoke_api_keys", "must be true or false")),
        };
        Ok(true)
    }
}

/// What comes back from an identity provider (RFC 6749 section 4.1.2, RFC 9207).
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallbackQuery {
    /// The provider's code.
    #[param(value_type = Option<String>, max_length = 2048)]
    pub(crate) code: Option<SecretString>,
    /// What was sent along.
    #[param(value_type = Option<String>, max_length = 2048)]
    pub(crate) state: Option<SecretString>,
    /// Why there is no code.
    #[param(value_type = Option<String>, max_length = 2048)]
    pub(crate) error: Option<String>,
}

impl Parameters for CallbackQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if value.len() > RETURNED_BYTES_MAX {
            return Err(invalid(name, &format!("must have at most {RETURNED_BYTES_MAX} bytes")));
        }
        match name {
            "code" => self.code = Some(value.to_owned().into()),
            "state" => self.state = Some(value.to_owned().into()),
            "error" => self.error = Some(value.to_owned()),
            // Providers add parameters of their own: `iss`, `session_state`, `scope`, `error_description`.
            _ => {}
        }
        Ok(true)
    }
}
