//! All operations on documents concurrent with all operations on schemas. An independent evaluation checks
//! the whole history afterwards.
//!
//! `GUARDIAN_RACE_OPERATIONS=100000` is the long variant.

use e2e::{Answer, Call, Project, TestCluster, say};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The default number of operations.
const OPERATIONS: usize = 800;
/// Clients per node.
const WRITERS_PER_NODE: usize = 2;
/// Pause between two schema changes of a client, so that document writes can succeed.
const PACE: Duration = Duration::from_millis(10);
const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// The maxima that a schema permits, alternating.
const LIMITS: [u64; 2] = [50, 100];
/// `strict` keeps its mode, `mixed` changes it; `pins` has both limits, and documents are pinned to its
/// versions.
const FOLLOWED: [&str; 2] = ["strict", "mixed"];

fn schema(limit: u64) -> Value {
    let n = json!({ "type": "integer", "minimum": 0, "maximum": limit });
    json!({ "type": "object", "properties": { "n": n }, "required": ["n"] })
}

/// The independent evaluation of a schema.
fn holds(limit: u64, document: &Value) -> bool {
    document["n"].as_u64().is_some_and(|n| n <= limit)
}

fn operations() -> usize {
    let set = std::env::var("GUARDIAN_RACE_OPERATIONS");
    set.map_or(OPERATIONS, |text| text.parse().expect("GUARDIAN_RACE_OPERATIONS is a number"))
}

/// Counts of responses by kind.
type Tally = BTreeMap<String, usize>;

fn noted(tally: &mut Tally, kind: &str, answer: &Answer) {
    let refusals = ["validation_failed", "contended", "version_conflict", "schema_breaks_documents"];
    let gone = ["config_not_found", "version_not_found", "invalid_body"];
    let code = answer.code();
    let known = answer.status < 300 || refusals.contains(&&*code) || gone.contains(&&*code);
    assert!(known, "{kind} got {}: {}", answer.status, answer.text());
    let outcome = if code.is_empty() { "done" } else { &code };
    *tally.entry(format!("{kind} {outcome}")).or_default() += 1;
}

struct Writer {
    project: Project,
    random: StdRng,
}

impl Writer {
    /// A mostly small value, so that the narrow limit can succeed.
    fn document(&mut self) -> Value {
        let wide = self.random.random_bool(0.15);
        json!({ "n": if wide { self.random.random_range(51..=100) } else { self.random.random_range(0..=50) } })
    }

    /// Sets or removes the binding; leaves it unchanged half of the time.
    fn bind(&mut self, body: &mut Value) {
        match self.random.random_range(0..8) {
            0 => body["schema"] = Value::Null,
            1 => body["schema"] = json!({ "name": "pins", "version": self.random.random_range(1..=2) }),
            2 => body["schema"] = json!({ "name": FOLLOWED[0] }),
            3 => body["schema"] = json!({ "name": FOLLOWED[1] }),
            _ => {}
        }
    }

    fn call(&mut self) -> (&'static str, Call) {
        let key = *KEYS.choose(&mut self.random).expect("there are keys");
        let (client, path) = (self.project.client.clone(), self.project.config(key));
        let mut body = json!({ "content": self.document() });
        match self.random.random_range(0..20) {
            0..=8 => ("put", client.put(&path).if_any().json(&body)),
            9..=11 => {
                self.bind(&mut body);
                ("bind", client.put(&path).if_any().json(&body))
            }
            12 | 13 => {
                self.bind(&mut body);
                ("create", client.put(&path).if_absent().json(&body))
            }
            14 => ("delete", client.delete(&path).if_any()),
            15 | 16 => {
                let back = json!({ "to_version": self.random.random_range(1..=9) });
                ("rollback", client.post(&format!("{path}/rollback")).if_any().json(&back))
            }
            _ => ("transaction", client.post(&self.project.path("/transactions"))),
        }
    }

    /// A transaction of three documents, with their versions of a moment ago.
    async fn transaction(&mut self, call: Call) -> Answer {
        let mut operations = Vec::new();
        for key in KEYS.choose_multiple(&mut self.random, 3).copied().collect::<Vec<_>>() {
            let now = self.project.client.get(&self.project.config(key)).send().await;
            let version = if now.status == 200 { now.etag() } else { 0 };
            let mut one = json!({ "environment": "default", "key": key, "expected_version": version });
            if version > 0 && self.random.random_bool(0.15) {
                one["op"] = json!("delete");
            } else {
                (one["op"], one["content"]) = (json!("put"), self.document());
                self.bind(&mut one);
            }
            operations.push(one);
        }
        call.json(&json!({ "operations": operations })).send().await
    }

    async fn run(mut self, left: Arc<AtomicUsize>) -> Tally {
        let mut tally = Tally::new();
        while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            let (kind, call) = self.call();
            let answer = if kind == "transaction" { self.transaction(call).await } else { call.send().await };
            noted(&mut tally, kind, &answer);
        }
        tally
    }
}

/// Whether each version was registered with the mode `ratchet`.
type Modes = BTreeMap<(&'static str, u64), bool>;

async fn change_schemas(project: Project, seed: u64, stop: Arc<AtomicBool>) -> (Tally, Modes) {
    let (mut random, mut tally, mut modes) = (StdRng::seed_from_u64(seed), Tally::new(), Modes::new());
    while !stop.load(Ordering::SeqCst) {
        let name = *FOLLOWED.choose(&mut random).expect("there are schemas");
        let ratchet = name == FOLLOWED[1] && random.random_bool(0.5);
        let limit = LIMITS[random.random_range(0..LIMITS.len())];
        let body = json!({ "schema": schema(limit), "mode": if ratchet { "ratchet" } else { "strict" } });
        let answer = project.client.put(&project.path(&format!("/schemas/{name}"))).json(&body).send().await;
        noted(&mut tally, name, &answer);
        if answer.status == 200 {
            modes.insert((name, answer.etag()), ratchet);
        }
        tokio::time::sleep(PACE).await;
    }
    (tally, modes)
}

/// A change at a revision.
enum Happened {
    Put { key: &'static str, document: Value, schema: Option<(String, u64)> },
    Gone { key: &'static str },
    Schema { name: &'static str, version: u64 },
}

struct Past {
    events: BTreeMap<u64, Vec<Happened>>,
    limits: BTreeMap<(String, u64), u64>,
}

impl Past {
    async fn read(project: &Project) -> Self {
        let mut past = Self { events: BTreeMap::new(), limits: BTreeMap::new() };
        for name in ["strict", "mixed", "pins"] {
            let path = project.path(&format!("/schemas/{name}"));
            let newest = project.client.get(&path).send().await.is(200).etag();
            for version in 1..=newest {
                let one = format!("{path}/versions/{version}");
                let one = project.client.get(&one).send().await.is(200).json();
                let limit = one["schema"]["properties"]["n"]["maximum"].as_u64().expect("a limit");
                past.limits.insert((name.to_owned(), version), limit);
                past.add(&one, Happened::Schema { name, version });
            }
        }
        for key in KEYS {
            for item in project.all(&project.config(&format!("{key}/history"))).await {
                if item["kind"] == "delete" {
                    past.add(&item, Happened::Gone { key });
                    continue;
                }
                let path = project.config(&format!("{key}/history/{}", item["version"]));
                let one = project.client.get(&path).send().await.is(200).json();
                let schema = one["schema"]["name"].as_str().map(|name| {
                    (name.to_owned(), one["schema"]["version"].as_u64().expect("a schema version"))
                });
                past.add(&one, Happened::Put { key, document: one["content"].clone(), schema });
            }
        }
        past
    }

    fn add(&mut self, item: &Value, happened: Happened) {
        self.events.entry(item["revision"].as_u64().expect("a revision")).or_default().push(happened);
    }

    /// Replays all changes in commit order; returns the keys of documents that violate their schemas at the
    /// end.
    fn judge(&self, modes: &Modes) -> Vec<&'static str> {
        let (mut newest, mut live) = (BTreeMap::new(), BTreeMap::new());
        for (revision, happened) in &self.events {
            for one in happened {
                match one {
                    Happened::Gone { key } => {
                        live.remove(key);
                    }
                    Happened::Put { key, document, schema } => {
                        live.insert(*key, (document, schema));
                        let Some((name, version)) = schema else { continue };
                        let limit = self.limits[&(name.clone(), *version)];
                        assert!(holds(limit, document), "at {revision}, {key} breaks {name} {version}");
                        let follows = FOLLOWED.contains(&name.as_str());
                        let right = !follows || newest.get(name.as_str()) == Some(version);
                        assert!(right, "at {revision}, {key} was held to an old version of {name}");
                    }
                    Happened::Schema { name, version } => {
                        newest.insert(*name, *version);
                        let ratchet = modes.get(&(*name, *version)).copied().unwrap_or(false);
                        let limit = self.limits[&((*name).to_owned(), *version)];
                        for (key, (document, _)) in
                            live.iter().filter(|(_, live)| bound(live.1.as_ref(), name))
                        {
                            let fine = ratchet || holds(limit, document);
                            assert!(fine, "at {revision}, {key} breaks the new strict {name} {version}");
                        }
                    }
                }
            }
        }
        let fails = |(document, schema): &(&Value, &Option<(String, u64)>)| {
            let named = schema.as_ref().filter(|(name, _)| FOLLOWED.contains(&name.as_str()));
            named.is_some_and(|(name, _)| {
                !holds(self.limits[&(name.clone(), newest[name.as_str()])], document)
            })
        };
        live.iter().filter(|(_, live)| fails(live)).map(|(key, _)| *key).collect()
    }
}

fn bound(schema: Option<&(String, u64)>, name: &str) -> bool {
    schema.is_some_and(|(bound, _)| bound == name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_changes_a_document_gets_past_a_schema_change() {
    let cluster = TestCluster::start().await;
    let project = Project::create(cluster.client(0)).await;
    for name in ["strict", "mixed", "pins"] {
        project.create_schema(name, &schema(LIMITS[1])).await;
    }
    let narrow = json!({ "schema": schema(LIMITS[0]) });
    project.client.put(&project.path("/schemas/pins")).json(&narrow).send().await.is(200);
    for (at, key) in KEYS.into_iter().enumerate() {
        project.create_bound(key, FOLLOWED[at % 2], &json!({ "n": 1 })).await;
    }
    let (left, stop) = (Arc::new(AtomicUsize::new(operations())), Arc::new(AtomicBool::new(false)));
    let (since, mut writers, mut changers) = (Instant::now(), JoinSet::new(), JoinSet::new());
    for (seed, at) in (0..cluster.size() * WRITERS_PER_NODE).map(|n| (n as u64, n % cluster.size())) {
        let (project, random) = (project.through(cluster.client(at)), StdRng::seed_from_u64(seed));
        writers.spawn(Writer { project, random }.run(left.clone()));
    }
    for at in 0..cluster.size() {
        let own = project.through(cluster.client(at));
        changers.spawn(change_schemas(own, 1000 + at as u64, stop.clone()));
    }
    let mut tally = Tally::new();
    let mut add = |more: Tally| more.into_iter().for_each(|(what, n)| *tally.entry(what).or_default() += n);
    writers.join_all().await.into_iter().for_each(&mut add);
    stop.store(true, Ordering::SeqCst);
    let mut modes = Modes::new();
    for (more, own) in changers.join_all().await {
        add(more);
        modes.extend(own);
    }
    say(format_args!("race: {} operations in {:?}: {tally:#?}", operations(), since.elapsed()));
    for kind in ["put", "bind", "create", "delete", "rollback", "transaction", "strict", "mixed"] {
        let done = format!("{kind} done");
        assert!(tally.get(&done).copied().unwrap_or_default() > 0, "no {done}: {tally:#?}");
    }
    let refused = |what: &str| tally.keys().any(|key| key.ends_with(what));
    let both = refused("validation_failed") && refused("schema_breaks_documents");
    assert!(both, "they never got in each other's way: {tally:#?}");
    let failing = Past::read(&project).await.judge(&modes);
    let listed = async |name: &str| {
        let found = project.all(&project.path(&format!("/schemas/{name}/failures"))).await;
        found.iter().map(|one| one["key"].as_str().expect("a key").to_owned()).collect::<Vec<_>>()
    };
    assert!(listed(FOLLOWED[0]).await.is_empty());
    assert_eq!(listed(FOLLOWED[1]).await, failing);
}
