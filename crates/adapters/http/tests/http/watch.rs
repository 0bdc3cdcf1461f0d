//! Watches over HTTP: the byte stream, slots, and waiting reads.

use crate::support::{CONFIGS, PROJECT, Server};
use adapter_http::WatchRules;
use axum::body::{Body, BodyDataStream};
use futures::StreamExt as _;
use http::{Request, Response};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt as _;

const WATCH: &str = "/api/v1/projects/demo/environments/default/watch";
/// A stream that is silent for this long is broken.
const DEADLINE: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_millis(100);

/// An open event stream.
struct Events {
    body: BodyDataStream,
    text: String,
}

/// An event: name, id, data.
type Event = (String, Option<u64>, Value);

impl Events {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(parsed(&event));
            }
            let more = tokio::time::timeout(DEADLINE, self.body.next()).await.expect("an event in time")?;
            self.text.push_str(std::str::from_utf8(&more.expect("no error")).expect("UTF-8"));
        }
    }

    async fn get(&mut self, name: &str) -> (Option<u64>, Value) {
        let (event, id, data) = self.next().await.expect("the stream goes on");
        assert_eq!(event, name, "{data}");
        (id, data)
    }
}

fn parsed(text: &str) -> Event {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    let id = field("id").map(|id| id.parse().expect("a revision"));
    let data = serde_json::from_str(field("data").expect("data")).expect("JSON");
    (field("event").expect("a name").to_owned(), id, data)
}

async fn response(server: &Server, query: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let snapshot = match query {
        "" => "?snapshot=one",
        query if query.contains("snapshot=") => "",
        _ => "&snapshot=one",
    };
    let mut request = Request::builder().uri(format!("{WATCH}{query}{snapshot}"));
    request = request.header("x-api-key", &server.test.admin_secret);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("well formed");
    server.router.clone().oneshot(request).await.expect("the router never fails")
}

async fn open(server: &Server, query: &str, headers: &[(&str, &str)]) -> Events {
    let response = response(server, query, headers).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    Events { body: response.into_body().into_data_stream(), text: String::new() }
}

/// A server with the project `demo` and a short heartbeat.
async fn lively(watchers_max: usize, stopping: watch::Receiver<bool>) -> Server {
    let rules = WatchRules { watchers_max, heartbeat: HEARTBEAT, stopping };
    let server = Server::watched(|_| {}, DEADLINE, rules);
    server.post("/api/v1/projects", r#"{"name":"demo"}"#).await.is(201);
    server
}

async fn server() -> Server {
    lively(10, WatchRules::default().stopping).await
}

#[tokio::test]
async fn events_have_the_form_of_the_contract() {
    let server = server().await;
    let made = server.create("a", r#"{"n":1}"#).await;
    let at = made.json()["revision"].as_u64().expect("a revision");
    let mut events = open(&server, "", &[]).await;
    let (id, reset) = events.get("reset").await;
    let updated_at = "2026-01-01T00:00:00.000Z";
    let item = json!({"project": "demo", "environment": "default", "key": "a", "version": 1, "revision": at,
        "schema": null, "content": {"n": 1}, "updated_at": updated_at, "updated_by": "api-key:ak-admin"});
    assert_eq!((id, reset), (Some(at), json!({"revision": at, "items": [item]})));
    server.put("a", ("if-match", "*"), r#"{"content":[2]}"#).await.is(200);
    let mut put = item.clone();
    (put["version"], put["revision"], put["content"]) = (json!(2), json!(at + 1), json!([2]));
    assert_eq!(events.get("put").await, (Some(at + 1), put.clone()));
    server.send("DELETE", &format!("{CONFIGS}/a"), &[("if-match", "*")], "").await.is(204);
    let mut gone = put;
    (gone["version"], gone["revision"]) = (json!(3), json!(at + 2));
    gone.as_object_mut().expect("an object").remove("content");
    assert_eq!(events.get("delete").await, (Some(at + 2), gone));
    assert_eq!(events.get("bookmark").await, (Some(at + 2), json!({"revision": at + 2})));
    let sent = server.world.sent.lock().expect("no panics").clone();
    assert_eq!(sent, ["reset", "put", "delete", "bookmark"]);
}

#[tokio::test]
async fn an_empty_environment_is_an_empty_reset_and_a_large_one_is_whole() {
    let server = server().await;
    let (_, reset) = open(&server, "", &[]).await.get("reset").await;
    assert_eq!(reset["items"], json!([]));
    for n in 0..200 {
        server.create(&format!("k{n:03}"), &n.to_string()).await;
    }
    let (_, reset) = open(&server, "?prefix=k", &[]).await.get("reset").await;
    let items = reset["items"].as_array().expect("items");
    let contents: Vec<_> = items.iter().filter_map(|item| item["content"].as_u64()).collect();
    assert_eq!(contents, (0..200).collect::<Vec<_>>());
}

/// Common line readers stop at 64 KiB, so a snapshot has one event per config.
#[tokio::test]
async fn a_snapshot_is_one_event_for_each_config() {
    let server = server().await;
    let mut at = 0;
    for n in 0..100 {
        let made = server.create(&format!("k{n:03}"), &format!("\"{}\"", "x".repeat(1000))).await;
        at = made.json()["revision"].as_u64().expect("a revision");
    }
    server.create("other", "1").await;
    let mut events = open(&server, "?prefix=k&key=none&snapshot=many", &[]).await;
    let (id, reset) = events.get("reset").await;
    assert_eq!((id, reset), (None, json!({"revision": at + 1})), "who breaks off here begins again");
    for n in 0..100 {
        let (id, put) = events.get("put").await;
        assert_eq!((id, &put["key"], &put["version"]), (None, &json!(format!("k{n:03}")), &json!(1)));
    }
    assert_eq!(events.get("synced").await, (Some(at + 1), json!({"revision": at + 1})));
    server.put("k000", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    assert_eq!(events.get("put").await.0, Some(at + 2));
    let plain = server.send("GET", &format!("{WATCH}?snapshot=many&snapshot=many"), &[], "").await;
    plain.is_problem(400, "invalid_parameter");
    let sent = server.world.sent.lock().expect("no panics").clone();
    assert_eq!((sent[0], sent[1], sent[101], sent.len()), ("reset", "put", "synced", 103));
}

#[tokio::test]
async fn a_watch_takes_several_keys_and_prefixes() {
    let server = server().await;
    let at = server.create("app%2Fa", "1").await.json()["revision"].as_u64().expect("a revision");
    let query = format!("?prefix=app/&prefix=web/&key=One&after_revision={at}");
    let mut events = open(&server, &query, &[]).await;
    for key in ["App%2Fx", "app", "web%2Fa", "One%2Fmore", "One", "app%2Fb"] {
        let path = format!("{CONFIGS}/{key}");
        server.send("PUT", &path, &[("if-none-match", "*")], r#"{"content":1}"#).await.is(201);
    }
    for key in ["web/a", "One", "app/b"] {
        assert_eq!(events.get("put").await.1["key"], key);
    }
}

#[tokio::test]
async fn last_event_id_wins() {
    let server = server().await;
    let at = server.create("a", "1").await.json()["revision"].as_u64().expect("a revision");
    server.create("b", "2").await;
    let (after, id) = (format!("?after_revision={}", at + 1), at.to_string());
    let mut resumed = open(&server, &after, &[("last-event-id", id.as_str())]).await;
    assert_eq!(resumed.get("put").await.1["key"], "b");
    let mut resumed = open(&server, &format!("?after_revision={at}"), &[]).await;
    assert_eq!(resumed.get("put").await.1["key"], "b");
    let mut resumed = open(&server, &after, &[("last-event-id", "")]).await;
    assert_eq!(resumed.get("bookmark").await.0, Some(at + 1), "an empty id is none");
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let server = server().await;
    for (query, code) in [
        ("?after_revision=-1", "invalid_parameter"),
        ("?after_revision=9223372036854775808", "invalid_parameter"),
        ("?after_revision=1&after_revision=1", "invalid_parameter"),
        ("?prefix=a%20b", "invalid_parameter"),
        ("?snapshot=two", "invalid_parameter"),
        ("?consistency=odd", "invalid_parameter"),
        ("?page_size=1", "unknown_parameter"),
        ("?min_revision=1", "unknown_parameter"),
    ] {
        server.get(&format!("{WATCH}{query}")).await.is_problem(400, code);
    }
    for id in ["x", "1.5", "-1", "9223372036854775808"] {
        let answer = server.send("GET", WATCH, &[("last-event-id", id)], "").await;
        assert_eq!(answer.is_problem(400, "invalid_parameter")["parameter"], "Last-Event-ID", "{id}");
    }
    let elsewhere = format!("{PROJECT}/environments/nowhere/watch");
    server.get(&elsewhere).await.is_problem(404, "environment_not_found");
    server.get(&WATCH.replace("demo", "nobody")).await.is_problem(404, "project_not_found");
    let behind = server.get(&format!("{WATCH}?after_revision=999")).await;
    assert_eq!(behind.is_problem(503, "behind")["min_revision"], 999);
    server.raw("GET", WATCH, &[], Body::empty()).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn watchers_are_counted_and_bounded() {
    // Without a quota, a project has half of the node's slots.
    let server = lively(4, WatchRules::default().stopping).await;
    let first = open(&server, "", &[]).await;
    let _second = open(&server, "", &[]).await;
    let refused = server.get(WATCH).await.is_problem(403, "quota_exceeded");
    assert_eq!((&refused["limit"], &refused["max"]), (&"watchers".into(), &2.into()));
    server.create("a", "1").await;
    let wait = format!("{CONFIGS}/a?wait=1s");
    let refused = server.send("GET", &wait, &[("if-none-match", "\"1\"")], "").await;
    refused.is_problem(403, "quota_exceeded");
    server.send("GET", &wait, &[("if-none-match", "\"7\"")], "").await.is(200);
    assert_eq!(server.world.watchers.load(std::sync::atomic::Ordering::SeqCst), 2);
    drop(first);
    assert_eq!(server.world.watchers.load(std::sync::atomic::Ordering::SeqCst), 1);
    open(&server, "", &[]).await.get("reset").await;
}

#[tokio::test]
async fn a_stop_ends_every_watch_and_every_wait() {
    let (stop, stopping) = watch::channel(false);
    let server = lively(10, stopping).await;
    server.create("a", "1").await;
    let mut events = open(&server, "", &[]).await;
    events.get("reset").await;
    let path = format!("{CONFIGS}/a?wait=60s");
    let known = [("if-none-match", "\"1\"")];
    let waiting = server.send("GET", &path, &known, "");
    let stopping = async {
        crate::support::until(|| server.world.watchers.load(std::sync::atomic::Ordering::SeqCst) == 2).await;
        stop.send(true).expect("somebody listens");
    };
    let (answer, ()) = tokio::join!(waiting, stopping);
    answer.is(304);
    while let Some((event, ..)) = events.next().await {
        assert_eq!(event, "bookmark", "nothing but heartbeats before the end");
    }
}

/// Waits for a change of `a` from `known` during `change`; returns status and entity tag.
async fn waited(known: &str, wait: &str, change: impl AsyncFnOnce(&Server)) -> (u16, String) {
    let server = server().await;
    server.create("other", "1").await;
    server.create("a", "1").await;
    let path = format!("{CONFIGS}/a?wait={wait}");
    let headers = [("if-none-match", known)];
    let waiting = server.send("GET", &path, &headers, "");
    let changing = async {
        crate::support::until(|| server.world.watchers.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
        change(&server).await;
    };
    let (answer, ()) = tokio::time::timeout(DEADLINE, async { tokio::join!(waiting, changing) })
        .await
        .expect("the wait ends when the change comes");
    (answer.status.as_u16(), answer.header("etag").to_owned())
}

#[tokio::test]
async fn a_read_waits_for_the_next_version() {
    let put = async |server: &Server| {
        server.put("other", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
        server.put("a", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    };
    assert_eq!(waited("\"1\"", "60s", put).await, (200, "\"2\"".to_owned()));
    let delete = async |server: &Server| {
        server.send("DELETE", &format!("{CONFIGS}/a"), &[("if-match", "*")], "").await.is(204);
    };
    assert_eq!(waited("\"1\"", "60s", delete).await, (404, String::new()));
    let other = async |server: &Server| {
        server.put("other", ("if-match", "*"), r#"{"content":2}"#).await.is(200);
    };
    assert_eq!(waited("\"1\"", "200ms", other).await, (304, "\"1\"".to_owned()), "nothing came");
}

#[tokio::test]
async fn a_read_waits_for_a_config_to_appear() {
    let server = server().await;
    let path = format!("{CONFIGS}/new/content?wait=60s");
    let waiting = server.send("GET", &path, &[("if-none-match", "\"0\"")], "");
    let creating = async {
        crate::support::until(|| server.world.watchers.load(std::sync::atomic::Ordering::SeqCst) == 1).await;
        server.create("new", "[1]").await;
    };
    let (answer, ()) = tokio::join!(waiting, creating);
    assert_eq!(answer.is(200).body, b"[1]");
    let path = format!("{CONFIGS}/never?wait=50ms");
    let answer = server.send("GET", &path, &[("if-none-match", "\"0\"")], "").await;
    answer.is_problem(404, "config_not_found");
}

#[tokio::test]
async fn a_read_that_knows_nothing_of_it_does_not_wait() {
    let server = server().await;
    server.create("a", "1").await;
    let now = |path: String, headers: &'static [(&str, &str)]| {
        let server = &server;
        async move {
            let answer = server.send("GET", &path, headers, "");
            tokio::time::timeout(DEADLINE / 2, answer).await.expect("at once").status.as_u16()
        }
    };
    assert_eq!(now(format!("{CONFIGS}/a?wait=60s"), &[]).await, 200);
    assert_eq!(now(format!("{CONFIGS}/a?wait=60s"), &[("if-none-match", "\"9\"")]).await, 200);
    assert_eq!(now(format!("{CONFIGS}/none?wait=60s"), &[("if-none-match", "\"1\"")]).await, 404);
    assert_eq!(now(format!("{CONFIGS}/none?wait=60s"), &[("if-none-match", "*")]).await, 404);
    assert_eq!(now(format!("{CONFIGS}/a?wait=0s"), &[("if-none-match", "\"1\"")]).await, 304);
    for wrong in ["61s", "60001ms", "1", "-1s", "", "99999s", "s"] {
        let answer = server.get(&format!("{CONFIGS}/a?wait={wrong}")).await;
        assert_eq!(answer.is_problem(400, "invalid_parameter")["parameter"], "wait", "{wrong}");
    }
}

#[tokio::test]
async fn a_wait_may_take_longer_than_a_request() {
    let rules = WatchRules::default();
    let server = Server::watched(|_| {}, Duration::from_millis(200), rules);
    server.post("/api/v1/projects", r#"{"name":"demo"}"#).await.is(201);
    server.create("a", "1").await;
    let path = format!("{CONFIGS}/a?wait=400ms");
    server.send("GET", &path, &[("if-none-match", "\"1\"")], "").await.is(304);
}
