//! Users in a real `PostgreSQL` that three nodes share, and operation during its outage.

use domain::Digest;
use e2e::{Metrics, Options, Project, TestClient, TestCluster, say, until};
use postgres_fixture::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TOKEN: &str = "once-and-never-again-0123456789";
const PASSWORD: &str = "seven quiet otters by the river";
/// Duration of the database outage.
const OUTAGE: Duration = Duration::from_mins(1);
/// Pause between two writes, so that the audit can catch up.
const PACE: Duration = Duration::from_millis(20);
/// Maximum time for the nodes to notice an outage or its end.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

/// A metric of a node as an integer.
async fn metric(node: &TestClient, name: &str) -> i64 {
    let metrics = Metrics::parse(node.get("/metrics").send().await.is(200).text());
    assert!(metrics.has(name), "{name} is there");
    #[expect(clippy::cast_possible_truncation, reason = "these are small whole numbers")]
    let value = metrics.sum(name, &[]) as i64;
    value
}

async fn sign_in(node: &TestClient) -> Result<TestClient, (u16, String)> {
    let body = json!({ "email": "root@example.org", "password": PASSWORD });
    let answer = node.anonymous().post("/api/v1/auth/login").json(&body).send().await;
    if answer.status != 200 {
        return Err((answer.status, answer.code()));
    }
    Ok(node.with_key(answer.json()["access_token"].as_str().expect("a token")))
}

async fn health(node: &TestClient) -> Value {
    node.get("/readyz").send().await.is(200).json()["status"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_database_stops_sign_ins_and_nothing_else() {
    let database = Server::start();
    let settings = [
        ("identity.database", database.empty()),
        ("identity.bcrypt_cost", "10".to_owned()),
        ("identity.bootstrap_token_sha256", Digest::of(&[TOKEN.as_bytes()]).to_string()),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value)).to_vec();
    let cluster = TestCluster::with(Options { settings, ..Options::default() }).await;
    let nodes = cluster.clients();
    let body = json!({ "token": TOKEN, "email": "root@example.org", "name": "Root", "password": PASSWORD });
    nodes[0].anonymous().post("/api/v1/auth/bootstrap").json(&body).send().await.is(201);
    let root = sign_in(&nodes[0]).await.expect("signs in");
    let project = Project::create(nodes[1].clone()).await;
    project.create_config("a", &json!(0)).await;
    // No node has cached anything; the token contains all that is needed.
    database.stop();
    let (began, mut written) = (Instant::now(), 0_u64);
    while began.elapsed() < OUTAGE {
        written += 1;
        let node = &nodes[usize::try_from(written).expect("few") % nodes.len()];
        project.through(node.clone()).write("a", &json!(written)).await;
        let person = project.through(node.with_key(root.key().expect("a token")));
        assert_eq!(person.read("a").await["content"], written);
        tokio::time::sleep(PACE).await;
    }
    assert_eq!(sign_in(&nodes[2]).await.err(), Some((503, "identity_unavailable".to_owned())));
    for node in &nodes {
        until("the node to notice", NOTICED_WITHIN, async || {
            (health(node).await == "degraded").then_some(())
        })
        .await;
    }
    assert_eq!(metric(&nodes[1], "guardian_identity_available").await, 0);
    let lag = metric(&nodes[1], "guardian_audit_lag_revisions").await;
    assert!(lag > 10, "{lag} revisions are not in the audit");
    // A node also starts without the database.
    cluster.kill(2);
    cluster.restart(2).await;
    assert_eq!(health(&nodes[2]).await, "degraded", "from the first moment");
    // A change of users is refused without the database.
    let user = json!({ "email": "vi@example.org", "name": "Vi", "password": PASSWORD });
    root.post("/api/v1/users").json(&user).send().await.refused(503, "identity_unavailable");
    say(format!("{written} writes and as many reads while the database was away"));
    database.resume();
    for node in &nodes {
        until("the node to notice", NOTICED_WITHIN, async || (health(node).await == "ok").then_some(()))
            .await;
        until("people to come in", NOTICED_WITHIN, async || sign_in(node).await.ok()).await;
    }
    // No audit record is lost or duplicated.
    let path = project.path("/audit?action=config.put");
    until("the audit to catch up", Duration::from_mins(1), async || {
        let records = project.all(&path).await;
        assert!(records.len() as u64 <= written + 1, "{} records of {} writes", records.len(), written + 1);
        (records.len() as u64 == written + 1).then_some(())
    })
    .await;
    until("no lag to be left", NOTICED_WITHIN, async || {
        (metric(&nodes[1], "guardian_audit_lag_revisions").await == 0).then_some(())
    })
    .await;
    assert_eq!(root.get("/api/v1/audit/verification").send().await.is(200).json()["intact"], true);
}
