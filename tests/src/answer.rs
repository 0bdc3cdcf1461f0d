//! An answer, read to its end.

use crate::say;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The request, for messages.
    pub request: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it is.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are ASCII"))
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap_or_else(|_| panic!("{}: the body is not UTF-8", self.request))
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {:?}", self.request, self.text()))
    }

    /// Panics with the whole answer when the status is another one.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "most callers only want the panic")]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.request, String::from_utf8_lossy(&self.body));
        self
    }

    /// Panics when it is not this refusal; gives the problem.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        let problem = self.is(status).json();
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    /// The stable code of a refusal; empty for a success.
    pub fn code(&self) -> String {
        if self.status < 400 {
            return String::new();
        }
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The number in the entity tag.
    #[track_caller]
    pub fn etag(&self) -> u64 {
        let tag = self.header("etag").unwrap_or_else(|| panic!("{}: no ETag", self.request));
        let number = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        number.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{}: ETag {tag}", self.request))
    }

    /// The revision that the answer reflects.
    #[track_caller]
    pub fn revision(&self) -> u64 {
        let text = self.header("guardian-revision");
        let number = text.and_then(|text| text.parse().ok());
        number.unwrap_or_else(|| panic!("{}: Guardian-Revision {text:?}", self.request))
    }

    /// Shows the answer to who watches.
    pub fn show(&self) {
        say(format_args!("{} -> {} {}", self.request, self.status, String::from_utf8_lossy(&self.body)));
    }
}
