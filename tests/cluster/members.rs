//! Membership changes under load: no write is lost, and a removed member stays out.

use crate::load::Load;
use e2e::{Answer, Options, Project, TestClient, TestCluster, free_ports, say, until};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

const MEMBERS: &str = "/api/v1/cluster/members";
const TRANSFER: &str = "/api/v1/cluster/leadership-transfer";
const DONE_WITHIN: Duration = Duration::from_secs(45);
const REFUSED_WITHIN: Duration = Duration::from_secs(40);
const KEYS: [&str; 2] = ["a", "b"];

/// Retries while the response says that a retry may succeed.
async fn insist(what: &str, ask: impl AsyncFn() -> Answer) -> Answer {
    until(what, DONE_WITHIN, async || {
        let answer = ask().await;
        let later =
            matches!(answer.status, 503 | 504) || answer.status == 409 && answer.code() == "contended";
        (!later).then_some(answer)
    })
    .await
}

async fn add(client: &TestClient, body: &Value) -> Value {
    let answer = insist("the member is added", async || client.post(MEMBERS).json(body).send().await).await;
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    let member = answer.json();
    assert_eq!((&member["id"], &member["voter"]), (&body["id"], &json!(true)), "{member}");
    member
}

async fn remove(client: &TestClient, id: &str) {
    let path = format!("{MEMBERS}/{id}");
    let answer = insist("the member is removed", async || client.delete(&path).send().await).await;
    // 404: an earlier attempt without a response succeeded.
    assert!(matches!(answer.status, 204 | 404), "{}", answer.text());
}

async fn id_of(cluster: &TestCluster, at: usize) -> String {
    let view = cluster.client(at).get("/api/v1/cluster").send().await.is(200).json();
    view["node_id"].as_str().expect("an id").to_owned()
}

/// Waits until every node lists exactly these members, each as a voter.
async fn all_name(cluster: &TestCluster, ids: &[&str]) {
    let mut wanted: Vec<&str> = ids.to_vec();
    wanted.sort_by_key(|id| id.parse::<u64>().expect("a number"));
    for client in cluster.clients() {
        until("every node names the members", DONE_WITHIN, async || {
            let list = client.get(MEMBERS).send().await.is(200).json();
            let items = list["items"].as_array().expect("items").clone();
            let named: Vec<&str> = items.iter().filter_map(|one| one["id"].as_str()).collect();
            (named == wanted && items.iter().all(|one| one["voter"] == true)).then_some(())
        })
        .await;
    }
}

/// Waits until every writer has this many more acknowledged writes.
async fn more(load: &mut Load, writes: usize) {
    let enough = load.acked() + writes;
    until("writes go on", DONE_WITHIN, async || {
        load.still_good();
        (load.acked() >= enough).then_some(())
    })
    .await;
}

/// Stops the load and compares the ledgers with the history on every node.
async fn judge(load: Load, cluster: &TestCluster) -> Project {
    let (ledgers, project) = load.finish().await;
    for ledger in &ledgers {
        say(format_args!("members: {}", ledger.summary()));
        for client in cluster.clients() {
            ledger.check(&project.through(client)).await;
        }
    }
    let project = project.through(cluster.client(0));
    let last = project.create_config("the.end", &json!(null)).await;
    cluster.agreed_audit_head(last.revision()).await;
    project
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_disk_was_lost_is_replaced_while_clients_write() {
    let mut cluster = TestCluster::start().await;
    let ids = [id_of(&cluster, 0).await, id_of(&cluster, 1).await, id_of(&cluster, 2).await];
    let mut load = Load::start(&cluster, &KEYS, 1).await;
    more(&mut load, 20).await;
    cluster.kill(2);
    fs::remove_dir_all(cluster.node(2).data_dir()).expect("removed");
    cluster.node(2).spawn();
    let status = cluster.node(2).exited(REFUSED_WITHIN).await;
    assert!(!status.success() && cluster.node(2).log_text().contains("data folder is new"));

    remove(&cluster.client(0), &ids[2]).await;
    let (_, body) = cluster.another("n4");
    let client = cluster.client(1);
    add(&client, &body).await;
    let lost = cluster.forget(2);
    cluster.ready(2).await;
    let new = body["id"].as_str().expect("an id");
    all_name(&cluster, &[&ids[0], &ids[1], new]).await;
    more(&mut load, 20).await;

    // The removed id is refused, also if its node joins again.
    let again = lost.another(&[("cluster.join", "true")]).wait_with_output().expect("it ends");
    assert!(!again.status.success(), "a removed id came back");
    assert!(lost.log_text().contains("was removed from the cluster"), "it does not say why");
    let mut old = body.clone();
    (old["id"], old["name"]) = (json!(ids[2]), json!("n3"));
    old["peer_addr"] = json!("127.0.0.1:1");
    old["api_url"] = json!("http://127.0.0.1:1");
    let refused = client.post(MEMBERS).json(&old).send().await;
    assert!(matches!(refused.code().as_str(), "member_unreachable" | "member_removed"), "{}", refused.text());

    // The new member votes: with it, one of the two old members is enough.
    cluster.kill(0);
    more(&mut load, 10).await;
    cluster.restart(0).await;
    judge(load, &cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_come_and_two_go_the_leader_first() {
    let mut cluster = TestCluster::with(Options {
        settings: vec![("raft.snapshot_every_entries".to_owned(), "100".to_owned())],
        ..Options::default()
    })
    .await;
    let mut load = Load::start(&cluster, &KEYS, 2).await;
    more(&mut load, 150).await;
    for name in ["n4", "n5"] {
        let (at, body) = cluster.another(name);
        let client = cluster.client(at - 1);
        add(&client, &body).await;
        cluster.ready(at).await;
        client.post(MEMBERS).json(&body).send().await.is(200);
        let mut moved = body.clone();
        moved["peer_addr"] = json!("127.0.0.1:1");
        client.post(MEMBERS).json(&moved).send().await.refused(409, "member_exists");
    }
    more(&mut load, 10).await;

    let leader = cluster.leader().await;
    let (id, gone) = (id_of(&cluster, leader).await, cluster.client(leader));
    remove(&gone, &id).await;
    let removed = cluster.forget(leader);
    until("the removed node says that it is not ready", DONE_WITHIN, async || {
        let answer = gone.get("/readyz").send().await;
        (answer.status == 503 && answer.text().contains("was removed from the cluster")).then_some(())
    })
    .await;
    until("the removed node logs why", DONE_WITHIN, async || {
        removed.log_text().contains("this node was removed from the cluster").then_some(())
    })
    .await;
    more(&mut load, 10).await;

    // A member that is removed while it is down learns so when it starts, and does not disturb the others.
    let other = (cluster.leader().await + 1) % cluster.size();
    let other_id = id_of(&cluster, other).await;
    cluster.kill(other);
    let asked = (other + 1) % cluster.size();
    remove(&cluster.client(asked), &other_id).await;
    let late = cluster.forget(other);
    more(&mut load, 10).await;
    let leader = cluster.leader().await;
    let term = cluster.client(leader).get("/api/v1/cluster").send().await.json()["term"].clone();
    late.spawn();
    until("the late node hears that it was removed", DONE_WITHIN, async || {
        late.log_text().contains("this node was removed from the cluster").then_some(())
    })
    .await;
    more(&mut load, 10).await;
    let view = cluster.client(leader).get("/api/v1/cluster").send().await.json();
    assert_eq!((&view["term"], view["members"].as_array().map(Vec::len)), (&term, Some(3)), "{view}");
    let back =
        json!({ "id": other_id, "name": "back", "peer_addr": late_peer(&late), "api_url": late.url() });
    cluster.client(0).post(MEMBERS).json(&back).send().await.refused(409, "member_not_joining");
    judge(load, &cluster).await;
}

/// The peer address of a node, from its settings.
fn late_peer(node: &e2e::Node) -> String {
    let text = fs::read_to_string(node.folder().join("guardian.toml")).expect("settings");
    let own = text.split("[[cluster.members]]").find(|part| part.contains(node.url())).expect("itself");
    let line = own.lines().find(|line| line.starts_with("peer_addr")).expect("an address");
    line.split('"').nth(1).expect("quoted").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_stop_the_cluster_is_refused() {
    let cluster = TestCluster::start().await;
    let leader = cluster.leader().await;
    let (down, asked) = ((leader + 1) % 3, (leader + 2) % 3);
    let (leader_id, asked_id) = (id_of(&cluster, leader).await, id_of(&cluster, asked).await);
    let down_id = id_of(&cluster, down).await;
    cluster.kill(down);
    let client = cluster.client(asked);
    let project = Project::create(client.clone()).await;
    for id in [&leader_id, &asked_id] {
        client.delete(&format!("{MEMBERS}/{id}")).send().await.refused(409, "quorum_at_risk");
    }
    client.delete(&format!("{MEMBERS}/77")).send().await.refused(404, "member_not_found");
    let ports = free_ports(2);
    let body = json!({ "id": "77", "name": "n7", "peer_addr": format!("127.0.0.1:{}", ports[0]),
        "api_url": format!("http://127.0.0.1:{}", ports[1]) });
    client.post(MEMBERS).json(&body).send().await.refused(503, "member_unreachable");
    client.post(TRANSFER).json(&json!({ "to": down_id })).send().await.refused(503, "no_successor");
    client.post(TRANSFER).json(&json!({ "to": "77" })).send().await.refused(404, "member_not_found");
    let led = client.post(TRANSFER).json(&json!({ "to": asked_id })).send().await.is(200).json();
    assert_eq!(led["leader_id"], asked_id);
    assert_eq!(cluster.leader().await, asked);
    project.create_config("a", &json!(1)).await;
    // Without the dead member, two nodes are the whole cluster; then one.
    remove(&client, &down_id).await;
    remove(&client, &leader_id).await;
    client.delete(&format!("{MEMBERS}/{asked_id}")).send().await.refused(409, "last_voter");
    client.post(TRANSFER).json(&json!({})).send().await.refused(503, "no_successor");
    project.create_config("b", &json!(1)).await;
}

/// A member restarts at another address, which the others store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_is_moved_to_another_address() {
    let cluster = TestCluster::start().await;
    let leader = cluster.leader().await;
    let moved = (leader + 1) % cluster.size();
    let (id, client) = (id_of(&cluster, moved).await, cluster.client(leader));
    let project = Project::create(client.clone()).await;
    project.create_config("a", &json!(1)).await;
    let path = format!("{MEMBERS}/{id}");
    let taken = client.patch(&path).json(&json!({ "peer_addr": "127.0.0.1:1" })).send().await;
    taken.refused(503, "member_unreachable");
    client.patch(&format!("{MEMBERS}/7")).json(&json!({ "api_url": "http://h:1" })).send().await.is(404);
    cluster.node(moved).term();
    assert!(cluster.node(moved).exited(DONE_WITHIN).await.success());
    let port = free_ports(1)[0];
    let addr = format!("127.0.0.1:{port}");
    let mut process = cluster.node(moved).another(&[("peer.listen", &addr)]);
    let change = async || client.patch(&path).json(&json!({ "peer_addr": addr })).send().await;
    let answer = insist("the member is moved", change).await;
    assert_eq!(answer.is(200).json()["peer_addr"], json!(addr));
    let last = project.write("a", &json!(2)).await;
    let own = cluster.client(moved);
    until("the moved member has what is written", DONE_WITHIN, async || {
        let read = own.get(&project.config("a")).send().await;
        (read.status == 200 && read.revision() >= last.revision()).then_some(())
    })
    .await;
    for client in cluster.clients() {
        let members = client.get(MEMBERS).send().await.is(200).json();
        let items = members["items"].as_array().expect("items").clone();
        assert!(
            items.iter().any(|one| one["id"] == json!(id) && one["peer_addr"] == json!(addr)),
            "{members}"
        );
    }
    process.kill().expect("the process can be killed");
    process.wait().expect("it ends");
}
