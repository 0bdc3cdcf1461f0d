//! The newest audit anchor as a file in the data folder, for `guardian audit verify` beside a running node.

use anyhow::Context as _;
use domain::AuditAnchor;
use std::io::ErrorKind;
use std::path::Path;

const FILE: &str = "audit-anchor.json";

/// Reads the last anchor that the node of this data folder stored; `None` if there is none.
pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<AuditAnchor>> {
    let path = data_dir.join(FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let anchor = serde_json::from_slice(&bytes);
            anchor.map(Some).with_context(|| format!("{} cannot be read", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Replaces the stored anchor.
pub(crate) fn write(data_dir: &Path, anchor: &AuditAnchor) -> anyhow::Result<()> {
    let (path, new) = (data_dir.join(FILE), data_dir.join(format!("{FILE}.new")));
    std::fs::write(&new, serde_json::to_vec(anchor)?)?;
    std::fs::rename(&new, &path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{AuditPlace, Digest, Timestamp};

    #[test]
    fn an_anchor_comes_back() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(read(dir.path()).expect("nothing"), None);
        let place = |number| AuditPlace { number, head: Digest([7; 32]) };
        let anchor = AuditAnchor { cut: place(1), end: place(9), at: Timestamp(5) };
        for _ in 0..2 {
            write(dir.path(), &anchor).expect("written");
            assert_eq!(read(dir.path()).expect("read"), Some(anchor));
        }
        std::fs::write(dir.path().join(FILE), "{").expect("written");
        assert!(read(dir.path()).is_err(), "what is spoilt is no missing anchor");
    }
}
