//! Reads of earlier states of configs and environments, from disk, on every node.

use crate::shared::{everywhere, project};
use e2e::{Answer, Project};
use serde_json::{Value, json};

/// The creation time of a version, as reported by the server.
fn made_at(answer: &Answer) -> String {
    answer.json()["updated_at"].as_str().expect("a time").to_owned()
}

#[tokio::test]
async fn every_node_shows_every_version_of_the_past() {
    let project = project().await;
    let path = project.config("a");
    let mut made = vec![project.create_config("a", &json!(1)).await];
    for n in 2..40 {
        made.push(project.write("a", &json!(n)).await);
    }
    for client in everywhere().await {
        for (n, answer) in made.iter().enumerate().step_by(6) {
            let (version, revision) = (answer.etag(), answer.revision());
            for query in [format!("version={version}"), format!("revision={revision}")] {
                let found = client.get(&format!("{path}?{query}")).send().await.is(200);
                assert_eq!((found.etag(), &found.json()["content"]), (version, &json!(n + 1)), "{query}");
                let bare = client.get(&format!("{path}/content?{query}")).send().await.is(200);
                assert_eq!((bare.etag(), bare.text()), (version, (n + 1).to_string().as_str()), "{query}");
            }
            let found = client.get(&format!("{path}?at={}", made_at(answer))).send().await.is(200);
            assert!(found.etag() >= version, "another may have been made in the same millisecond");
            assert_eq!(made_at(&found), made_at(answer));
            let known = client.get(&format!("{path}?version={version}"));
            known.header("If-None-Match", &format!("\"{version}\"")).send().await.is(304);
        }
    }
}

#[tokio::test]
async fn there_is_nothing_before_creation_in_deletion_and_to_come() {
    let project = project().await;
    let other = project.create_config("other", &json!(0)).await.revision();
    project.create_config("a", &json!(1)).await;
    let deleted = project.client.delete(&project.config("a")).if_any().send().await.is(204).revision();
    let again = project.create_config("a", &json!(3)).await.revision();
    let path = project.config("a");
    let read = |query: String| project.client.get(&format!("{path}?{query}")).send();
    read(format!("revision={other}")).await.refused(404, "config_not_found");
    read(format!("revision={deleted}")).await.refused(404, "config_not_found");
    read("version=2".to_owned()).await.refused(404, "config_not_found");
    read("version=4".to_owned()).await.refused(404, "version_not_found");
    read("at=2020-02-29T12:00:00%2B01:00".to_owned()).await.refused(404, "config_not_found");
    assert_eq!(read(format!("revision={again}")).await.is(200).etag(), 3);
    let problem = read("revision=1000000000000".to_owned()).await.refused(400, "future_revision");
    assert!(problem["newest_revision"].as_u64().is_some_and(|newest| newest >= again), "{problem}");
    let problem = read("revision=1&version=1".to_owned()).await.refused(400, "invalid_parameter");
    assert_eq!(problem["parameter"], "version");
}

fn shown(items: &[Value]) -> Vec<(&str, &Value)> {
    items.iter().map(|item| (item["key"].as_str().expect("a key"), &item["content"])).collect()
}

/// Writes four keys at one moment, then changes them.
async fn changed(project: &Project) -> Answer {
    for key in ["a", "b", "c", "d"] {
        project.create_config(key, &json!(if key == "d" { "older" } else { "old" })).await;
    }
    let last = project.write("d", &json!("old")).await;
    // Waits for another millisecond, so that the time separates the two states.
    let mut tick = 100;
    while made_at(&project.write("clock", &json!(tick)).await) == made_at(&last) {
        tick += 1;
    }
    project.write("a", &json!("new")).await;
    project.client.delete(&project.config("b")).if_any().send().await.is(204);
    project.create_config("e", &json!("new")).await;
    last
}

#[tokio::test]
async fn an_environment_is_listed_as_it_was() {
    let project = project().await;
    project.create_config("clock", &json!(0)).await;
    let then = changed(&project).await;
    let (old, zero) = (json!("old"), json!(0));
    let expected = [("a", &old), ("b", &old), ("c", &old), ("clock", &zero), ("d", &old)];
    for client in everywhere().await {
        let project = project.through(client);
        for moment in [format!("revision={}", then.revision()), format!("at={}", made_at(&then))] {
            let list = project.configs(&format!("?include=content&{moment}"));
            assert_eq!(shown(&project.all(&list).await), expected, "{moment}");
            let first = project.client.get(&format!("{list}&page_size=2")).send().await.is(200);
            let token = first.json()["next_page_token"].as_str().expect("a token").to_owned();
            project.write("clock", &json!(1)).await;
            let next =
                project.client.get(&format!("{list}&page_size=9&page_token={token}")).send().await.is(200);
            assert_eq!(first.revision(), next.revision(), "all pages show the same");
            assert_eq!(shown(next.json()["items"].as_array().expect("items")), expected[2..], "{moment}");
        }
    }
    let some = project.configs(&format!("?prefix=b&revision={}", then.revision()));
    assert_eq!(project.all(&some).await.len(), 1);
    let now = project.all(&project.configs("?include=content")).await;
    assert_eq!(now.iter().map(|item| item["key"].as_str()).collect::<Vec<_>>(), {
        [Some("a"), Some("c"), Some("clock"), Some("d"), Some("e")]
    });
}
