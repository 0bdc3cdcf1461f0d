//! The Guardian client against a small server that answers as `api.md` says.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Dev, DevNode, Guardian};
use crate::cluster::{Client, Cluster, Operation};
use crate::load::create_keys;
use crate::settings::Endpoints;

const API_KEY: &str = "gdn_dev_test";
const CONFIGS: &str = "/api/v1/projects/demo/environments/default/configs/";

/// How the server departs from the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Unavailable,
    OtherDocument,
    SameRevision,
}

#[derive(Debug)]
struct Fake {
    fault: Fault,
    schema: Option<Value>,
    documents: HashMap<String, Value>,
    revision: u64,
}

type Answer = (StatusCode, Vec<u8>);

impl Fake {
    fn answer(&mut self, request: &Request<()>, body: &[u8]) -> Result<Answer> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("authorization") != Some(&format!("Bearer {API_KEY}")) {
            return Ok((StatusCode::UNAUTHORIZED, Vec::new()));
        }
        let key = request.uri().path().strip_prefix(CONFIGS);
        match (request.method(), request.uri().path(), key) {
            (&Method::GET, "/readyz", _) => Ok((StatusCode::OK, Vec::new())),
            (&Method::GET, "/api/v1/cluster", _) => {
                Ok((StatusCode::OK, br#"{"node_id": 2, "leader_id": 2}"#.to_vec()))
            }
            (&Method::POST, "/api/v1/projects/demo/schemas", _) => {
                let body: Value = serde_json::from_slice(body)?;
                self.schema = Some(body["schema"].clone());
                Ok((StatusCode::CREATED, Vec::new()))
            }
            (&Method::PUT, _, Some(key)) => {
                self.put(key, header("if-match"), header("if-none-match"), &serde_json::from_slice(body)?)
            }
            (&Method::GET, _, Some(key)) => self.read(key, request.uri().query()),
            _ => Ok((StatusCode::NOT_FOUND, Vec::new())),
        }
    }

    fn put(&mut self, key: &str, matches: Option<&str>, none: Option<&str>, body: &Value) -> Result<Answer> {
        let exists = self.documents.contains_key(key);
        let status = match (matches, none, exists) {
            (Some("*"), None, true) => StatusCode::OK,
            (None, Some("*"), false) if body["schema"]["name"] == "bench" => StatusCode::CREATED,
            _ => return Ok((StatusCode::PRECONDITION_FAILED, Vec::new())),
        };
        if self.fault == Fault::Unavailable && exists {
            return Ok((StatusCode::SERVICE_UNAVAILABLE, b"no leader".to_vec()));
        }
        self.documents.insert(key.to_owned(), body["content"].clone());
        self.revision += u64::from(self.fault != Fault::SameRevision || !exists);
        Ok((status, serde_json::to_vec(&body["content"])?))
    }

    fn read(&self, path: &str, query: Option<&str>) -> Result<Answer> {
        let consistent = matches!(query, Some("consistency=linearizable" | "consistency=stale"));
        let key = path.strip_suffix("/content").filter(|_| consistent);
        let key = if self.fault == Fault::OtherDocument { Some("bench-0001") } else { key };
        match key.and_then(|key| self.documents.get(key)) {
            Some(document) => Ok((StatusCode::OK, serde_json::to_vec(document)?)),
            None => Ok((StatusCode::NOT_FOUND, Vec::new())),
        }
    }
}

async fn respond(fake: Arc<Mutex<Fake>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let mut fake = fake.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = fake.answer(&Request::from_parts(head, ()), &body)?;
    let answer = Response::builder().status(status).header("guardian-revision", fake.revision);
    Ok(answer.body(Full::from(body))?)
}

/// A cluster of three addresses of one fake server.
async fn cluster(fault: Fault) -> Result<(Guardian, Arc<Mutex<Fake>>)> {
    let fake = Fake { fault, schema: None, documents: HashMap::new(), revision: 0 };
    let fake = Arc::new(Mutex::new(fake));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let state = Arc::clone(&fake);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let state = Arc::clone(&state);
            let service = service_fn(move |request| respond(Arc::clone(&state), request));
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
        Ok::<(), Infallible>(())
    });
    let nodes = (0..3).map(|_| DevNode { url: url.clone(), pid: 1 }).collect();
    let text = |text: &str| text.to_owned();
    let dev = Dev { nodes, api_key: text(API_KEY), project: text("demo"), environment: text("default") };
    Ok((Guardian::new(dev)?, fake))
}

/// A prepared cluster and the outcome of one operation on key 7.
async fn one(fault: Fault, operation: Operation) -> Result<()> {
    let (guardian, _fake) = cluster(fault).await?;
    create_keys(guardian.connect_clients(Endpoints::All, 4).await?).await?;
    let mut client = guardian.connect(0).await?;
    client.call(Operation::Write, 8, 1).await?;
    client.call(operation, 7, 2).await
}

#[tokio::test]
async fn prepares_writes_and_reads() -> Result<()> {
    let (guardian, fake) = cluster(Fault::None).await?;
    guardian.wait_ready().await?;
    guardian.register_schema().await?;
    create_keys(guardian.connect_clients(Endpoints::All, 4).await?).await?;
    let mut client = guardian.connect(2).await?;
    for operation in Operation::MEASURED {
        client.call(operation, 7, 0xbeef).await?;
    }
    let fake = fake.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(fake.schema.as_ref().is_some_and(|schema| schema["required"].is_array()));
    assert_eq!(fake.documents.len(), crate::document::KEYS);
    assert_eq!(fake.documents["bench-0007"]["sequence"], "000000000000beef");
    Ok(())
}

#[tokio::test]
async fn a_wrong_document_is_an_error() {
    let error = one(Fault::OtherDocument, Operation::StaleRead).await.map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.contains("not the document")));
}

#[tokio::test]
async fn a_refusal_is_an_error() {
    let error = one(Fault::Unavailable, Operation::Write).await.map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.contains("503") && error.contains("no leader")));
}

#[tokio::test]
async fn a_write_without_a_new_revision_is_an_error() {
    let error = one(Fault::SameRevision, Operation::Write).await.map_err(|error| error.to_string());
    assert!(error.is_err_and(|error| error.contains("revision")));
}
