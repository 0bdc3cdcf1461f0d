//! Unread responses: HTTP/2 streams with a window of one byte.

use crate::field::Field;
use crate::flood::{Stop, connect, until_over};
use crate::tally::Tally;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use tokio::task::JoinSet;

const CONNECTIONS: u8 = 4;
const STREAMS: usize = 100;
const WINDOW_BYTES: u32 = 1;

pub async fn unread(field: Arc<Field>, tally: Arc<Tally>, stop: Stop) -> Vec<String> {
    let mut tasks = JoinSet::new();
    for number in 0..CONNECTIONS {
        tasks.spawn(connection(field.clone(), tally.clone(), number));
    }
    until_over(&stop).await;
    tasks.shutdown().await;
    Vec::new()
}

async fn connection(field: Arc<Field>, tally: Arc<Tally>, number: u8) {
    let to = field.http[usize::from(number) % field.http.len()].clone();
    let Ok(stream) = connect(2 + number, &to, None).await else {
        tally.count("no connection");
        return;
    };
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(WINDOW_BYTES);
    let Ok((sender, connection)) = builder.handshake(TokioIo::new(stream)).await else {
        tally.count("no handshake");
        return;
    };
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let path = field.hostile.configs("?include=content&page_size=1000&consistency=stale");
        let request = hyper::Request::builder()
            .uri(format!("http://{to}{path}"))
            .header("authorization", format!("Bearer {}", field.hostile.client.key().unwrap_or_default()))
            .body(Empty::<Bytes>::new());
        let (Ok(request), mut sender, tally) = (request, sender.clone(), tally.clone()) else { return };
        streams.spawn(async move {
            let answer = match sender.send_request(request).await {
                Ok(answer) => answer,
                Err(_) => {
                    tally.count("broken off");
                    return;
                }
            };
            tally.count(format!("{} and not read", answer.status().as_u16()));
            // Held and never read.
            std::future::pending::<()>().await;
            drop(answer);
        });
    }
    if connection.await.is_ok() {
        tally.count("connection closed");
    } else {
        tally.count("connection broken off");
    }
}
