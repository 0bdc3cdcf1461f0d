//! Query parameters that select an earlier state: a version or a moment.

use super::query::{Parameters, invalid, number};
use crate::problem::Problem;
use crate::reply::{NotATime, from_rfc3339};
use application::Moment;
use domain::{Message, Revision, Timestamp, Version};
use utoipa::IntoParams;

/// Maximum revision or version; the documented format is a signed 64-bit number.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// Which moment a list shows.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MomentQuery {
    /// As it was at this revision. Not together with `at`.
    #[param(value_type = Option<u64>, minimum = 1, example = 1)]
    revision: Option<Revision>,
    /// As it was at this time (RFC 3339; write a `+` as `%2B`): of each config the newest version that was
    /// made then or before, by the clocks of the nodes. Not together with `revision`.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-21T09:30:00Z")]
    at: Option<Timestamp>,
}

/// Which state of a config.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PastQuery {
    /// This version. At most one of `version`, `revision` and `at`.
    #[param(value_type = Option<u64>, minimum = 1, example = 1)]
    version: Option<Version>,
    /// As it was at this revision.
    #[param(value_type = Option<u64>, minimum = 1, example = 1)]
    revision: Option<Revision>,
    /// As it was at this time (RFC 3339; write a `+` as `%2B`): the newest version that was made then or
    /// before, by the clocks of the nodes.
    #[param(value_type = Option<String>, format = DateTime, example = "2026-11-21T09:30:00Z")]
    at: Option<Timestamp>,
}

/// The requested state of a config.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wanted {
    /// One version.
    Version(Version),
    /// The state at a moment.
    Moment(Moment),
}

/// Which versions are compared.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiffQuery {
    /// The version to begin with, 0 for before the first one; the one before `to` when left out.
    #[param(value_type = Option<u64>, minimum = 0, example = 1)]
    pub(crate) from: Option<Version>,
    /// The version to end with; the newest when left out.
    #[param(value_type = Option<u64>, minimum = 1, example = 2)]
    pub(crate) to: Option<Version>,
}

/// Why a change is made whose body has no room for it: a patch, a file, or none.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageQuery {
    /// Why, at most 1000 bytes.
    #[param(value_type = Option<String>, max_length = 1000,
        pattern = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$", example = "raise the limit")]
    pub(crate) message: Message,
}

impl MomentQuery {
    pub(crate) fn moment(&self) -> Moment {
        match (self.revision, self.at) {
            (Some(revision), _) => Moment::Revision(revision),
            (None, Some(at)) => Moment::Time(at),
            (None, None) => Moment::Now,
        }
    }
}

impl PastQuery {
    pub(crate) fn wanted(&self) -> Wanted {
        match self.version {
            Some(version) => Wanted::Version(version),
            None => Wanted::Moment(MomentQuery { revision: self.revision, at: self.at }.moment()),
        }
    }
}

impl Parameters for MomentQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "revision" => self.revision = Some(Revision(counted(name, value, 1)?)),
            "at" => self.at = Some(time(name, value)?),
            _ => return Ok(false),
        }
        if self.revision.is_some() && self.at.is_some() {
            return Err(invalid(name, "cannot be combined: send revision or at"));
        }
        Ok(true)
    }
}

impl Parameters for PastQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "version" => self.version = Some(Version(counted(name, value, 1)?)),
            "revision" => self.revision = Some(Revision(counted(name, value, 1)?)),
            "at" => self.at = Some(time(name, value)?),
            _ => return Ok(false),
        }
        let given = [self.version.is_some(), self.revision.is_some(), self.at.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(invalid(name, "cannot be combined: send version, revision or at"));
        }
        Ok(true)
    }
}

impl Parameters for DiffQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "from" => self.from = Some(Version(counted(name, value, 0)?)),
            "to" => self.to = Some(Version(counted(name, value, 1)?)),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Parameters for MessageQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name == "message" {
            let refused = |error: domain::TextError| {
                invalid(name, &format!("is not allowed: {error}")).with("limit_bytes", error.bytes_max)
            };
            self.message = Message::parse(value).map_err(refused)?;
        }
        Ok(name == "message")
    }
}

fn counted(name: &str, value: &str, least: u64) -> Result<u64, Problem> {
    let number = number(value).filter(|number| (least..=NUMBER_MAX).contains(number));
    number.ok_or_else(|| invalid(name, &format!("must be {least} to {NUMBER_MAX}")))
}

fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    from_rfc3339(value).map_err(|fault| match fault {
        NotATime::Form => {
            invalid(name, "must be an RFC 3339 time such as 2027-01-31T00:00:00Z, with a + written as %2B")
        }
        NotATime::Range => invalid(name, "is out of range"),
    })
}
