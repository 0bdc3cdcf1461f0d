//! Slots and tables that all tenants share: idempotency keys, imports and exports, watches, the audit.

use crate::field::Field;
use crate::flood::{Holding, Stop, client, connect, flood, until_over};
use crate::neighbour::Neighbour;
use crate::tally::Tally;
use e2e::Project;
use serde_json::json;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

const WORKERS: u64 = 16;
const IMPORTS: usize = 12;
const EXPORTS: u8 = 24;
const WATCHES: usize = 3_000;
/// The receive buffer of a client that does not read, in bytes.
const RECEIVES: u32 = 4096;

/// Endless changes with idempotency keys; the neighbour's own key must still be known afterwards.
pub async fn idempotency(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let neighbour = Project::create(field.admin()).await;
    let mut faults = Vec::new();
    if let Err(why) = Neighbour::keyed(&neighbour, "the-neighbour", 1).await {
        faults.push(format!("a keyed change of the neighbour: {why}"));
    }
    let (http, nodes, hostile) = (client(2), field.http.clone(), field.hostile.clone());
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let node = &nodes[usize::try_from(worker).unwrap_or_default() % nodes.len()];
        let guard = if turn == 0 { ("If-None-Match", "*") } else { ("If-Match", "*") };
        let put = http.put(format!("http://{node}{}", hostile.config(&format!("keyed.{worker}"))));
        let put = put.header(guard.0, guard.1).header("Idempotency-Key", format!("k-{worker}-{turn}"));
        put.bearer_auth(hostile.client.key().unwrap_or_default()).json(&json!({ "content": { "n": turn } }))
    })
    .await;
    match Neighbour::keyed(&neighbour, "the-neighbour", 1).await {
        Ok(true) => {}
        Ok(false) => faults.push("the neighbour's idempotency key was forgotten".to_owned()),
        Err(why) => faults.push(format!("the neighbour's idempotency key: {why}")),
    }
    faults
}

pub async fn slow_imports(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let line = b"1\r\n \r\n";
    let mut holding = JoinSet::new();
    for to in field.http.clone() {
        let (field, tally, stop) = (field.clone(), tally.clone(), stop.clone());
        holding.spawn(async move {
            let opening = format!(
                "POST {}?dry_run=true HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {}\r\n\
                 Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
                field.hostile.path("/import"),
                field.viewer
            );
            let slow = Holding {
                count: IMPORTS,
                from: 2,
                sources: 4,
                to: &to,
                opening: opening.as_bytes(),
                drip: Some(line),
            };
            slow.hold(&tally, &stop).await;
        });
    }
    while holding.join_next().await.is_some() {}
    Vec::new()
}

/// Exports that are not read.
pub async fn slow_exports(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let mut tasks = JoinSet::new();
    for number in 0..EXPORTS {
        let (field, tally) = (field.clone(), tally.clone());
        tasks.spawn(async move {
            let to = &field.http[usize::from(number) % field.http.len()];
            let asked = format!(
                "GET {} HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {}\r\n\r\n",
                field.hostile.path("/export"),
                field.viewer
            );
            let Ok(mut stream) = connect(2 + number % 8, to, Some(RECEIVES)).await else { return };
            let mut head = [0; 12];
            let asked = stream.write_all(asked.as_bytes()).await.is_ok();
            let answered = asked && stream.read_exact(&mut head).await.is_ok();
            tally.count(if answered {
                String::from_utf8_lossy(&head).into_owned()
            } else {
                "closed".to_owned()
            });
            std::future::pending::<()>().await;
        });
    }
    until_over(&stop).await;
    tasks.shutdown().await;
    Vec::new()
}

/// As many watches as possible, by one viewer at one node.
pub async fn watches(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let to = &field.http[0];
    let opening = format!(
        "GET {} HTTP/1.1\r\nHost: {to}\r\nAuthorization: Bearer {}\r\n\r\n",
        field.hostile.watched("?prefix=nothing."),
        field.viewer
    );
    let count = if field.short { WATCHES / 3 } else { WATCHES };
    let held = Holding { count, from: 2, sources: 20, to, opening: opening.as_bytes(), drip: None };
    held.hold(&tally, &stop).await;
    Vec::new()
}

/// Refused requests, each with an audit record.
pub async fn refused(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let (http, nodes, hostile, viewer) =
        (client(2), field.http.clone(), field.hostile.clone(), field.viewer.clone());
    let before = field.kept_bytes();
    flood(WORKERS, &tally, &stop, move |worker, turn| {
        let node = &nodes[usize::try_from(worker).unwrap_or_default() % nodes.len()];
        let url = format!("http://{node}{}", hostile.config(&format!("no.{turn}")));
        match worker % 3 {
            0 => http.delete(url).header("If-Match", "*").bearer_auth(&viewer),
            1 => http.get(url),
            _ => http.get(url).bearer_auth(format!("gdn_nobody_{turn}")),
        }
    })
    .await;
    tally.add("kB more on the disks", field.kept_bytes().saturating_sub(before) / 1000);
    Vec::new()
}
