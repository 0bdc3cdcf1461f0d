//! One connection to one Guardian node: puts a bound document, reads it back, checks each answer.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;

use super::{Headers, Paths, text};
use crate::cluster::{Client, Operation};
use crate::document::Document;

/// The answer header that says which revision a change made.
const REVISION: &str = "guardian-revision";

/// A client with its own connection.
pub struct GuardianClient {
    connection: SendRequest<Full<Bytes>>,
    paths: Arc<Paths>,
    pub headers: Headers,
    create: Document,
    write: Document,
    /// The revision of this client's last write: the next must be higher.
    revision: u64,
}

impl GuardianClient {
    pub(super) fn new(connection: SendRequest<Full<Bytes>>, paths: Arc<Paths>, headers: Headers) -> Self {
        Self {
            connection,
            paths,
            headers,
            create: Document::new(r#"{"content":"#, r#","schema":{"name":"bench"}}"#),
            write: Document::new(r#"{"content":"#, "}"),
            revision: 0,
        }
    }

    /// Sends one request and reads the whole answer.
    pub async fn send(
        &mut self,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes)> {
        let (head, body) = self.exchange(method, uri, headers, body).await?;
        Ok((head.status, body))
    }

    /// Reads.
    pub async fn get(&mut self, uri: Uri) -> Result<(StatusCode, Bytes)> {
        self.send(Method::GET, uri, self.headers.read.clone(), Bytes::new()).await
    }

    /// Reads, and shows each part of the answer as it comes.
    pub async fn stream(&mut self, uri: Uri, mut show: impl FnMut(&[u8])) -> Result<StatusCode> {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.read.clone();
        self.connection.ready().await?;
        let (head, mut body) = self.connection.send_request(request).await?.into_parts();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame?.data_ref() {
                show(data);
            }
        }
        Ok(head.status)
    }

    async fn exchange(
        &mut self,
        method: Method,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(http::response::Parts, Bytes)> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        self.connection.ready().await?;
        let (head, body) = self.connection.send_request(request).await?.into_parts();
        Ok((head, body.collect().await?.to_bytes()))
    }

    async fn put(&mut self, key: usize, headers: HeaderMap, body: Bytes, expected: StatusCode) -> Result<()> {
        let uri = self.paths.configs[key].clone();
        let (head, body) = self.exchange(Method::PUT, uri, headers, body).await?;
        ensure!(head.status == expected, "{} {}", head.status, text(&body));
        let revision = head.headers.get(REVISION).context("an answer without Guardian-Revision")?;
        let revision: u64 = revision.to_str()?.parse()?;
        ensure!(revision > self.revision, "revision {revision} after {}", self.revision);
        self.revision = revision;
        Ok(())
    }

    async fn read(&mut self, key: usize, uri: Uri) -> Result<()> {
        let headers = self.headers.read.clone();
        let (status, body) = self.send(Method::GET, uri, headers, Bytes::new()).await?;
        ensure!(status == StatusCode::OK, "{status} {}", text(&body));
        ensure!(self.write.matches(key, &body), "not the document that was written: {}", text(&body));
        Ok(())
    }
}

impl Client for GuardianClient {
    async fn call(&mut self, operation: Operation, key: usize, sequence: u64) -> Result<()> {
        match operation {
            Operation::Create => {
                let body = Bytes::copy_from_slice(self.create.fill(key, sequence));
                self.put(key, self.headers.create.clone(), body, StatusCode::CREATED).await
            }
            Operation::Write => {
                let body = Bytes::copy_from_slice(self.write.fill(key, sequence));
                self.put(key, self.headers.write.clone(), body, StatusCode::OK).await
            }
            Operation::LinearizableRead => self.read(key, self.paths.linearizable[key].clone()).await,
            Operation::StaleRead => self.read(key, self.paths.stale[key].clone()).await,
        }
    }
}
