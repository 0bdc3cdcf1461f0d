//! The client of a node for the clients of `proof`, with a count of acknowledged changes.

use proof::{Caller, Lost, Request, Response};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Timeout of a request. Longer than a node waits for a leader, shorter than the longest pause.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The number of changes acknowledged to any client.
pub type Acknowledged = Arc<AtomicU64>;

/// A client of one node.
#[derive(Clone, Debug)]
pub struct NodeCaller {
    name: String,
    url: String,
    key: String,
    http: reqwest::Client,
    acknowledged: Acknowledged,
}

impl NodeCaller {
    /// A client of the node at `url`.
    pub fn new(
        name: &str,
        url: &str,
        key: &str,
        http: &reqwest::Client,
        acknowledged: &Acknowledged,
    ) -> Self {
        let (name, url, key) = (name.to_owned(), url.to_owned(), key.to_owned());
        Self { name, url, key, http: http.clone(), acknowledged: acknowledged.clone() }
    }

    async fn send(&self, request: Request) -> Result<Response, Lost> {
        let method = Method::from_bytes(request.method.as_bytes());
        let method = method.map_err(|error| Lost::Unsent(error.to_string()))?;
        let mut call = self.http.request(method, format!("{}{}", self.url, request.path));
        call = call.timeout(TIMEOUT).bearer_auth(&self.key);
        let typed = request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        for (name, value) in request.headers {
            call = call.header(name, value);
        }
        if let Some(body) = request.body {
            if !typed {
                call = call.header("Content-Type", "application/json");
            }
            call = call.body(body.to_string());
        }
        let answer = call.send().await.map_err(|error| lost(&error))?;
        let status = answer.status().as_u16();
        let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = answer.headers().iter().map(header).collect();
        let bytes = answer.bytes().await.map_err(|error| Lost::Unknown(chain(&error)))?;
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Response { status, headers, body })
    }
}

impl Caller for NodeCaller {
    fn name(&self) -> &str {
        &self.name
    }

    async fn call(&self, request: Request) -> Result<Response, Lost> {
        let changes = request.method != "GET";
        let came = self.send(request).await;
        if changes && came.as_ref().is_ok_and(|response| response.status < 400) {
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        came
    }
}

fn lost(error: &reqwest::Error) -> Lost {
    if error.is_connect() { Lost::Unsent(chain(error)) } else { Lost::Unknown(chain(error)) }
}

fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
