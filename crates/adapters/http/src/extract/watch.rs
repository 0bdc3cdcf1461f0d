//! Query parameters of watches and waiting reads: start revision, keys, wait time.

use super::query::{Parameters, invalid, number};
use crate::problem::Problem;
use application::ports::Consistency;
use axum::extract::FromRequestParts;
use domain::Revision;
use http::HeaderName;
use http::Uri;
use http::request::Parts;
use std::time::Duration;
use utoipa::IntoParams;

/// Maximum wait of a read for a change.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);
/// Maximum revision to resume after; the documented format is a signed 64-bit number.
const AFTER_REVISION_MAX: u64 = i64::MAX as u64;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What is watched, and from where on.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WatchQuery {
    /// Give what changed after this revision; leaving it out begins with a `reset`. `Last-Event-ID` wins.
    #[param(value_type = Option<u64>, minimum = 0, example = 1)]
    pub(crate) after_revision: Option<Revision>,
    /// How the first `reset` is read: `linearizable` (the default), or `stale`, also without a leader.
    #[param(value_type = Option<String>, pattern = "^(linearizable|stale)$", example = "linearizable")]
    pub(crate) consistency: Consistency,
    /// How the present state is told: `many` (the default) as one `put` for each config, or `one` as the items of
    /// the `reset`, which is then one line of any length.
    #[param(value_type = Option<String>, pattern = "^(many|one)$", example = "many")]
    pub(crate) snapshot: Snapshot,
}

/// The form of the initial state of a watch.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Snapshot {
    /// `reset`, one `put` for each config, `synced`.
    #[default]
    Many,
    /// One `reset` with all configs.
    One,
}

/// How long a read waits for a change.
#[derive(Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// With `If-None-Match`: wait so long for another version before answering 304; `"0"` stands for a
    /// config that does not exist. At most `60s`.
    #[param(value_type = Option<String>, max_length = 7, example = "1s",
        pattern = "^((60|[0-5]?[0-9])s|(60000|[0-5]?[0-9]{1,4})ms)$")]
    pub(crate) wait: Duration,
}

/// Extractor: the revision to resume after (`Last-Event-ID`).
pub(crate) struct LastEventId(pub(crate) Option<Revision>);

impl Parameters for WatchQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        match name {
            "snapshot" => {
                self.snapshot = match value {
                    "many" => Snapshot::Many,
                    "one" => Snapshot::One,
                    _ => return Err(invalid("snapshot", "must be many or one")),
                }
            }
            "after_revision" => self.after_revision = Some(after("after_revision", value)?),
            "consistency" => self.consistency = super::query::consistency(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Parameters for WaitQuery {
    fn take(&mut self, name: &str, value: &str) -> Result<bool, Problem> {
        if name != "wait" {
            return Ok(false);
        }
        self.wait = duration(value).filter(|wait| *wait <= WAIT_MAX).ok_or_else(|| {
            let rule = format!("must be a number of s or ms, such as 30s, at most {}s", WAIT_MAX.as_secs());
            invalid("wait", &rule).with("limit_ms", u64::try_from(WAIT_MAX.as_millis()).unwrap_or(u64::MAX))
        })?;
        Ok(true)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(LAST_EVENT_ID).iter();
        let Some(first) = values.next() else { return Ok(Self(None)) };
        if values.next().is_some() {
            return Err(invalid("Last-Event-ID", "must appear only once"));
        }
        match first.to_str().unwrap_or("?").trim() {
            // Sent by a client that has not received an id yet.
            "" => Ok(Self(None)),
            text => Ok(Self(Some(after("Last-Event-ID", text)?))),
        }
    }
}

/// The requested wait, in addition to the request timeout; zero if the value is invalid.
pub(crate) fn asked_wait(uri: &Uri) -> Duration {
    let pairs = uri.query().unwrap_or_default().split('&');
    let wait = pairs.filter_map(|pair| pair.strip_prefix("wait=")).find_map(duration);
    wait.unwrap_or_default().min(WAIT_MAX)
}

fn after(parameter: &str, text: &str) -> Result<Revision, Problem> {
    let revision = number(text).filter(|revision| *revision <= AFTER_REVISION_MAX);
    let refused = || invalid(parameter, &format!("must be 0 to {AFTER_REVISION_MAX}"));
    Ok(Revision(revision.ok_or_else(refused)?))
}

/// Parses `30s` or `500ms`.
fn duration(text: &str) -> Option<Duration> {
    let (digits, digits_max, unit): (_, _, fn(u64) -> Duration) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 5, Duration::from_millis),
        None => (text.strip_suffix('s')?, 2, Duration::from_secs),
    };
    number(digits).filter(|_| digits.len() <= digits_max).map(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, ms: Option<u64>) {
        assert_eq!(duration(text), ms.map(Duration::from_millis), "{text}");
    }

    #[test]
    fn durations_have_a_unit() {
        check("30s", Some(30_000));
        check("0s", Some(0));
        check("250ms", Some(250));
        for wrong in ["30", "s", "ms", "-1s", "+1s", "1.5s", "100s", "100000ms", "1m", " 1s"] {
            check(wrong, None);
        }
    }

    #[test]
    fn a_request_may_take_longer_when_it_waits() {
        let wait = |query: &str| asked_wait(&format!("/x?{query}").parse().expect("a path"));
        assert_eq!(wait("a=1&wait=2s"), Duration::from_secs(2));
        assert_eq!(wait("wait=99999ms"), WAIT_MAX);
        assert_eq!(wait("wait=soon"), Duration::ZERO);
    }
}
