//! The model's network: requests wait, answers wait, and some of either are lost.

use super::{Model, NODES, lock};
use proof::{Caller, Lost, Request, Response};
use rand::Rng as _;
use serde_json::{Value, json};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// A way to one node of the model.
#[derive(Clone, Debug)]
pub struct ModelCaller {
    name: String,
    node: usize,
    model: Arc<Mutex<Model>>,
}

/// What becomes of a request.
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
                if request.method != "GET" && model.has(super::Bug::RefusedApplied) {
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
    /// What happens beside the request: late requests arrive, nodes catch up.
    fn disturb(&mut self) {
        if !self.late.is_empty() && self.random.random_bool(0.1) {
            let at = self.random.random_range(0..self.late.len());
            let request = self.late.swap_remove(at);
            self.serve(0, &request);
        }
        let node = self.random.random_range(0..NODES);
        self.applied[node] = self.random.random_range(self.applied[node]..=self.revision);
        if self.has(super::Bug::DeletesAlone) {
            self.delete_alone();
        }
    }

    fn serve(&mut self, node: usize, request: &Request) -> Response {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').skip(2).collect();
        let body = request.body.clone().unwrap_or_default();
        match (request.method, parts.as_slice()) {
            ("POST", ["projects"]) => self.create_project(&body),
            ("POST", ["projects", _, "schemas"]) => self.create_schema(&body),
            ("PUT", ["projects", _, "schemas", name]) => self.change_schema(name, request, &body),
            ("PUT", ["projects", _, "environments", _, "configs", key]) => self.put(key, request, &body),
            ("DELETE", ["projects", _, "environments", _, "configs", key]) => self.delete(key, request),
            ("POST", ["projects", _, "environments", _, "configs", key, "rollback"]) => {
                self.rollback(key, request, &body)
            }
            ("GET", parts) => self.read(node, parts, query, request),
            _ => problem(404, "route_not_found"),
        }
    }
}

pub(super) fn problem(status: u16, code: &str) -> Response {
    Response { status, headers: Vec::new(), body: json!({ "status": status, "code": code }) }
}

pub(super) fn answer(status: u16, revision: u64, etag: Option<u64>, body: Value) -> Response {
    let mut headers = vec![("guardian-revision".to_owned(), revision.to_string())];
    headers.extend(etag.map(|version| ("etag".to_owned(), format!("\"{version}\""))));
    Response { status, headers, body }
}
