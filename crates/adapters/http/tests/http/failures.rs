//! Responses when the cluster or the node fails.

use crate::support::{CONFIGS, PROJECT, Server};
use application::ports::{ChangeSignal, Consensus, ConsensusError, Freshness, StateReader, View};
use application::testing::Fault;
use async_trait::async_trait;
use axum::body::Body;
use domain::{Command, EnvironmentId, Outcome, Stamped};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The timeout of a request that never ends.
const SHORT: Duration = Duration::from_millis(200);
const PUT: &str = r#"{"content":2}"#;

#[tokio::test]
async fn without_a_leader() {
    let server = Server::new().await;
    server.create("a", "1").await;
    server.test.node.set_fault(Some(Fault::NoLeader));
    let write = server.put("a", ("if-match", "*"), PUT).await;
    write.is_problem(503, "no_leader");
    assert_eq!(write.header("retry-after"), "1");
    server.get(&format!("{CONFIGS}/a")).await.is_problem(503, "no_leader");
    server.get(&format!("{CONFIGS}/a?consistency=stale")).await.is(200);
    let cluster = server.get("/api/v1/cluster").await.is(200);
    assert_eq!(cluster.json()["leader_id"], json!(null));
    assert_eq!(cluster.header("guardian-consistency"), "stale");
}

#[tokio::test]
async fn the_cluster_says_who_it_is() {
    let server = Server::new().await;
    let cluster = server.get("/api/v1/cluster").await.is(200).json();
    assert_eq!((&cluster["node_id"], &cluster["leader_id"]), (&json!("1"), &json!("1")));
    assert_eq!((&cluster["cluster_id"], &cluster["revision"]), (&json!("test"), &json!(2)));
    let member = &cluster["members"][0];
    assert_eq!(
        (&member["id"], &member["role"], &member["voter"]),
        (&json!("1"), &json!("leader"), &json!(true))
    );
    assert_eq!(cluster["audit_head"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn overload_and_lost_answers() {
    let server = Server::new().await;
    server.create("a", "1").await;
    server.test.node.set_fault(Some(Fault::Overloaded));
    let answer = server.put("a", ("if-match", "*"), PUT).await;
    answer.is_problem(503, "overloaded");
    assert_eq!(answer.header("retry-after"), "1");
    server.test.node.set_fault(Some(Fault::OutcomeUnknownLost));
    let answer = server.put("a", ("if-match", "*"), PUT).await;
    answer.is_problem(504, "outcome_unknown");
    assert_eq!(answer.header("retry-after"), "");
}

/// A store that never responds, or fails with a confidential error.
struct Broken {
    stuck: bool,
}

#[async_trait]
impl Consensus for Broken {
    async fn propose(&self, _: Stamped<Command>) -> Result<Outcome, ConsensusError> {
        if self.stuck {
            std::future::pending::<()>().await;
        }
        Err(ConsensusError::Failed("the disk sda7 is gone".into()))
    }
}

struct StuckReader(Arc<dyn StateReader>);

#[async_trait]
impl StateReader for StuckReader {
    async fn view(&self, freshness: Freshness) -> Result<View, ConsensusError> {
        if freshness == Freshness::LINEARIZABLE {
            std::future::pending::<()>().await;
        }
        self.0.view(freshness).await
    }

    fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        self.0.follow(environment)
    }
}

#[tokio::test]
async fn a_write_that_takes_too_long_has_an_unknown_outcome() {
    let stuck = Arc::new(Broken { stuck: true });
    let server = Server::on(|ports| ports.consensus = stuck, SHORT);
    let answer = server.post("/api/v1/projects", r#"{"name":"demo"}"#).await;
    answer.is_problem(504, "outcome_unknown");
}

#[tokio::test]
async fn a_read_that_takes_too_long_can_be_tried_again() {
    let stuck = |ports: &mut application::Ports| ports.state = Arc::new(StuckReader(ports.state.clone()));
    let server = Server::on(stuck, SHORT);
    let answer = server.get(PROJECT).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_changes_nothing() {
    let server = Server::on(|_| {}, SHORT);
    let secret = server.test.admin_secret.clone();
    let headers = [("x-api-key", secret.as_str()), ("content-type", "application/json")];
    let never = futures::stream::pending::<Result<&'static str, std::io::Error>>();
    let answer = server.raw("POST", "/api/v1/projects", &headers, Body::from_stream(never)).await;
    answer.is_problem(408, "request_timeout");
}

#[tokio::test]
async fn causes_are_not_shown() {
    let broken = Arc::new(Broken { stuck: false });
    let server = Server::on(|ports| ports.consensus = broken, Duration::from_secs(5));
    let answer = server.post("/api/v1/projects", r#"{"name":"demo"}"#).await;
    assert!(!answer.is_problem(500, "internal").to_string().contains("sda7"));
}

#[tokio::test]
async fn a_client_that_goes_away_is_observed() {
    let stuck = Arc::new(Broken { stuck: true });
    let server = Server::on(|ports| ports.consensus = stuck, Duration::from_mins(1));
    let request = server.post("/api/v1/projects", r#"{"name":"demo"}"#);
    assert!(tokio::time::timeout(SHORT, request).await.is_err());
    let observed = server.world.observed.lock().expect("no panics").clone();
    assert_eq!(observed, [("POST".to_owned(), "/api/v1/projects".to_owned(), 499, None)]);
    assert_eq!(server.world.in_flight.load(std::sync::atomic::Ordering::SeqCst), 0);
}
