//! The identity of the data folder. Written on the first start, and checked on all later ones.
//!
//! A node id must never come back with an empty log, because it could vote twice in one term. So a new folder
//! starts as *fresh* and does not participate. It becomes *ready* only when all declared members are fresh or
//! ready, that is, before the cluster exists. A fresh folder in an existing cluster means that a disk was
//! lost and replaced; the node reports that and stops.

use domain::ClusterId;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FILE: &str = "identity.json";
const LOCK: &str = "lock";

/// The phase of a data folder.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// New: does not participate yet.
    Fresh,
    /// Participates in the cluster.
    Ready,
}

/// The content of the identity file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    cluster_id: ClusterId,
    node_id: u64,
    phase: Phase,
}

/// The format of the data folder; a newer one is refused.
const FORMAT: u32 = 1;

/// A data folder that is locked by this process and belongs to this node.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    record: Record,
    lock: Arc<File>,
}

/// The reason why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Another process uses it.
    #[error("the data folder {0} is in use by another process")]
    InUse(PathBuf),
    /// It belongs to another node.
    #[error(
        "the data folder {dir} belongs to node {found_node} of cluster {found_cluster}, \
         not to node {node} of cluster {cluster}"
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// The cluster that owns it.
        found_cluster: ClusterId,
        /// The node that owns it.
        found_node: u64,
        /// The expected cluster.
        cluster: ClusterId,
        /// The expected node.
        node: u64,
    },
    /// A newer release wrote it.
    #[error("the data folder {dir} has format {found}, this program reads {FORMAT}")]
    Newer {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// It cannot be read or written.
    #[error("the data folder {dir} cannot be used")]
    Io {
        /// The folder.
        dir: PathBuf,
        /// The cause.
        #[source]
        cause: io::Error,
    },
}

impl Identity {
    /// Locks the folder for this process; creates it if it does not exist.
    pub fn claim(dir: &Path, cluster: &ClusterId, node: u64) -> Result<Self, IdentityError> {
        let io = |cause| IdentityError::Io { dir: dir.to_owned(), cause };
        std::fs::create_dir_all(dir).map_err(io)?;
        let lock =
            File::options().create(true).truncate(false).write(true).open(dir.join(LOCK)).map_err(io)?;
        if lock.try_lock().is_err() {
            return Err(IdentityError::InUse(dir.to_owned()));
        }
        let record = match std::fs::read(dir.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| io(cause.into()))?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let record = Record {
                    format: FORMAT,
                    cluster_id: cluster.clone(),
                    node_id: node,
                    phase: Phase::Fresh,
                };
                write(dir, &record).map_err(io)?;
                record
            }
            Err(cause) => return Err(io(cause)),
        };
        if record.format > FORMAT {
            return Err(IdentityError::Newer { dir: dir.to_owned(), found: record.format });
        }
        if record.cluster_id != *cluster || record.node_id != node {
            return Err(IdentityError::Foreign {
                dir: dir.to_owned(),
                found_cluster: record.cluster_id,
                found_node: record.node_id,
                cluster: cluster.clone(),
                node,
            });
        }
        Ok(Self { dir: dir.to_owned(), record, lock: Arc::new(lock) })
    }

    /// The lock file. The folder stays locked while a clone of it exists.
    pub fn claim_file(&self) -> Arc<File> {
        self.lock.clone()
    }

    /// The phase of the folder.
    pub fn phase(&self) -> Phase {
        self.record.phase
    }

    /// Marks the folder as ready, durably.
    pub fn make_ready(&mut self) -> io::Result<()> {
        let record = Record { phase: Phase::Ready, ..self.record.clone() };
        write(&self.dir, &record)?;
        self.record = record;
        Ok(())
    }
}

/// Writes the record atomically: after a crash there is the old or the new one.
fn write(dir: &Path, record: &Record) -> io::Result<()> {
    let temporary = dir.join("identity.tmp");
    let mut file = File::create(&temporary)?;
    serde_json::to_writer_pretty(&mut file, record)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(&temporary, dir.join(FILE))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> ClusterId {
        ClusterId::parse(name).expect("a valid name")
    }

    #[test]
    fn a_folder_belongs_to_one_node_of_one_cluster() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut own = Identity::claim(dir.path(), &cluster("a"), 7).expect("a new folder");
        assert_eq!(own.phase(), Phase::Fresh);
        assert!(matches!(Identity::claim(dir.path(), &cluster("a"), 7), Err(IdentityError::InUse(_))));
        own.make_ready().expect("written");
        drop(own);
        assert_eq!(Identity::claim(dir.path(), &cluster("a"), 7).expect("its own").phase(), Phase::Ready);
        assert!(matches!(Identity::claim(dir.path(), &cluster("b"), 7), Err(IdentityError::Foreign { .. })));
        assert!(matches!(Identity::claim(dir.path(), &cluster("a"), 8), Err(IdentityError::Foreign { .. })));
    }
}
