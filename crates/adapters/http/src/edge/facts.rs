//! Metadata of a request, shared by the edge and the extractors.

use super::Client;
use crate::limit::{Class, Standing};
use crate::problem::Problem;
use application::Origin;
use application::identity::{CLIENT_TEXT_BYTES_MAX, Visitor};
use domain::{Actor, Digest, RequestId};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::OnceLock;

/// The trace header (W3C Trace Context).
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Metadata of a request.
#[derive(Debug)]
pub(crate) struct Facts {
    /// The request id.
    pub(crate) id: RequestId,
    /// The client.
    pub(crate) client: Client,
    /// The `User-Agent` header; `trace` is the `traceparent` header.
    user_agent: Option<HeaderValue>,
    trace: Option<HeaderValue>,
    /// The class of rate limit.
    pub(crate) class: Class,
    /// The caller, once authenticated.
    pub(crate) actor: OnceLock<Actor>,
    /// The state of the applied rate limit, once counted.
    pub(crate) standing: OnceLock<Standing>,
    /// The refusal of a sign-in over the address limit. It applies unless the user signed in from there
    /// recently.
    pub(crate) over_limit: OnceLock<Problem>,
}

impl Facts {
    pub(super) fn new(id: RequestId, client: Client, class: Class, headers: &HeaderMap) -> Self {
        let (user_agent, trace) = (headers.get(USER_AGENT).cloned(), headers.get(TRACEPARENT).cloned());
        let (actor, standing, over_limit) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { id, client, user_agent, trace, class, actor, standing, over_limit }
    }

    /// The origin of the request, for the audit.
    pub(crate) fn origin(&self) -> Origin {
        let text = |value: &Option<HeaderValue>| {
            let value = value.as_ref().map(HeaderValue::as_bytes).unwrap_or_default();
            printable(&String::from_utf8_lossy(value))
        };
        let mut user_agent = text(&self.user_agent);
        user_agent.truncate(user_agent.floor_char_boundary(CLIENT_TEXT_BYTES_MAX));
        Origin {
            address: self.client.address.map(|address| address.to_string()).unwrap_or_default(),
            user_agent,
            trace_id: trace_id(&text(&self.trace)).map_or_else(|| own_trace(&self.id), str::to_owned),
            message: None,
        }
    }

    /// The context of an anonymous request.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor { request_id: self.id.clone(), origin: self.origin() }
    }
}

/// The text without control characters, which not every database accepts.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|one| !one.is_control()).collect()
}

/// The trace id of a `traceparent`: `00-<32 hexadecimal digits>-…`.
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    let valid =
        id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    valid.then_some(id)
}

/// A trace id for a request without one. It depends on the request id only.
fn own_trace(id: &RequestId) -> String {
    Digest::of(&[b"guardian trace\0", id.as_str().as_bytes()]).to_string()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_a_trace_begins_one() {
        let [one, other] = ["r-1", "r-2"].map(|id| own_trace(&RequestId::parse(id).expect("an id")));
        assert!(domain::TraceId::parse(&one).is_ok() && one != other, "{one} {other}");
    }

    #[test]
    fn only_well_formed_traces_count() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace_id(good), Some("0af7651916cd43dd8448eb211c80319c"));
        for bad in ["", "00", "00-xyz-1-01", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
