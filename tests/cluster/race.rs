//! Document writes concurrent with schema changes: no committed document may violate its schema. An
//! independent evaluation checks the whole history afterwards.

use e2e::{Project, TestCluster, say};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const TIME: Duration = Duration::from_secs(8);
const KEYS: [&str; 3] = ["a", "b", "c"];
/// The maxima that the schema permits, alternating.
const LIMITS: [u64; 2] = [50, 100];

/// Counts of successful requests, and of requests refused because of the schema or its documents.
#[derive(Debug, Default)]
struct Tally {
    done: usize,
    refused: usize,
}

fn schema(limit: u64) -> Value {
    let n = json!({ "type": "integer", "minimum": 0, "maximum": limit });
    json!({ "type": "object", "properties": { "n": n }, "required": ["n"] })
}

/// The independent evaluation of the schema.
fn holds(limit: u64, document: &Value) -> bool {
    document["n"].as_u64().is_some_and(|n| n <= limit)
}

async fn write_documents(project: Project, key: &'static str, seed: u64) -> Tally {
    let (since, mut random, mut tally) = (Instant::now(), StdRng::seed_from_u64(seed), Tally::default());
    while since.elapsed() < TIME {
        // Mostly small, so that the narrow schema can succeed.
        let n =
            if random.random_bool(0.8) { random.random_range(0..=50) } else { random.random_range(51..=100) };
        let call = project.client.put(&project.config(key)).if_any().json(&json!({ "content": { "n": n } }));
        let answer = call.send().await;
        match (answer.status, answer.code().as_str()) {
            (200, _) => tally.done += 1,
            (422, "validation_failed") | (409, "contended") => tally.refused += 1,
            _ => panic!("a writer got {}: {}", answer.status, answer.text()),
        }
    }
    tally
}

async fn change_schema(project: Project, seed: u64) -> Tally {
    let (since, mut random, mut tally) = (Instant::now(), StdRng::seed_from_u64(seed), Tally::default());
    while since.elapsed() < TIME {
        let limit = LIMITS[random.random_range(0..LIMITS.len())];
        let call = project.client.put(&project.path("/schemas/s")).json(&json!({ "schema": schema(limit) }));
        let answer = call.send().await;
        match (answer.status, answer.code().as_str()) {
            (200, _) => tally.done += 1,
            (422, "schema_breaks_documents") | (409, "contended") => tally.refused += 1,
            _ => panic!("a schema writer got {}: {}", answer.status, answer.text()),
        }
    }
    tally
}

/// The limit of each version of the schema, with the revision of its registration.
async fn schema_history(project: &Project) -> BTreeMap<u64, (u64, u64)> {
    let newest = project.client.get(&project.path("/schemas/s")).send().await.is(200).etag();
    let mut history = BTreeMap::new();
    for version in 1..=newest {
        let path = project.path(&format!("/schemas/s/versions/{version}"));
        let one = project.client.get(&path).send().await.is(200).json();
        let limit = one["schema"]["properties"]["n"]["maximum"].as_u64().expect("a limit");
        history.insert(version, (one["revision"].as_u64().expect("a revision"), limit));
    }
    history
}

/// A change at a revision.
enum Happened {
    Document(&'static str, Value, u64),
    Schema(u64),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_document_ever_breaks_its_schema() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(0)).await;
    project.create_schema("s", &schema(100)).await;
    for key in KEYS {
        project.create_bound(key, "s", &json!({ "n": 1 })).await;
    }
    let (mut writers, mut changers) = (JoinSet::new(), JoinSet::new());
    for at in 0..cluster.size() {
        let own = project.through(cluster.client(at));
        writers.spawn(write_documents(own.clone(), KEYS[at % KEYS.len()], at as u64));
        changers.spawn(change_schema(own, 100 + at as u64));
    }
    let (writers, changers) = (writers.join_all().await, changers.join_all().await);
    let total = |tallies: &[Tally], of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let done = (total(&writers, |tally| tally.done), total(&changers, |tally| tally.done));
    let refused = (total(&writers, |tally| tally.refused), total(&changers, |tally| tally.refused));
    say(format_args!("race: documents and schemas done {done:?}, refused {refused:?}"));
    assert!(done.0 > 0 && done.1 > 0, "both kinds succeed sometimes: {done:?}");
    assert!(refused.0 > 0 && refused.1 > 0, "both kinds get in each other's way: {refused:?}");
    judge(&project).await;
}

/// Replays all changes in commit order.
async fn judge(project: &Project) {
    let schemas = schema_history(project).await;
    let mut events: BTreeMap<u64, Happened> =
        schemas.values().map(|(revision, limit)| (*revision, Happened::Schema(*limit))).collect();
    for key in KEYS {
        for item in project.all(&project.config(&format!("{key}/history"))).await {
            let path = project.config(&format!("{key}/history/{}", item["version"]));
            let one = project.client.get(&path).send().await.is(200).json();
            let checked = one["schema"]["version"].as_u64().expect("a schema version");
            let happened = Happened::Document(key, one["content"].clone(), checked);
            let revision = one["revision"].as_u64().expect("a revision");
            assert!(events.insert(revision, happened).is_none(), "two changes at revision {revision}");
        }
    }
    let (mut limit, mut live) = (0, BTreeMap::new());
    for (revision, happened) in &events {
        match happened {
            Happened::Schema(next) => limit = *next,
            Happened::Document(key, document, checked) => {
                let named = schemas[checked].1;
                assert!(
                    holds(named, document),
                    "at {revision}, {key} breaks the version {checked} that it names"
                );
                live.insert(key, document);
            }
        }
        for (key, document) in &live {
            assert!(
                holds(limit, document),
                "at {revision}, {key} breaks the newest schema: {document} > {limit}"
            );
        }
    }
    for key in KEYS {
        let (now, newest) = (project.read(key).await, schemas.values().next_back().expect("a version").1);
        assert!(holds(newest, &now["content"]), "{now}");
        let library = jsonschema::validator_for(&schema(newest)).expect("a schema");
        assert!(library.is_valid(&now["content"]), "{now}");
    }
}
