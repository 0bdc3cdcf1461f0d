//! Idle and slow connections.

use crate::field::Field;
use crate::flood::{H2_PREFACE, Holding, Stop, over};
use crate::tally::Tally;
use std::sync::Arc;
use std::time::Duration;

/// The number in the issue; the short form has fewer, because nodes there have fewer file descriptors.
const IDLE: usize = 11_000;
const IDLE_SHORT: usize = 2_500;
const SLOW: usize = 2_000;
const SLOW_BODIES: usize = 400;
const SILENT_PEERS: usize = 300;
/// Maximum time for a member to become ready beside silent connections.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Time for connections to accumulate before the member starts.
const GATHER: Duration = Duration::from_secs(2);

fn spread(field: &Field, count: usize) -> usize {
    if field.short { count / 4 } else { count }
}

pub async fn idle_http2(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let count = if field.short { IDLE_SHORT } else { IDLE };
    let one = Holding { count, from: 2, sources: 1, to: &field.http[0], opening: H2_PREFACE, drip: None };
    one.hold(&tally, &stop).await;
    Vec::new()
}

pub async fn idle_http1(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let opening = format!("GET /livez HTTP/1.1\r\nHost: {}\r\nX: ", field.http[1]);
    let count = spread(&field, SLOW);
    let slow = Holding {
        count,
        from: 2,
        sources: 20,
        to: &field.http[1],
        opening: opening.as_bytes(),
        drip: Some(b"a"),
    };
    slow.hold(&tally, &stop).await;
    Vec::new()
}

pub async fn slow_bodies(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let key = field.hostile.client.key().unwrap_or_default();
    let opening = format!(
        "PUT {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nIf-None-Match: *\r\n\
         Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{{\"content\": \"",
        field.hostile.config("slow"),
        field.http[2]
    );
    let slow = Holding {
        count: spread(&field, SLOW_BODIES),
        from: 2,
        sources: 20,
        to: &field.http[2],
        opening: opening.as_bytes(),
        drip: Some(b"a"),
    };
    slow.hold(&tally, &stop).await;
    Vec::new()
}

/// Silent connections at every member's peer port. After the neighbour's measurement, a member is killed and
/// restarted while they are open.
pub async fn peer_port(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let (done, held) = tokio::sync::watch::channel(false);
    let count = spread(&field, SILENT_PEERS);
    let hold = |to: &str| {
        let (tally, held, to) = (tally.clone(), held.clone(), to.to_owned());
        tokio::spawn(async move {
            let silent = Holding { count, from: 2, sources: 10, to: &to, opening: b"", drip: None };
            silent.hold(&tally, &held).await;
        })
    };
    let holding: Vec<_> = field.peers.iter().map(|to| hold(to)).collect();
    crate::flood::until_over(&stop).await;
    tokio::time::sleep(GATHER).await;
    let faults: Vec<String> = field.restart(2, READY_WITHIN).await.into_iter().collect();
    done.send_replace(true);
    for one in holding {
        // A task that panicked holds no connections.
        let _ = one.await;
    }
    debug_assert!(over(&stop), "the neighbour is done");
    faults
}
