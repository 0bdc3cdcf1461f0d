//! Receives a snapshot into a temporary file, one at a time. Checks every chunk and the total length; the
//! state machine checks the content.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Semaphore;
use tonic::{Status, Streaming};

use super::{SNAPSHOT_BYTES_MAX, SNAPSHOT_CHUNK_BYTES, SnapshotFile};
use crate::codec::proto::SnapshotFrame;
use crate::codec::proto::snapshot_frame::{Frame, Head};
use crate::disk;
use crate::space::Space;

/// Most snapshots that are received at a time.
const RECEIVING_MAX: usize = 1;

/// The directory of incoming snapshots.
#[derive(Debug)]
pub(super) struct Incoming {
    dir: PathBuf,
    space: Arc<Space>,
    next: AtomicU64,
    permits: Semaphore,
}

impl Incoming {
    /// Creates the directory and removes files left by a crash.
    pub(super) fn new(dir: PathBuf, space: Arc<Space>) -> io::Result<Self> {
        std::fs::create_dir_all(&dir)?;
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if is_leftover(&path) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(Self { dir, space, next: AtomicU64::new(0), permits: Semaphore::new(RECEIVING_MAX) })
    }

    /// Receives the head from the stream, and then the content into a file.
    pub(super) async fn receive<F>(
        &self,
        mut frames: Streaming<SnapshotFrame>,
        accept: F,
    ) -> Result<(Head, SnapshotFile), Status>
    where
        F: FnOnce(&Head) -> Result<(), Status>,
    {
        let _permit = self
            .permits
            .try_acquire()
            .map_err(|_| Status::resource_exhausted("another snapshot is being received"))?;
        let Some(Frame::Head(head)) = next(&mut frames).await? else {
            return Err(Status::invalid_argument("a snapshot must begin with its head"));
        };
        accept(&head)?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(format!("incoming-{number}.tmp"));
        // Created first, so that the file is deleted on any failure.
        let mut file = SnapshotFile::temporary(path, 0);
        file.bytes = write(&file.path, &self.space, &mut frames).await?;
        Ok((head, file))
    }
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("incoming-"))
        && path.extension().is_some_and(|extension| extension == "tmp")
}

async fn next(frames: &mut Streaming<SnapshotFrame>) -> Result<Option<Frame>, Status> {
    Ok(frames.message().await?.and_then(|frame| frame.frame))
}

fn disk_error(cause: &io::Error) -> Status {
    if cause.kind() == io::ErrorKind::StorageFull {
        return Status::resource_exhausted("this node has no disk space for a snapshot");
    }
    Status::internal(format!("the snapshot cannot be written: {cause}"))
}

async fn write(
    path: &Path,
    space: &Arc<Space>,
    frames: &mut Streaming<SnapshotFrame>,
) -> Result<u64, Status> {
    let path = path.to_owned();
    let created = disk::blocking(move || File::create_new(path)).await;
    let mut file = created.map_err(|cause| disk_error(&cause))?;
    let mut total: u64 = 0;
    loop {
        match next(frames).await? {
            Some(Frame::Chunk(chunk)) => {
                if chunk.data.len() > SNAPSHOT_CHUNK_BYTES {
                    return Err(Status::invalid_argument("a chunk of the snapshot is too large"));
                }
                if crc32fast::hash(&chunk.data) != chunk.crc32 {
                    return Err(Status::data_loss("a chunk of the snapshot is damaged"));
                }
                total += chunk.data.len() as u64;
                if total > SNAPSHOT_BYTES_MAX {
                    return Err(Status::invalid_argument("the snapshot is too large"));
                }
                let space = space.clone();
                let written = disk::blocking(move || {
                    // May use free space, but not what the log and the state need.
                    if !space.has_room_to_spare(chunk.data.len() as u64) {
                        return Err(io::ErrorKind::StorageFull.into());
                    }
                    file.write_all(&chunk.data).map(|()| file)
                });
                let written = written.await;
                file = written.map_err(|cause| disk_error(&cause))?;
            }
            Some(Frame::Tail(tail)) if tail.bytes == total => {
                let synced = disk::blocking(move || file.sync_all()).await;
                synced.map_err(|cause| disk_error(&cause))?;
                return Ok(total);
            }
            Some(Frame::Tail(_)) => {
                return Err(Status::data_loss("a part of the snapshot is missing"));
            }
            Some(Frame::Head(_)) => return Err(Status::invalid_argument("a second head")),
            None => return Err(Status::data_loss("the snapshot ended too early")),
        }
    }
}
