//! Watchers in the simulation: each connects to one node after another and records the events.

use crate::client::SimCaller;
use crate::node::HTTP_PORT;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use proof::Watcher;
use rand::Rng as _;
use rand::rngs::StdRng;
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use turmoil::net::TcpStream;

/// Timeout of a connection, and of a response head.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(7);
/// A node that is silent for this long is considered down; it sends a bookmark every [`HEARTBEAT`].
const SILENCE_MAX: Duration = Duration::from_secs(2);
/// Idle time after which the nodes send a bookmark.
pub const HEARTBEAT: Duration = Duration::from_millis(500);
/// Duration of a connection, in virtual milliseconds.
const STAY_MS: std::ops::Range<u64> = 100..6_000;
/// Pause between two connections, in virtual milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 1..200;
/// Probability that a watcher starts anew instead of resuming.
const FORGETS: f64 = 0.03;

/// Watches until the run has ended and everything up to the revision in `end` was received.
pub async fn watch(
    watcher: &RefCell<Watcher>,
    callers: &[SimCaller],
    random: &mut StdRng,
    end: impl Fn() -> Option<u64>,
) {
    loop {
        let caller = &callers[random.random_range(0..callers.len())];
        if random.random_bool(FORGETS) && end().is_none() {
            watcher.borrow_mut().forget();
        }
        let until = Instant::now() + Duration::from_millis(random.random_range(STAY_MS));
        // The reason of the end is irrelevant: the next connection resumes.
        let _ = session(watcher, caller, until).await;
        if end().is_some_and(|end| watcher.borrow().resume() >= Some(end)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(PAUSE_MS))).await;
    }
}

/// One connection; `None` if it broke.
async fn session(watcher: &RefCell<Watcher>, caller: &SimCaller, until: Instant) -> Option<()> {
    let connecting = TcpStream::connect((caller.host.as_str(), HTTP_PORT));
    let stream = timeout(CONNECT_TIMEOUT, connecting).await.ok()?.ok()?;
    let hands = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = hands.ok()?;
    let connection = tokio::spawn(connection);
    let request = request(watcher, caller);
    let told = async {
        let answer = timeout(ANSWER_TIMEOUT, sender.send_request(request)).await.ok()?.ok()?;
        if answer.status() != 200 {
            return None;
        }
        watcher.borrow_mut().opened(&caller.host);
        listen(watcher, answer.into_body(), until).await
    };
    let told = told.await;
    connection.abort();
    told
}

fn request(watcher: &RefCell<Watcher>, caller: &SimCaller) -> hyper::Request<Empty<Bytes>> {
    let watcher = watcher.borrow();
    let mut request = hyper::Request::builder()
        .uri(watcher.path())
        .header("host", &caller.host)
        .header("authorization", format!("Bearer {}", caller.secret));
    if let Some(revision) = watcher.resume() {
        request = request.header("last-event-id", revision);
    }
    request.body(Empty::new()).expect("the request is well formed")
}

async fn listen(watcher: &RefCell<Watcher>, mut body: Incoming, until: Instant) -> Option<()> {
    let mut text = Vec::new();
    while Instant::now() < until {
        let frame = timeout(SILENCE_MAX, body.frame()).await.ok()??.ok()?;
        text.extend_from_slice(&frame.into_data().ok()?);
        while let Some(at) = text.windows(2).position(|two| two == b"\n\n") {
            let rest = text.split_off(at + 2);
            let event = std::mem::replace(&mut text, rest);
            watcher.borrow_mut().hear(&String::from_utf8_lossy(&event));
        }
    }
    Some(())
}
