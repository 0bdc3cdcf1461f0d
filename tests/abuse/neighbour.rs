//! The second tenant: writes, reads, watches and signs in at a moderate rate, and measures the durations.

use crate::field::{Field, OWN, PASSWORD, ROOT};
use e2e::Project;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Pause between two requests of a worker; there is one worker per node.
const PACE: Duration = Duration::from_millis(12);
/// Pause between two expensive operations: a new connection, a watch, an import, a sign-in.
const SELDOM: Duration = Duration::from_millis(900);
/// Maximum duration of a request.
const REQUEST_WITHIN: Duration = Duration::from_secs(12);
/// Maximum duration of `/livez`.
const LIVE_WITHIN: Duration = Duration::from_secs(1);
/// Number of configs.
const KEYS: u64 = 20;

/// The results of one measurement.
#[derive(Debug, Default)]
pub struct Sample {
    /// The durations of all plain requests, sorted.
    pub times: Vec<Duration>,
    /// The failures.
    pub failures: Vec<String>,
}

impl Sample {
    pub fn p50(&self) -> Duration {
        self.at(50)
    }

    pub fn p99(&self) -> Duration {
        self.at(99)
    }

    pub fn max(&self) -> Duration {
        self.at(100)
    }

    fn at(&self, percent: usize) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get(last * percent / 100).copied().unwrap_or_default()
    }
}

/// A well-behaved tenant.
#[derive(Clone, Debug)]
pub struct Neighbour {
    nodes: Vec<String>,
    project: Project,
    key: String,
    http: reqwest::Client,
}

type Noted = Arc<Mutex<Sample>>;

impl Neighbour {
    /// A project with a schema and configs that follow it.
    pub async fn prepare(field: &Field) -> Self {
        let project = Project::create(field.admin()).await;
        let own = project.key_with(OWN).await;
        let schema =
            json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } });
        own.create_schema("service", &schema).await;
        for number in 0..KEYS {
            own.create_bound(&format!("service.{number}"), "service", &json!({ "n": 0 })).await;
        }
        let key = own.client.key().expect("a key").to_owned();
        let nodes = (0..field.cluster.size()).map(|at| field.cluster.node(at).url().to_owned()).collect();
        Self { nodes, project: own, key, http: client() }
    }

    /// Works for this time; returns the measurements.
    pub async fn measure(&self, time: Duration) -> Sample {
        let (noted, until) = (Noted::default(), Instant::now() + time);
        let mut tasks = JoinSet::new();
        for (at, node) in self.nodes.iter().enumerate() {
            tasks.spawn(self.clone().works(at as u64, node.clone(), until, noted.clone()));
            tasks.spawn(self.clone().looks(node.clone(), until, noted.clone()));
        }
        tasks.spawn(self.clone().signs_in(until, noted.clone()));
        tasks.spawn(self.clone().moves_files(until, noted.clone()));
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                fail(&noted, format!("the neighbour broke: {error}"));
            }
        }
        let mut sample = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
        sample.times.sort_unstable();
        sample
    }

    async fn works(self, worker: u64, node: String, until: Instant, noted: Noted) {
        let mut turn = worker;
        while Instant::now() < until {
            turn += 1;
            let path = self.project.config(&format!("service.{}", turn % KEYS));
            let url = format!("{node}{path}");
            let request = match turn % 5 {
                0 | 1 => self
                    .http
                    .put(url)
                    .header("If-Match", "*")
                    .json(&json!({ "content": { "n": turn, "worker": worker } })),
                2 => self.http.get(format!("{url}?consistency=stale")),
                3 => self.http.get(format!("{node}{}?page_size=20", self.project.configs(""))),
                _ => self.http.get(url),
            };
            let began = Instant::now();
            let done = self.send(request).await;
            let took = began.elapsed();
            match done {
                Ok(_) => noted.lock().unwrap_or_else(PoisonError::into_inner).times.push(took),
                Err(why) => fail(&noted, format!("after {} ms: {why}", took.as_millis())),
            }
            tokio::time::sleep(PACE).await;
        }
    }

    /// Checks that the node is live and accepts new connections and watches.
    async fn looks(self, node: String, until: Instant, noted: Noted) {
        while Instant::now() < until {
            let fresh = client();
            let live = fresh.get(format!("{node}/livez")).timeout(LIVE_WITHIN).send().await;
            if !matches!(&live, Ok(answer) if answer.status() == 200) {
                fail(&noted, format!("{node}/livez: {live:?}"));
            }
            let watched = format!("{node}{}", self.project.watched(""));
            let watch = tokio::time::timeout(REQUEST_WITHIN, async {
                let mut answer =
                    fresh.get(watched).bearer_auth(&self.key).send().await.map_err(|e| format!("{e:?}"))?;
                match answer.status().as_u16() {
                    200 => answer.chunk().await.map(drop).map_err(|error| format!("{error:?}")),
                    _ => Err(answer.text().await.unwrap_or_default()),
                }
            });
            if let Err(why) = watch.await.unwrap_or_else(|_| Err("nothing came".to_owned())) {
                fail(&noted, format!("a watch at {node}: {why}"));
            }
            tokio::time::sleep(SELDOM).await;
        }
    }

    /// Signs in with the right password from a known network.
    async fn signs_in(self, until: Instant, noted: Noted) {
        let mut refresh: Option<String> = None;
        let mut turn = 0;
        while Instant::now() < until {
            turn += 1;
            let node = &self.nodes[turn % self.nodes.len()];
            let (path, body) = match refresh.take() {
                Some(token) => ("refresh", json!({ "refresh_token": token })),
                None => ("login", json!({ "email": ROOT, "password": PASSWORD, "device": "neighbour" })),
            };
            let request = self.http.post(format!("{node}/api/v1/auth/{path}")).json(&body);
            match self.send_as(request, None).await {
                Ok(answer) if path == "login" => {
                    refresh = answer["refresh_token"].as_str().map(str::to_owned);
                }
                Ok(_) => {}
                Err(why) => fail(&noted, format!("{path}: {why}")),
            }
            tokio::time::sleep(SELDOM).await;
        }
    }

    /// Exports a small file and imports it again.
    async fn moves_files(self, until: Instant, noted: Noted) {
        let mut turn = 0;
        while Instant::now() < until {
            turn += 1;
            let node = &self.nodes[turn % self.nodes.len()];
            let done = async {
                let export = self.http.get(format!("{node}{}", self.project.path("/export")));
                let file = self.text(export).await?;
                let import = self.http.post(format!("{node}{}?dry_run=true", self.project.path("/import")));
                self.text(import.header("Content-Type", "application/x-ndjson").body(file)).await
            };
            if let Err(why) = done.await {
                fail(&noted, format!("files: {why}"));
            }
            tokio::time::sleep(SELDOM).await;
        }
    }

    async fn text(&self, request: reqwest::RequestBuilder) -> Result<String, String> {
        let answer = request.bearer_auth(&self.key).timeout(REQUEST_WITHIN).send().await;
        let answer = answer.map_err(|error| format!("{error:?}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
        if status.is_success() { Ok(text) } else { Err(format!("{status} {text}")) }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, String> {
        self.send_as(request, Some(self.key.as_str())).await
    }

    async fn send_as(&self, request: reqwest::RequestBuilder, key: Option<&str>) -> Result<Value, String> {
        let request = request.timeout(REQUEST_WITHIN);
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        let request = request.build().map_err(|error| error.to_string())?;
        let what = format!("{} {}", request.method(), request.url());
        let plain = request.method() == Method::GET;
        let answer = self.http.execute(request).await.map_err(|error| format!("{what}: {error:?}"))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| format!("{what}: {error:?}"))?;
        if status.is_success() && (plain || status.as_u16() != 202) {
            Ok(serde_json::from_str(&text).unwrap_or_default())
        } else {
            Err(format!("{what}: {status} {text}"))
        }
    }

    /// Makes a change with an idempotency key through the first node; returns whether it was replayed.
    pub async fn keyed(project: &Project, token: &str, serial: u64) -> Result<bool, String> {
        let put = project.client.put(&project.config("keyed")).header("Idempotency-Key", token);
        let body = json!({ "content": { "serial": serial } });
        let answer = put.if_absent().json(&body).try_send().await.map_err(|error| error.message)?;
        match answer.status {
            200 | 201 => Ok(answer.header("idempotent-replayed") == Some("true")),
            status => Err(format!("{status} {}", answer.code())),
        }
    }
}

fn client() -> reqwest::Client {
    let built = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build();
    built.expect("a client can be made")
}

fn fail(noted: &Noted, why: String) {
    noted.lock().unwrap_or_else(PoisonError::into_inner).failures.push(why);
}
