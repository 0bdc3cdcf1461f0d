//! `GET …/watch` on real nodes: events, resume, end.

use crate::shared::{HEARTBEAT_MS, cluster, everywhere, project};
use e2e::{Heard, Metrics, Project, Watching};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn watch(project: &Project, query: &str) -> Watching {
    project.client.get(&project.watched(query)).watch().await
}

/// The short form of an event: `put a 1 [2]`, `delete a 3`.
fn short(heard: &Heard) -> String {
    let data = heard.data();
    let (key, version) = (data["key"].as_str().unwrap_or_default(), &data["version"]);
    let content = data.get("content").map_or_else(String::new, |content| format!(" {content}"));
    assert_eq!(data["revision"].as_u64(), heard.id, "one change a revision: each is the last");
    format!("{} {key} {version}{content}", heard.event)
}

#[tokio::test]
async fn every_node_tells_the_same_story_in_the_same_order() {
    let project = project().await;
    let start = project.create_config("a", &json!(1)).await.revision();
    let mut watchers = Vec::new();
    for client in everywhere().await {
        watchers.push(watch(&project.through(client), &format!("?after_revision={start}")).await);
    }
    let mut expected = Vec::new();
    for (n, client) in (2..).zip(everywhere().await.into_iter().cycle().take(30)) {
        project.through(client).write("a", &json!(n)).await;
        expected.push(format!("put a {n} {n}"));
    }
    project.client.delete(&project.config("a")).if_any().send().await.is(204);
    expected.push("delete a 32".to_owned());
    project.create_config("a", &json!({"back": true})).await;
    expected.push(r#"put a 33 {"back":true}"#.to_owned());
    for watcher in &mut watchers {
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            heard.push(short(&watcher.change().await));
        }
        assert_eq!(heard, expected);
    }
}

#[tokio::test]
async fn without_a_resume_point_the_present_state_comes_first() {
    let project = project().await;
    project.create_schema("s", &json!({ "type": "object" })).await;
    project.create_bound("a.bound", "s", &json!({ "n": 1 })).await;
    project.create_config("a.gone", &json!(1)).await;
    project.client.delete(&project.config("a.gone")).if_any().send().await.is(204);
    let last = project.create_config("b", &json!(null)).await.revision();
    for client in everywhere().await {
        let own = project.through(client);
        let reset = watch(&own, "?prefix=a.").await.next().await;
        let data = reset.data();
        assert_eq!(reset.event, "reset");
        assert!(reset.id >= Some(last), "a linearizable state: {data}");
        assert_eq!(reset.id, data["revision"].as_u64());
        let items = data["items"].as_array().expect("items");
        assert_eq!(items.len(), 1, "{data}");
        let mut read = own.read("a.bound").await;
        for member in ["message", "created_at"] {
            read.as_object_mut().expect("an object").remove(member);
        }
        assert_eq!(items[0], read, "an item is what a read shows");
    }
}

#[tokio::test]
async fn a_watch_goes_on_where_another_node_left_off() {
    let project = project().await;
    let mut last = project.create_config("a", &json!(0)).await.revision();
    let clients = everywhere().await;
    for n in 1..=30_usize {
        let own = project.through(clients[n % clients.len()].clone());
        let revision = project.write("a", &json!(n)).await.revision();
        let id = last.to_string();
        // The parameter is ignored: the header has precedence.
        let path = own.watched("?after_revision=0");
        let mut watcher = own.client.get(&path).header("Last-Event-ID", &id).watch().await;
        let heard = watcher.change().await;
        assert_eq!((heard.id, &heard.data()["content"]), (Some(revision), &json!(n)));
        last = revision;
    }
}

#[tokio::test]
async fn prefixes_and_environments_are_kept_apart() {
    let project = project().await;
    project.client.post(&project.path("/environments")).json(&json!({ "name": "prod" })).send().await.is(201);
    let start = project.create_config("web.a", &json!(1)).await.revision();
    let mut watcher = watch(&project, &format!("?prefix=web.&after_revision={start}")).await;
    project.create_config("web", &json!(1)).await;
    project.create_config("web-b", &json!(1)).await;
    let elsewhere = project.path("/environments/prod/configs/web.a");
    project.client.put(&elsewhere).if_absent().json(&json!({ "content": 1 })).send().await.is(201);
    project.write("web.a", &json!(2)).await;
    assert_eq!(short(&watcher.change().await), "put web.a 2 2");
}

#[tokio::test]
async fn a_quiet_watcher_hears_how_far_it_is() {
    let project = project().await;
    let mut watcher = watch(&project, "").await;
    let reset = watcher.next().await;
    let other = crate::shared::project().await;
    let later = other.create_config("a", &json!(1)).await.revision();
    let began = Instant::now();
    let bookmark = loop {
        let heard = watcher.next().await;
        assert_eq!(heard.event, "bookmark", "what happens elsewhere is not told");
        assert_eq!(heard.data()["revision"].as_u64(), heard.id);
        if heard.id >= Some(later) {
            break heard;
        }
    };
    assert!(bookmark.id > reset.id);
    assert!(began.elapsed() < Duration::from_millis(HEARTBEAT_MS * 10), "{:?}", began.elapsed());
    let change = project.create_config("a", &json!(1)).await.revision();
    let id = bookmark.id.expect("it has an id").to_string();
    let mut resumed = project.client.get(&project.watched("")).header("Last-Event-ID", &id).watch().await;
    assert_eq!(resumed.change().await.id, Some(change), "a bookmark is a resume point");
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused() {
    let project = project().await;
    let refused = async |path: &str, status: u16, code: &str| {
        project.client.get(path).send().await.refused(status, code);
    };
    refused(&project.watched("?prefix=%20"), 400, "invalid_parameter").await;
    refused(&project.watched("?after_revision=x"), 400, "invalid_parameter").await;
    refused(&project.watched("?min_revision=1"), 400, "unknown_parameter").await;
    refused(&project.path("/environments/none/watch"), 404, "environment_not_found").await;
    refused("/api/v1/projects/none-such/environments/default/watch", 404, "project_not_found").await;
    let anonymous = project.client.anonymous();
    anonymous.get(&project.watched("")).send().await.refused(401, "unauthenticated");
    let now = project.client.get("/api/v1/cluster").send().await.is(200).revision();
    let ahead = project.watched(&format!("?after_revision={}", now + 1_000_000));
    let problem = project.client.get(&ahead).send().await.refused(503, "behind");
    assert_eq!(problem["min_revision"], now + 1_000_000);
}

#[tokio::test]
async fn a_key_watches_what_it_may_read() {
    let project = project().await;
    let body = json!({ "name": "k", "permissions": ["config:document:read"], "key_prefixes": ["a."] });
    let (_, client) = project.create_key(&body).await;
    client.get(&project.watched("")).send().await.refused(403, "forbidden");
    client.get(&project.watched("?prefix=b.")).send().await.refused(403, "forbidden");
    let mut watcher = client.get(&project.watched("?prefix=a.")).watch().await;
    assert_eq!(watcher.next().await.data()["items"], json!([]));
    project.create_config("b.secret", &json!(1)).await;
    project.create_config("a.mine", &json!(1)).await;
    assert_eq!(watcher.change().await.data()["key"], "a.mine");
    let (_, writer) =
        project.create_key(&json!({ "name": "w", "permissions": ["config:document:write"] })).await;
    writer.get(&project.watched("")).send().await.refused(403, "forbidden");
}

/// Opens a watch with such a key on every node, runs `end`, and expects every stream to end.
async fn ends_after(body: Value, end: impl AsyncFnOnce(&Project, &Value)) {
    let project = project().await;
    let (made, client) = project.create_key(&body).await;
    let mut watchers = Vec::new();
    for node in everywhere().await {
        let own = node.with_key(made["key"].as_str().expect("shown"));
        watchers.push(own.get(&project.watched("")).watch().await);
    }
    for watcher in &mut watchers {
        assert_eq!(watcher.next().await.event, "reset");
    }
    drop(client);
    end(&project, &made).await;
    for watcher in &mut watchers {
        watcher.ended().await;
    }
}

fn reader() -> Value {
    json!({ "name": "k", "permissions": ["config:document:read"] })
}

#[tokio::test]
async fn a_revoked_key_ends_its_watches() {
    ends_after(reader(), async |project, made| {
        let id = made["id"].as_str().expect("an id");
        project.client.delete(&project.path(&format!("/api-keys/{id}"))).send().await.is(204);
        // The holder must not receive later changes.
        project.create_config("secret", &json!(1)).await;
    })
    .await;
}

#[tokio::test]
async fn an_expired_key_ends_its_watches() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let in_two_seconds = now.as_secs() + 3;
    let (days, rest) = (in_two_seconds / 86_400, in_two_seconds % 86_400);
    let mut body = reader();
    body["expires_at"] =
        json!(format!("{}T{:02}:{:02}:{:02}Z", date(days), rest / 3600, rest / 60 % 60, rest % 60));
    ends_after(body, async |_, _| {}).await;
}

/// The date this many days after 1970-01-01.
fn date(mut days: u64) -> String {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, days + 1)
}

#[tokio::test]
async fn a_deleted_environment_or_project_ends_its_watches() {
    for path in ["/environments/default", ""] {
        ends_after(reader(), async |project, _| {
            project.client.delete(&project.path(path)).send().await.is(204);
        })
        .await;
    }
}

#[tokio::test]
async fn watchers_are_counted() {
    let project = project().await;
    let client = &cluster().await.client(2);
    let own = project.through(client.clone());
    let sample = async |name: &str, labels: &[&str]| {
        let text = client.get("/metrics").send().await.is(200);
        Metrics::parse(text.text()).sum(name, labels)
    };
    let before = sample("guardian_watch_resets_total", &[]).await;
    let puts = sample("guardian_watch_events_total", &["event=\"put\""]).await;
    let mut watcher = watch(&own, "").await;
    watcher.next().await;
    project.create_config("a", &json!(1)).await;
    watcher.change().await;
    assert!(sample("guardian_watchers", &[]).await >= 1.0);
    assert!(sample("guardian_watch_resets_total", &[]).await > before);
    assert!(sample("guardian_watch_events_total", &["event=\"put\""]).await > puts);
}
