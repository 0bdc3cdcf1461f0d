//! A server with one in-memory node, and assertions on its responses.

use crate::conformance;
use adapter_http::{EdgeRules, HttpObserver, Outside, Probes, Readiness, WatchRules, router};
use application::identity::{Identity, IdentityPorts, IdentityRules};
use application::testing::identity::{TestIdentity, identity};
use application::testing::{SeededIds, TestApplication, application};
use application::{Application, Ports};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

/// The configs of the project `demo`.
pub const CONFIGS: &str = "/api/v1/projects/demo/environments/default/configs";
/// The project `demo`, which every test server has.
pub const PROJECT: &str = "/api/v1/projects/demo";

/// An observed request: method, route, status, code.
pub type Observed = (String, String, u16, Option<&'static str>);

/// Health and metrics controlled by the test.
#[derive(Default)]
pub struct World {
    pub unhealthy: AtomicBool,
    pub panics: AtomicBool,
    pub in_flight: AtomicI64,
    pub observed: Mutex<Vec<Observed>>,
    pub watchers: AtomicI64,
    pub sent: Mutex<Vec<&'static str>>,
}

impl Probes for World {
    fn live(&self) -> bool {
        !self.unhealthy.load(Ordering::SeqCst)
    }

    fn ready(&self) -> Readiness {
        let ok = self.live();
        Readiness { ready: ok, checks: vec![("leader", ok, "a leader is known".to_owned())] }
    }

    fn started(&self) -> bool {
        self.live()
    }
}

impl HttpObserver for World {
    fn started(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    fn finished(&self, method: &str, route: &str, status: u16, code: Option<&'static str>, seconds: f64) {
        assert!(seconds >= 0.0);
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let observed = (method.to_owned(), route.to_owned(), status, code);
        self.observed.lock().expect("no test panics inside").push(observed);
    }

    fn watch_opened(&self) {
        self.watchers.fetch_add(1, Ordering::SeqCst);
    }

    fn watch_closed(&self) {
        self.watchers.fetch_sub(1, Ordering::SeqCst);
    }

    fn watch_sent(&self, event: &'static str) {
        self.sent.lock().expect("no test panics inside").push(event);
    }
}

/// Yields to other tasks until the condition holds.
pub async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it holds in time");
}

/// The router with an application on fakes.
pub struct Server {
    pub router: Router,
    pub test: TestApplication,
    pub world: Arc<World>,
    people: Option<TestIdentity>,
    /// Disables the check of responses against the API document, which is slow.
    pub unchecked: bool,
}

/// The password of users created by [`Server::person`].
pub const PASSWORD: &str = "correct horse battery";

fn outside(world: &Arc<World>, request_timeout: Duration, watch: WatchRules, edge: EdgeRules) -> Outside {
    let panics = world.clone();
    Outside {
        probes: world.clone(),
        observer: world.clone(),
        metrics: Arc::new(move || {
            assert!(!panics.panics.load(Ordering::SeqCst), "the test asked for it");
            "up 1\n".to_owned()
        }),
        ids: Arc::new(SeededIds::new(9)),
        request_timeout,
        watch,
        edge,
    }
}

/// A complete response.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are ASCII"))
    }

    /// Asserts that the response is the problem `code` in the documented form.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> Value {
        let shown = String::from_utf8_lossy(&self.body).chars().take(500).collect::<String>();
        assert_eq!(self.status.as_u16(), status, "{shown}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{shown}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{shown}");
        assert_eq!(problem["status"], status, "{shown}");
        assert_eq!(problem["type"], format!("/problems/{code}"), "{shown}");
        assert_eq!(problem["instance"], self.header("x-request-id"), "{shown}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{shown}");
        problem
    }

    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }
}

impl Server {
    /// A server with the project `demo`.
    pub async fn new() -> Self {
        let server = Self::on(|_| {}, Duration::from_secs(30));
        server.send("POST", "/api/v1/projects", &[], r#"{"name":"demo"}"#).await.is(201);
        server
    }

    /// A server with modified ports.
    pub fn on(change: impl FnOnce(&mut Ports), request_timeout: Duration) -> Self {
        Self::watched(change, request_timeout, WatchRules::default())
    }

    /// A server with modified ports and settings of watches.
    pub fn watched(change: impl FnOnce(&mut Ports), request_timeout: Duration, watch: WatchRules) -> Self {
        Self::ruled(change, request_timeout, watch, EdgeRules::default())
    }

    /// A server with the project `demo` and settings of the edge.
    pub async fn behind(edge: EdgeRules) -> Self {
        let server = Self::ruled(|_| {}, Duration::from_secs(30), WatchRules::default(), edge);
        server.send("POST", "/api/v1/projects", &[], r#"{"name":"demo"}"#).await.is(201);
        server
    }

    /// A server with the project `demo` and users, on fakes.
    pub async fn of_people() -> Self {
        Self::of_people_by(IdentityRules::default(), EdgeRules::default()).await
    }

    /// A server with users and these settings.
    pub async fn of_people_by(rules: IdentityRules, edge: EdgeRules) -> Self {
        let mut server = Self::ruled(|_| {}, Duration::from_secs(30), WatchRules::default(), edge.clone());
        let people = identity(&server.test, rules);
        server.test.application = server.test.application.clone().with_identity(people.identity.clone());
        let outside = outside(&server.world, Duration::from_secs(30), WatchRules::default(), edge);
        server.router = router(server.test.application.clone(), outside);
        server.people = Some(people);
        server.send("POST", "/api/v1/projects", &[], r#"{"name":"demo"}"#).await.is(201);
        server
    }

    /// Replaces ports of the identity services.
    pub fn replace_ports(&mut self, change: impl FnOnce(&mut IdentityPorts)) {
        let mut ports = self.people().ports.clone();
        change(&mut ports);
        let identity = Identity::new(&self.test.ports, ports, IdentityRules::default());
        self.test.application = self.test.application.clone().with_identity(identity);
        let (watch, edge) = (WatchRules::default(), EdgeRules::default());
        let outside = outside(&self.world, Duration::from_secs(30), watch, edge);
        self.router = router(self.test.application.clone(), outside);
    }

    /// The identity services.
    pub fn people(&self) -> &TestIdentity {
        self.people.as_ref().expect("the server was made with people")
    }

    /// Creates a user with [`PASSWORD`] and a role, such as `editor` in `projects/demo`; returns the id.
    pub async fn person(&self, email: &str, role: Option<(&str, &str)>) -> String {
        let body = format!(r#"{{"email":"{email}","name":"A person","password":"{PASSWORD}"}}"#);
        let user = self.post("/api/v1/users", &body).await.is(201).json();
        let id = user["id"].as_str().expect("an id").to_owned();
        if let Some((role, place)) = role {
            let path = format!("/api/v1/{place}/members/{id}").replace("//", "/");
            self.send("PUT", &path, &[], &format!(r#"{{"role":"{role}"}}"#)).await.is(200);
        }
        id
    }

    /// Signs a user in; returns the body.
    pub async fn login(&self, email: &str) -> Value {
        let body = format!(r#"{{"email":"{email}","password":"{PASSWORD}"}}"#);
        let json = [("content-type", "application/json")];
        self.raw("POST", "/api/v1/auth/login", &json, Body::from(body)).await.is(200).json()
    }

    /// Sends a request with an access token, as JSON if it has a body.
    pub async fn as_person(&self, signed: &Value, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {}", signed["access_token"].as_str().expect("a token"));
        let mut headers = vec![("authorization", bearer.as_str()), ("if-match", "*")];
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.raw(method, path, &headers, Body::from(body.to_owned())).await
    }

    fn ruled(
        change: impl FnOnce(&mut Ports),
        request_timeout: Duration,
        watch: WatchRules,
        edge: EdgeRules,
    ) -> Self {
        let mut test = application();
        change(&mut test.ports);
        test.application = Application::new(&test.ports);
        let world = Arc::new(World::default());
        let outside = outside(&world, request_timeout, watch, edge);
        Self {
            router: router(test.application.clone(), outside),
            test,
            world,
            people: None,
            unchecked: false,
        }
    }

    /// Sends a request as the administrator, as JSON if it has a body.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let secret = self.test.admin_secret.clone();
        let mut all = vec![("x-api-key", secret.as_str())];
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/json"));
        }
        all.extend_from_slice(headers);
        self.raw(method, path, &all, Body::from(body.to_owned())).await
    }

    /// Sends a request unchanged.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("the test's request is well formed");
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("bodies are in memory").to_bytes().to_vec();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        if self.unchecked {
            return answer;
        }
        let route = self.world.observed.lock().expect("no panics").last().map(|seen| seen.1.clone());
        conformance::check(method, &route.unwrap_or_default(), &answer);
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, &[], body).await
    }

    /// Creates a config.
    pub async fn create(&self, key: &str, content: &str) -> Answer {
        let body = format!("{{\"content\":{content}}}");
        self.send("PUT", &format!("{CONFIGS}/{key}"), &[("if-none-match", "*")], &body).await.is(201)
    }

    /// Puts a body with a precondition header.
    pub async fn put(&self, key: &str, header: (&str, &str), body: &str) -> Answer {
        self.send("PUT", &format!("{CONFIGS}/{key}"), &[header], body).await
    }
}
