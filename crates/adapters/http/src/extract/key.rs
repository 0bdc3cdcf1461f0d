//! Query parameters of the operations on API keys.

use super::query::{Parameters, invalid, number};
use crate::problem::Problem;
use domain::limits::{API_KEY_OVERLAP_MS_DEFAULT, API_KEY_OVERLAP_MS_MAX};
use utoipa::IntoParams;

/// Maximum length of an actor, in bytes: `api-key:` and an id.
const ACTOR_BYTES_MAX: usize = 128;
/// Maximum overlap, in seconds.
const OVERLAP_SECONDS_MAX: u64 = API_KEY_OVERLAP_MS_MAX / 1000;

/// Which API keys are listed.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MakerQuery {
    /// Only those that this actor made: `user:<id>`, `api-key:<id>` or `system`.
    #[param(value_type = Option<String>, max_length = 128, pattern = "^[a-z0-9:_-]*$", example = "system")]
    pub(crate) created_by: Option<String>,
}

impl Parameters for MakerQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "created_by" {
            return Ok(false);
        }
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":_-".contains(&byte);
        if value.len() > ACTOR_BYTES_MAX || !value.bytes().all(allowed) {
            return Err(invalid(name, "must be user:<id>, api-key:<id> or system")
                .with("limit_bytes", ACTOR_BYTES_MAX));
        }
        self.created_by = Some(value.to_owned());
        Ok(true)
    }
}

/// How long the secret before a rotation stays good.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OverlapQuery {
    /// How long the secret before stays good, in seconds; 0 ends it at once.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 2_592_000, default = 86400, example = 86400)]
    overlap_seconds: Option<u64>,
}

impl OverlapQuery {
    /// The overlap in milliseconds.
    pub(crate) fn overlap_ms(&self) -> u64 {
        self.overlap_seconds.map_or(API_KEY_OVERLAP_MS_DEFAULT, |seconds| seconds * 1000)
    }
}

impl Parameters for OverlapQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "overlap_seconds" {
            return Ok(false);
        }
        let seconds = number(value).filter(|seconds| *seconds <= OVERLAP_SECONDS_MAX);
        let refused = || {
            invalid(name, &format!("must be 0 to {OVERLAP_SECONDS_MAX}")).with("limit", OVERLAP_SECONDS_MAX)
        };
        self.overlap_seconds = Some(seconds.ok_or_else(refused)?);
        Ok(true)
    }
}
