//! A client that holds every answer to the contract.

use crate::contract::{contract, problem};
use crate::{Answer, Watching, fresh_name, leaks};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// Longer than the server's own limit, so that it is the server that gives up.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longer than any test watches.
const WATCH_TIMEOUT: Duration = Duration::from_hours(1);

/// Why there is no answer: the connection broke, or was never there.
#[derive(Debug)]
pub struct Transport {
    /// Whether the request certainly never left.
    pub unsent: bool,
    /// For people.
    pub message: String,
}

/// A client of one node. Each test makes its own: connections belong to the runtime of a test.
#[derive(Clone, Debug)]
pub struct TestClient {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
    timeout: Duration,
}

impl TestClient {
    /// A client of the node at `url`, with an API key or without.
    pub fn new(url: &str, key: Option<&str>) -> Self {
        key.into_iter().for_each(leaks::secret);
        let http =
            reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client can be made");
        Self { http, url: url.to_owned(), key: key.map(str::to_owned), timeout: TIMEOUT }
    }

    /// The same node with another key.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        leaks::secret(key);
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// The same node without a key.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { key: None, ..self.clone() }
    }

    /// Gives up after this time.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Where the node is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The API key that it sends.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// A request. `path` begins with a slash and may have a query.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        request = request.timeout(self.timeout).header("X-Request-ID", fresh_name("req"));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        Call { method, path: path.to_owned(), request, documented: true }
    }

    /// GET.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// PUT.
    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    /// POST.
    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    /// PATCH.
    pub fn patch(&self, path: &str) -> Call {
        self.call(Method::PATCH, path)
    }

    /// DELETE.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

/// A request in the making.
#[derive(Debug)]
#[must_use]
pub struct Call {
    method: Method,
    path: String,
    request: RequestBuilder,
    documented: bool,
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    /// Only if the config has this version.
    pub fn if_match(self, version: u64) -> Self {
        self.header("If-Match", &format!("\"{version}\""))
    }

    /// Whatever version the config has.
    pub fn if_any(self) -> Self {
        self.header("If-Match", "*")
    }

    /// Only if the config does not exist.
    pub fn if_absent(self) -> Self {
        self.header("If-None-Match", "*")
    }

    /// A JSON body.
    pub fn json(self, body: &Value) -> Self {
        leaks::request(body);
        self.text("application/json", body.to_string())
    }

    /// Any body.
    pub fn text(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.request = self.request.header("Content-Type", kind).body(body.into());
        self
    }

    /// The contract says nothing of this request: only the form of a refusal is checked.
    pub fn undocumented(mut self) -> Self {
        self.documented = false;
        self
    }

    /// Sends it; panics when no answer comes, or one that is not in the contract.
    pub async fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        self.try_send().await.unwrap_or_else(|error| panic!("{what}: {}", error.message))
    }

    /// Sends it and opens the stream of events that comes back; panics when it is a refusal.
    pub async fn watch(self) -> Watching {
        let what = format!("{} {}", self.method, self.path);
        self.try_watch().await.unwrap_or_else(|error| panic!("{what}: {}", error.message))
    }

    /// Sends it and opens the stream of events that comes back. A refusal is an error too.
    pub async fn try_watch(self) -> Result<Watching, Transport> {
        let Self { method, path, request, .. } = self;
        let response = request.timeout(WATCH_TIMEOUT).send().await.map_err(|error| transport(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if status == 200 {
            let kind = headers.get("content-type");
            assert!(
                kind.is_some_and(|kind| kind == "text/event-stream; charset=utf-8"),
                "{method} {path}: {kind:?}"
            );
            return Ok(Watching::new(response));
        }
        let body = response.bytes().await.map_err(|error| transport(&error))?.to_vec();
        let answer = Answer { request: format!("{method} {path}"), status, headers, body };
        contract().check(method.as_str(), &path, &answer);
        Err(Transport { unsent: false, message: format!("{status} {}", answer.code()) })
    }

    /// Sends it; panics when an answer comes that is not in the contract.
    pub async fn try_send(self) -> Result<Answer, Transport> {
        let Self { method, path, request, documented } = self;
        let response = request.send().await.map_err(|error| transport(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(|error| transport(&error))?.to_vec();
        let answer = Answer { request: format!("{method} {path}"), status, headers, body };
        leaks::answer(method.as_str(), &answer);
        if documented {
            contract().check(method.as_str(), &path, &answer);
        } else if status >= 400 {
            let kind = answer.header("content-type");
            assert_eq!(kind, Some("application/problem+json"), "{method} {path}: {status}");
            problem(&answer).unwrap_or_else(|fault| panic!("{method} {path}: {fault}"));
        }
        Ok(answer)
    }
}

pub(crate) fn transport(error: &reqwest::Error) -> Transport {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    Transport { unsent: error.is_connect(), message }
}
