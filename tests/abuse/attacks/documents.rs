//! The largest documents at the highest rate.

use crate::field::Field;
use crate::flood::{Stop, client, flood};
use crate::tally::Tally;
use serde_json::json;
use std::sync::Arc;

const WORKERS: u64 = 6;
const KEYS: u64 = 12;
const DOCUMENT_BYTES: usize = 1_000_000;

pub async fn large(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let project = field.project(json!({ "documents": 100, "bytes": 50_000_000 })).await;
    let (http, nodes, text) = (client(2), field.http.clone(), "x".repeat(DOCUMENT_BYTES));
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let node = &nodes[usize::try_from(worker).unwrap_or_default() % nodes.len()];
        let guard = if turn < KEYS { ("If-None-Match", "*") } else { ("If-Match", "*") };
        let url = format!("http://{node}{}", project.config(&format!("w{worker}.{}", turn % KEYS)));
        let put = http.put(url).header(guard.0, guard.1);
        // Cheap to generate, because the attacker shares the CPU with the nodes.
        let body = format!(r#"{{"content": {{"n": {turn}, "text": "{text}"}}}}"#);
        let put = put.header("Content-Type", "application/json").body(body);
        put.bearer_auth(project.client.key().unwrap_or_default())
    })
    .await;
    Vec::new()
}
