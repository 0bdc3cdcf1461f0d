//! Guardian's watch: Server-Sent Events, read as they come.

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{KEY, Watch, Watched, number};
use crate::cluster::dial;
use crate::guardian::{Guardian, GuardianClient};

/// Bytes that are read at a time.
const READ_BYTES: usize = 2048;

impl Watched for Guardian {
    type Watch = Events;

    async fn write(&self, client: &mut GuardianClient, value: String) -> Result<()> {
        self.put_unbound(client, KEY, &value).await
    }

    async fn watch(&self, node: usize) -> Result<Events> {
        let (authority, request) = self.watch_request(node, KEY)?;
        let mut stream = dial(authority).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut events = Events { stream, bytes: Vec::new() };
        let head = events.until(b"\r\n\r\n").await?;
        ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
        let first = events.until(b"\n\n").await?;
        ensure!(contains(&first, b"event: reset"), "{}", String::from_utf8_lossy(&first));
        Ok(events)
    }
}

/// An open stream of events.
pub struct Events {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Events {
    /// Everything up to and with `end`.
    async fn until(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = self.bytes.windows(end.len()).position(|window| window == end) {
                let rest = self.bytes.split_off(at + end.len());
                return Ok(std::mem::replace(&mut self.bytes, rest));
            }
            let length = self.bytes.len();
            self.bytes.resize(length + READ_BYTES, 0);
            let read = self.stream.read(&mut self.bytes[length..]).await.context("the stream broke")?;
            self.bytes.truncate(length + read);
            ensure!(read > 0, "the stream ended");
        }
    }
}

impl Watch for Events {
    async fn next(&mut self) -> Result<u64> {
        loop {
            let event = self.until(b"\n\n").await?;
            if contains(&event, b"event: put") {
                return number(&event);
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
