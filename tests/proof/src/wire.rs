//! The interface to a driver, which sends requests to nodes.

use serde_json::Value;
use std::fmt;

/// A request. The caller adds the credential and the content type.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `GET`, `PUT`, `POST` or `DELETE`.
    pub method: &'static str,
    /// Path with optional query; starts with a slash.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body, sent as compact text.
    pub body: Option<Value>,
}

/// A complete response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names (lower-case) and values.
    pub headers: Vec<(String, String)>,
    /// The JSON body; `Null` without one.
    pub body: Value,
}

/// Why there is no response.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Lost {
    /// The request certainly did not reach a server.
    Unsent(String),
    /// The request may have reached a server.
    Unknown(String),
}

/// Sends requests to one node.
pub trait Caller: Send + Sync {
    /// The node's name, for the history.
    fn name(&self) -> &str;

    /// Sends the request and waits for the complete response or a timeout.
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

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

impl Response {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The revision that the response reflects.
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
