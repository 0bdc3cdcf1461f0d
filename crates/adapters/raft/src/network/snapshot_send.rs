//! Sends a snapshot in checksummed chunks, as fast as the receiver accepts them. There is no time limit for
//! the whole transfer, only for a stall.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{NetworkError, StreamingError, Unreachable};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::SNAPSHOT_CHUNK_BYTES;
use super::channel::Client;
use crate::codec::proto::SnapshotFrame;
use crate::codec::proto::snapshot_frame::{Chunk, Frame, Head, Tail};
use crate::codec::required;
use crate::disk;
use crate::type_config::{Snapshot, TypeConfig, Vote};

/// Chunks read in advance.
const READ_AHEAD_CHUNKS: usize = 2;

/// Sends a snapshot and returns the receiver's vote; `None` if the transfer stalled for longer than `stall`.
pub(super) async fn send(
    mut client: Client,
    vote: Vote,
    snapshot: Snapshot,
    stall: Duration,
) -> Result<Option<Vote>, StreamingError<TypeConfig>> {
    let head = Head { vote: Some((&vote).into()), meta: Some((&snapshot.meta).into()) };
    let sent = AtomicU64::new(0);
    let (frames, outgoing) = mpsc::channel(READ_AHEAD_CHUNKS);
    let feeding = feed(&snapshot, head, frames, &sent);
    let calling = client.install_snapshot(ReceiverStream::new(outgoing));
    let both = futures::future::join(feeding, calling);
    let (fed, answered) = tokio::select! {
        both = both => both,
        () = stalled(&sent, stall) => return Ok(None),
    };
    if let Err(cause) = fed {
        return Err(StreamingError::Network(NetworkError::new(&cause)));
    }
    let reply = answered.map_err(|status| StreamingError::Unreachable(Unreachable::new(&status)))?;
    let vote = required(reply.into_inner().vote, "SnapshotReply.vote")
        .map_err(|cause| StreamingError::Network(NetworkError::new(&cause)))?;
    Ok(Some(vote.into()))
}

/// Returns once there was no progress for `stall`.
async fn stalled(sent: &AtomicU64, stall: Duration) {
    loop {
        let before = sent.load(Ordering::Relaxed);
        tokio::time::sleep(stall).await;
        if sent.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// Sends the whole snapshot to the channel. A closed channel is no error here, because the call reports the
/// reason.
async fn feed(
    snapshot: &Snapshot,
    head: Head,
    frames: mpsc::Sender<SnapshotFrame>,
    sent: &AtomicU64,
) -> io::Result<()> {
    let mut file = snapshot.snapshot.reader()?;
    let mut total = 0;
    let mut frame = Frame::Head(head);
    loop {
        let last = matches!(frame, Frame::Tail(_));
        let next = SnapshotFrame { frame: Some(frame) };
        if frames.send(next).await.is_err() || last {
            return Ok(());
        }
        sent.fetch_add(1, Ordering::Relaxed);
        let data;
        (file, data) = disk::blocking(move || read_chunk(file)).await?;
        total += data.len() as u64;
        frame = if data.is_empty() {
            Frame::Tail(Tail { bytes: total })
        } else {
            let crc32 = crc32fast::hash(&data);
            Frame::Chunk(Chunk { data, crc32 })
        };
    }
}

/// The next chunk, and the file; the chunk is empty at the end.
fn read_chunk(mut file: File) -> io::Result<(File, Bytes)> {
    let mut data = Vec::with_capacity(SNAPSHOT_CHUNK_BYTES);
    (&mut file).take(SNAPSHOT_CHUNK_BYTES as u64).read_to_end(&mut data)?;
    Ok((file, data.into()))
}
