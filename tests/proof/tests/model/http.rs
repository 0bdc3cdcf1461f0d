//! The network of the model: requests and responses are delayed, and some are lost.

use super::{Bug, Model, NODES, lock};
use proof::{Caller, Lost, Request, Response};
use rand::Rng as _;
use serde_json::{Value, json};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// A client of one node of the model.
#[derive(Clone, Debug)]
pub struct ModelCaller {
    name: String,
    node: usize,
    model: Arc<Mutex<Model>>,
}

/// The fate of a request.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Fate {
    Served,
    Unsent,
    NoLeader,
    RequestLost,
    RequestLate,
    AnswerLost,
    OutcomeUnknown,
}

impl ModelCaller {
    pub fn all(model: &Arc<Mutex<Model>>) -> Vec<Self> {
        (0..NODES).map(|node| Self { name: format!("n{}", node + 1), node, model: model.clone() }).collect()
    }

    async fn wait(&self) {
        let turns = lock(&self.model).random.random_range(0..4);
        for _ in 0..turns {
            let mut waited = false;
            poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending })
                .await;
        }
    }

    fn fate(&self) -> Fate {
        let mut model = lock(&self.model);
        if !model.faults {
            return Fate::Served;
        }
        match model.random.random_range(0..1000) {
            0..15 => Fate::Unsent,
            15..30 => Fate::NoLeader,
            30..45 => Fate::RequestLost,
            45..60 => Fate::RequestLate,
            60..75 => Fate::AnswerLost,
            75..90 => Fate::OutcomeUnknown,
            _ => Fate::Served,
        }
    }
}

impl Caller for ModelCaller {
    fn name(&self) -> &str {
        &self.name
    }

    async fn call(&self, request: Request) -> Result<Response, Lost> {
        let fate = self.fate();
        if fate == Fate::Unsent {
            return Err(Lost::Unsent("connection refused".to_owned()));
        }
        self.wait().await;
        match fate {
            Fate::RequestLost => return Err(Lost::Unknown("connection reset".to_owned())),
            Fate::RequestLate => {
                lock(&self.model).late.push(request);
                return Err(Lost::Unknown("no answer in time".to_owned()));
            }
            Fate::NoLeader => {
                let mut model = lock(&self.model);
                if request.method != "GET" && model.has(Bug::RefusedApplied) {
                    model.serve(self.node, &request);
                }
                return Ok(problem(503, "no_leader"));
            }
            _ => {}
        }
        let answer = {
            let mut model = lock(&self.model);
            model.disturb();
            model.serve(self.node, &request)
        };
        self.wait().await;
        match fate {
            Fate::AnswerLost => Err(Lost::Unknown("connection reset".to_owned())),
            Fate::OutcomeUnknown if request.method != "GET" => Ok(problem(504, "outcome_unknown")),
            _ => Ok(answer),
        }
    }
}

impl Model {
    /// Concurrent events: late requests arrive, nodes catch up.
    fn disturb(&mut self) {
        if !self.late.is_empty() && self.random.random_bool(0.1) {
            let at = self.random.random_range(0..self.late.len());
            let request = self.late.swap_remove(at);
            self.serve(0, &request);
        }
        let node = self.random.random_range(0..NODES);
        self.applied[node] = self.random.random_range(self.applied[node]..=self.revision);
        if self.has(Bug::DeletesAlone) {
            self.delete_alone();
        }
        if self.random.random_bool(0.02) {
            self.prune();
        }
    }

    /// Serves a request, or replays the response of its idempotency key.
    fn serve(&mut self, node: usize, request: &Request) -> Response {
        let key = request.headers.iter().find(|(name, _)| *name == "Idempotency-Key");
        let Some((_, key)) = key.filter(|_| request.method != "GET") else {
            return self.fresh(node, request);
        };
        let asked = format!("{request:?}");
        match self.answers.get(key).cloned() {
            Some((before, mut answer)) if before == asked && !self.has(Bug::KeyForgotten) => {
                answer.headers.push(("idempotent-replayed".to_owned(), "true".to_owned()));
                if self.has(Bug::ReplayElsewhere) {
                    answer.headers[0].1 = self.revision.to_string();
                }
                return answer;
            }
            Some((before, answer)) if before != asked => {
                return if self.has(Bug::KeyShared) {
                    answer
                } else {
                    problem(422, "idempotency_key_reused")
                };
            }
            _ => {}
        }
        if self.has(Bug::KeyTaken) {
            return problem(422, "idempotency_key_reused");
        }
        let mut answer = self.fresh(node, request);
        if answer.status < 400 {
            self.answers.insert(key.clone(), (asked, answer.clone()));
            if self.has(Bug::ReplayInvented) {
                answer.headers.push(("idempotent-replayed".to_owned(), "true".to_owned()));
            }
        }
        answer
    }

    fn fresh(&mut self, node: usize, request: &Request) -> Response {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').skip(2).collect();
        let body = request.body.clone().unwrap_or_default();
        match (request.method, parts.as_slice()) {
            ("POST", ["projects"]) => self.create_project(&body),
            ("PATCH", ["projects", _]) => self.bound(&body),
            ("POST", ["projects", _, "environments"]) => self.create_environment(),
            ("POST", ["projects", _, "schemas"]) => self.create_schema(&body),
            ("POST", ["projects", _, "transactions"]) => self.transact(&body),
            ("PUT", ["projects", _, "schemas", name]) => self.change_schema(name, request, &body),
            ("PUT", ["projects", _, "environments", env, "configs", key]) => {
                self.put(&named(env, key), request, &body)
            }
            ("DELETE", ["projects", _, "environments", env, "configs", key]) => {
                self.delete(&named(env, key), request)
            }
            ("POST", ["projects", _, "environments", env, "configs", key, "rollback"]) => {
                self.rollback(&named(env, key), request, &body)
            }
            ("GET", parts) => self.read(node, parts, query, request),
            _ => problem(404, "route_not_found"),
        }
    }
}

/// The name of a key as clients use it.
pub(super) fn named(environment: &str, key: &str) -> String {
    if environment == "default" { key.to_owned() } else { format!("{environment}:{key}") }
}

pub(super) fn problem(status: u16, code: &str) -> Response {
    Response { status, headers: Vec::new(), body: json!({ "status": status, "code": code }) }
}

pub(super) fn answer(status: u16, revision: u64, etag: Option<u64>, body: Value) -> Response {
    let mut headers = vec![("guardian-revision".to_owned(), revision.to_string())];
    headers.extend(etag.map(|version| ("etag".to_owned(), format!("\"{version}\""))));
    Response { status, headers, body }
}
