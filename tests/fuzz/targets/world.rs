//! The real router over the real use cases and schema engine, on a replicated state of one in memory. Every
//! request is held to what must be true of all of them.

use crate::swap::Swap;
use adapter_http::{EdgeRules, HttpObserver, Outside, Probes, Readiness, WatchRules, router};
use adapter_schema::JsonSchemaEngine;
use application::Application;
use application::testing::{SeededIds, TestApplication, application_with};
use axum::Router;
use axum::body::Body;
use domain::{Row, State};
use e2e::{Answer, contract};
use http::{HeaderName, HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// The project that is there.
pub const PROJECT: &str = "/api/v1/projects/demo";
/// Its configs.
pub const CONFIGS: &str = "/api/v1/projects/demo/environments/default/configs";

/// The stable codes with their statuses, as adapter-http keeps them.
static CODES: LazyLock<BTreeSet<(u16, String)>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/adapters/http/tests/codes.txt");
    let text = std::fs::read_to_string(path).expect("the list of codes is there");
    let pair = |line: &str| {
        let (status, rest) = line.split_once(' ')?;
        Some((status.parse().ok()?, rest.split(' ').next()?.to_owned()))
    };
    text.lines().filter_map(pair).collect()
});

static OPERATIONS: LazyLock<BTreeSet<(String, String)>> = LazyLock::new(|| contract().operations());

/// A request as bytes.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// Health, and the route of the last request.
#[derive(Default)]
struct Seen(Mutex<String>);

impl Probes for Seen {
    fn live(&self) -> bool {
        true
    }

    fn ready(&self) -> Readiness {
        Readiness { ready: true, checks: vec![("leader", true, "a leader is known".to_owned())] }
    }

    fn started(&self) -> bool {
        true
    }
}

impl HttpObserver for Seen {
    fn started(&self) {}

    fn finished(&self, _: &str, route: &str, _: u16, _: Option<&'static str>, _: f64) {
        route.clone_into(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A server of one, and what runs it.
pub struct World {
    runtime: Runtime,
    router: Router,
    swap: Arc<Swap>,
    test: RefCell<TestApplication>,
    seen: Arc<Seen>,
}

impl World {
    /// A new server; see [`Self::renew`].
    pub fn new() -> Self {
        let test = application_with(Arc::new(JsonSchemaEngine::new()));
        let swap = Swap::new(test.ports.clone());
        let application = Application::new(&swap.ports());
        let seen = Arc::new(Seen::default());
        let outside = Outside {
            probes: seen.clone(),
            observer: seen.clone(),
            metrics: Arc::new(|| "up 1\n".to_owned()),
            ids: Arc::new(SeededIds::new(9)),
            request_timeout: Duration::from_secs(30),
            watch: WatchRules::default(),
            edge: EdgeRules::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let world =
            Self { runtime, router: router(application, outside), swap, test: RefCell::new(test), seen };
        world.renew();
        world
    }

    /// Back to a project, a schema and two configs, one of them bound and changed once.
    pub fn renew(&self) {
        let test = application_with(Arc::new(JsonSchemaEngine::new()));
        self.swap.replace(test.ports.clone());
        self.test.replace(test);
        let schema = r#"{"name":"limits","schema":{"type":"object","properties":{"n":{"type":"integer"}}}}"#;
        let bound = r#"{"content":{"n":1},"schema":{"name":"limits"}}"#;
        for (method, target, header, body) in [
            ("POST", "/api/v1/projects".to_owned(), ("accept", "*/*"), r#"{"name":"demo"}"#),
            ("POST", format!("{PROJECT}/schemas"), ("accept", "*/*"), schema),
            ("PUT", format!("{CONFIGS}/a"), ("if-none-match", "*"), bound),
            ("PUT", format!("{CONFIGS}/a"), ("if-match", "\"1\""), r#"{"content":{"n":2}}"#),
            ("PUT", format!("{CONFIGS}/b"), ("if-none-match", "*"), r#"{"content":[1,2]}"#),
        ] {
            let answer =
                self.as_admin(method, &target, &[header], body.as_bytes()).expect("it is well formed");
            assert!(answer.status < 300, "{method} {target}: {answer:?}");
        }
    }

    /// The secret of the key that may everything.
    pub fn secret(&self) -> String {
        self.test.borrow().admin_secret.clone()
    }

    /// Sends a request with the administrator's key, and a type when there is a body.
    pub fn as_admin(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let secret = self.secret();
        let mut all = vec![("x-api-key", secret.as_str())];
        if !body.is_empty() {
            all.push(("content-type", "application/json"));
        }
        all.extend_from_slice(headers);
        let headers = all.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        self.send(&Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.collect(),
            body: body.to_vec(),
        })
    }

    /// Sends a request and checks the answer; `None` when it is none that a server would hand on.
    pub fn send(&self, request: &Request) -> Option<Answer> {
        let mut sent = http::Request::new(Body::from(request.body.clone()));
        *sent.method_mut() = Method::from_bytes(request.method.as_bytes()).ok()?;
        let target: Uri = request.target.parse().ok()?;
        // What hyper hands on has a path, except for a proxy's requests.
        *sent.uri_mut() = target.path().starts_with('/').then_some(target)?;
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            sent.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
        }
        let safe = sent.method().is_safe();
        let before = self.test.borrow().node.state();
        let answer = self.runtime.block_on(async {
            let response = self.router.clone().oneshot(sent).await.expect("the router never fails");
            let (parts, mut body) = response.into_parts();
            let kind = parts.headers.get(http::header::CONTENT_TYPE);
            let body = if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
                // It has no end; a resumed one may have nothing to say.
                let first = tokio::time::timeout(Duration::from_millis(1), body.frame()).await;
                let frame = first.ok().flatten().map(|frame| frame.expect("bodies are in memory"));
                frame.and_then(|frame| frame.into_data().ok()).unwrap_or_default().to_vec()
            } else {
                body.collect().await.expect("bodies are in memory").to_bytes().to_vec()
            };
            let request = format!("{} {}", request.method, request.target);
            Answer { request, status: parts.status.as_u16(), headers: parts.headers, body }
        });
        let route = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        judge(&request.method, &route, &answer);
        unchanged_when_refused(&answer, safe, &before, &self.test.borrow().node.state());
        Some(answer)
    }
}

/// What is true of every answer.
fn judge(method: &str, route: &str, answer: &Answer) {
    let shown =
        || format!("{} -> {} {}", answer.request, answer.status, String::from_utf8_lossy(&answer.body));
    assert!(answer.headers.contains_key("x-request-id"), "{}: no request id", shown());
    assert_ne!(answer.status, 500, "{}: a panic, or an error that nobody expected", shown());
    // An answer to HEAD has no body to look into.
    if answer.status >= 400 && method != "HEAD" {
        let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or_default();
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", shown());
        assert!(CODES.contains(&(answer.status, code.to_owned())), "{}: the code is not stable", shown());
        assert_eq!(problem["instance"].as_str(), answer.header("x-request-id"), "{}", shown());
        // There is a leader, time and room: only a revision that does not exist is beyond this server, people, and
        // the log of a process that has none.
        let is_log = route == "/api/v1/cluster/log-filter" && code == "unavailable";
        let beyond = is_log || ["behind", "identity_unavailable"].contains(&code);
        assert!(answer.status < 500 || beyond, "{}", shown());
    }
    if OPERATIONS.contains(&(method.to_owned(), route.to_owned())) {
        let judged = contract().judge(method, route, answer);
        assert_eq!(judged, Ok(()), "{} is not as openapi.yaml says", shown());
    } else {
        assert!(answer.status >= 400 || matches!(method, "GET" | "HEAD"), "{}: not documented", shown());
    }
}

fn unchanged_when_refused(answer: &Answer, safe: bool, before: &State, after: &State) {
    let rows = |state: &State| state.rows().collect::<Vec<Row>>();
    if safe || answer.status >= 300 {
        assert_eq!(after.revision(), before.revision(), "{}: {}", answer.request, answer.status);
        assert!(rows(after) == rows(before), "{}: {} changed something", answer.request, answer.status);
    } else {
        assert_eq!(after.revision(), before.revision().next(), "{}: {}", answer.request, answer.status);
    }
}
