//! Whose data folder this is. Written once, on the first start, and checked on every later one.
//!
//! A node id must never come back with an empty log: it could vote again in an election it already
//! voted in. So a new folder starts *fresh*, takes no part in the cluster, and becomes *ready* only when
//! every declared member was seen fresh or ready too, that is, before there is a cluster. A folder
//! that is fresh while the cluster exists was lost and replaced, and the node says so and stops.

use domain::ClusterId;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FILE: &str = "identity.json";
const LOCK: &str = "lock";

/// How far a data folder has come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// New: takes no part yet.
    Fresh,
    /// Takes part.
    Ready,
}

/// What the folder says of itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    format: u32,
    cluster_id: ClusterId,
    node_id: u64,
    phase: Phase,
}

/// The form of everything in the folder; a program refuses a newer one.
const FORMAT: u32 = 1;

/// A data folder that belongs to this node and to this process.
#[derive(Debug)]
pub struct Identity {
    dir: PathBuf,
    record: Record,
    lock: Arc<File>,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Another process has it.
    #[error("the data folder {0} is in use by another process")]
    InUse(PathBuf),
    /// It is another node's.
    #[error(
        "the data folder {dir} belongs to node {found_node} of cluster {found_cluster}, \
         not to node {node} of cluster {cluster}"
    )]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// Whose it is.
        found_cluster: ClusterId,
        /// Whose it is.
        found_node: u64,
        /// Who wants it.
        cluster: ClusterId,
        /// Who wants it.
        node: u64,
    },
    /// A newer program wrote it.
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
        /// Why.
        #[source]
        cause: io::Error,
    },
}

impl Identity {
    /// Takes the folder for this process; makes it when it does not exist.
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

    /// The claim itself: nobody else gets the folder while a copy of it lives.
    pub fn claim_file(&self) -> Arc<File> {
        self.lock.clone()
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        self.record.phase
    }

    /// From now on the node takes part, also after a restart.
    pub fn make_ready(&mut self) -> io::Result<()> {
        let record = Record { phase: Phase::Ready, ..self.record.clone() };
        write(&self.dir, &record)?;
        self.record = record;
        Ok(())
    }
}

/// Writes the record so that after a crash there is the old or the new one.
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
