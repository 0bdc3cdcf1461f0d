//! A client of one node. Each request has its own connection, so that it is known when nothing was sent.

use crate::node::HTTP_PORT;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use proof::{Caller, Lost, Request, Response};
use std::time::Duration;
use tokio::time::timeout;
use turmoil::net::TcpStream;

/// Connection timeout.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of a response; longer than the request timeout of a node.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(12);

/// Calls one node.
#[derive(Clone, Debug)]
pub struct SimCaller {
    pub host: String,
    pub secret: String,
}

impl Caller for SimCaller {
    fn name(&self) -> &str {
        &self.host
    }

    async fn call(&self, request: Request) -> Result<Response, Lost> {
        let unsent = |why: &dyn std::fmt::Display| Lost::Unsent(why.to_string());
        let unknown = |why: &dyn std::fmt::Display| Lost::Unknown(why.to_string());
        let connecting = TcpStream::connect((self.host.as_str(), HTTP_PORT));
        let stream = match timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(unsent(&error)),
            Err(late) => return Err(unsent(&late)),
        };
        let hands = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = hands.map_err(|error| unsent(&error))?;
        let connection = tokio::spawn(connection);
        let answer = timeout(ANSWER_TIMEOUT, async {
            let answer = sender.send_request(self.http(&request)).await?;
            let (head, body) = answer.into_parts();
            Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
        });
        let answer = answer.await;
        connection.abort();
        let (head, body) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unknown(&error)),
            Err(late) => return Err(unknown(&late)),
        };
        let headers = head.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Ok(Response {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }
}

impl SimCaller {
    fn http(&self, request: &Request) -> hyper::Request<Full<Bytes>> {
        let mut http = hyper::Request::builder()
            .method(request.method)
            .uri(&request.path)
            .header("host", &self.host)
            .header("authorization", format!("Bearer {}", self.secret));
        for (name, value) in &request.headers {
            http = http.header(*name, value);
        }
        let body = match &request.body {
            Some(body) => {
                http = http.header("content-type", "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        http.body(Full::new(body)).expect("proof makes valid requests")
    }
}
