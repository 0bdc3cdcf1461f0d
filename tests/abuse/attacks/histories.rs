//! Growing histories.

use crate::field::Field;
use crate::flood::{Stop, client, flood};
use crate::tally::Tally;
use serde_json::json;
use std::sync::Arc;

const WORKERS: u64 = 8;
/// The quota in the issue, in bytes.
const QUOTA_BYTES: u64 = 2_000_000;
const DOCUMENT_BYTES: usize = 900_000;
/// Maximum disk use of one project on all nodes together: three copies, each in log, state and snapshot.
const KEPT_BYTES_MAX: u64 = 400_000_000;
const SCHEMA_BYTES: usize = 30_000;
/// The quota of schema versions, in bytes. The default of 256 MiB is more than the disks may grow by here.
const SCHEMA_QUOTA_BYTES: u64 = 20_000_000;

fn grown(field: &Field, before: u64) -> Vec<String> {
    let grown = field.kept_bytes().saturating_sub(before);
    let most = KEPT_BYTES_MAX / 1_000_000;
    let fault = format!("the disks of all nodes hold {} MB more, {most} MB at most", grown / 1_000_000);
    (grown > KEPT_BYTES_MAX).then_some(fault).into_iter().collect()
}

pub async fn history(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let project = field.project(json!({ "documents": 1, "bytes": QUOTA_BYTES })).await;
    let (before, http, nodes) = (field.kept_bytes(), client(2), field.http.clone());
    project.create_config("one", &json!({})).await;
    // Cheap to generate, because the attacker shares the CPU with the nodes.
    let text = "x".repeat(DOCUMENT_BYTES);
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let node = &nodes[usize::try_from(worker).unwrap_or_default() % nodes.len()];
        let number = turn * WORKERS + worker;
        let body = format!(r#"{{"content": {{"n": {number}, "text": "{text}"}}}}"#);
        let put = http.put(format!("http://{node}{}", project.config("one"))).header("If-Match", "*");
        let put = put.header("Content-Type", "application/json").body(body);
        put.bearer_auth(project.client.key().unwrap_or_default())
    })
    .await;
    tally.add("MB accepted", tally.of("200") * DOCUMENT_BYTES as u64 / 1_000_000);
    grown(&field, before)
}

pub async fn schema_versions(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let quotas = json!({ "documents": 1, "bytes": QUOTA_BYTES, "schema_bytes": SCHEMA_QUOTA_BYTES });
    let project = field.project(quotas).await;
    let (before, http, nodes) = (field.kept_bytes(), client(2), field.http.clone());
    project.create_schema("one", &json!({})).await;
    let text = "x".repeat(SCHEMA_BYTES);
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let node = &nodes[usize::try_from(worker).unwrap_or_default() % nodes.len()];
        let schema = json!({ "$comment": format!("{turn} {worker} {text}") });
        let put = http.put(format!("http://{node}{}", project.path("/schemas/one")));
        put.bearer_auth(project.client.key().unwrap_or_default()).json(&json!({ "schema": schema }))
    })
    .await;
    tally.add("MB accepted", tally.of("200") * SCHEMA_BYTES as u64 / 1_000_000);
    grown(&field, before)
}
