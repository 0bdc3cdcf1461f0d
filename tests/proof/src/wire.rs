//! What a driver must bring: a way to send one request to one node.

use serde_json::Value;
use std::fmt;

/// One request. The caller adds the credential and the content type.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `PUT`, `POST` or `DELETE`.
    pub method: &'static str,
    /// Begins with a slash and may have a query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// Sent as its compact text.
    pub body: Option<Value>,
}

/// One answer, read to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The names are in lower case.
    pub headers: Vec<(String, String)>,
    /// `Null` when there is no body, or none that is JSON.
    pub body: Value,
}

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lost {
    /// The request certainly never reached a server.
    Unsent(String),
    /// It may have.
    Unknown(String),
}

/// A way to one node.
pub trait Caller: Send + Sync {
    /// The node's name, for the history.
    fn name(&self) -> &str;

    /// Sends the request and waits for the whole answer, or gives up.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response, Lost>> + Send;
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(why) => write!(f, "never sent: {why}"),
            Self::Unknown(why) => write!(f, "lost: {why}"),
        }
    }
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The revision that the answer reflects.
    pub fn revision(&self) -> Option<u64> {
        self.header("guardian-revision")?.parse().ok()
    }

    /// The version in the entity tag.
    pub fn etag(&self) -> Option<u64> {
        self.header("etag")?.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> Option<&str> {
        self.body["code"].as_str().filter(|_| self.status >= 400)
    }
}
