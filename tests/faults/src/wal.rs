//! Finds the records of a node's log by their checksums alone.
//!
//! It relies only on the format that docs/adr/0002 and 0004 promise: a type, fields, a CRC-32 of both.

use anyhow::Context as _;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// First byte of every id.
const ID_FORMAT: u8 = 0xA1;
const TYPE_BYTES: usize = 4;
const VOTE_BYTES: usize = 18;
const ID_BYTES: usize = 25;
const CHECKSUM_BYTES: usize = 8;

/// The kind of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A vote.
    Vote,
    /// An entry.
    Entry,
    /// The committed position of the log.
    Commit,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The kind.
    pub kind: Kind,
    /// The byte range in the file.
    pub bytes: Range<usize>,
}

/// The newest log file.
pub fn newest(data: &Path) -> anyhow::Result<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(data.join("log"))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_log(path))
        .collect();
    files.sort();
    files.pop().context("the log has no file")
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wal")
}

/// All records of the above kinds, in order.
pub fn records(file: &[u8]) -> Vec<Record> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < file.len() {
        match record(&file[at..]) {
            Some((kind, length)) => {
                found.push(Record { kind, bytes: at..at + length });
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

fn record(bytes: &[u8]) -> Option<(Kind, usize)> {
    let head = bytes.first_chunk::<5>()?;
    let (kind, fields) = match head {
        [0, 0, 0, 0, ID_FORMAT] => (Kind::Vote, VOTE_BYTES),
        [0, 0, 0, 1, ID_FORMAT] => {
            let length = bytes.get(TYPE_BYTES + ID_BYTES..)?.first_chunk::<4>()?;
            let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
            (Kind::Entry, ID_BYTES + 8 + length)
        }
        [0, 0, 0, 2, ID_FORMAT] => (Kind::Commit, ID_BYTES),
        _ => return None,
    };
    let (own, rest) = bytes.split_at_checked(TYPE_BYTES + fields)?;
    let checksum = u64::from_be_bytes(*rest.first_chunk::<CHECKSUM_BYTES>()?);
    (checksum == u64::from(crc32fast::hash(own))).then_some((kind, own.len() + CHECKSUM_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(term: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 0, ID_FORMAT, 0, 0, 0, 0, 0, 0, 0, term];
        bytes.extend([0; 9]);
        let checksum = u64::from(crc32fast::hash(&bytes));
        bytes.extend(checksum.to_be_bytes());
        bytes
    }

    #[test]
    fn records_are_found_between_other_bytes() {
        let file = [&[5, 0, 0, 0][..], &vote(1), &vote(2), &[0, 0]].concat();
        let found = records(&file);
        assert_eq!(found.iter().map(|one| one.bytes.clone()).collect::<Vec<_>>(), [4..34, 34..64]);
        assert!(found.iter().all(|one| one.kind == Kind::Vote));
    }

    #[test]
    fn a_damaged_record_is_none() {
        let mut file = vote(1);
        file[12] ^= 1;
        assert!(records(&file).is_empty());
    }
}
