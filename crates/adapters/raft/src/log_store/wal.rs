//! The encoding of the records in the write-ahead log. raft-log adds a type and a CRC-32 to each. Lengths
//! have an additional checksum: otherwise raft-log would treat a record with a corrupted length as torn, and
//! truncate the valid entries after it.

use std::io::{self, Read, Write};

use bytes::Bytes;
use prost::Message as _;
use raft_log::codeq::{Decode, Encode};

use super::flush::FlushDone;
use crate::codec::{DecodeError, proto};
use crate::type_config::{Entry, LeaderId, LogId, Vote};
use openraft::vote::RaftLeaderId as _;

/// The first byte of every id: neither zero (an unwritten block) nor a version of raft-log.
const ID_FORMAT: u8 = 0xA1;
/// The first byte of every payload, before the protobuf message.
const PAYLOAD_FORMAT: u8 = 1;
/// Largest size of a record, in bytes; entries are limited far below it.
const PAYLOAD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The types of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wal;

impl raft_log::Types for Wal {
    type LogId = WalLogId;
    type LogPayload = WalEntry;
    type Vote = WalVote;
    type Callback = FlushDone;
    type UserData = WalIdentity;

    fn log_index(log_id: &WalLogId) -> u64 {
        log_id.index
    }

    fn payload_size(payload: &WalEntry) -> u64 {
        payload.0.len() as u64
    }
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn read_u64(mut r: impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    r.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

fn expect_format(mut r: impl Read) -> io::Result<()> {
    let mut format = [0];
    r.read_exact(&mut format)?;
    if format[0] == ID_FORMAT {
        Ok(())
    } else {
        Err(invalid(format!("unknown id format {:#04x}", format[0])))
    }
}

/// A log id, in openraft's order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WalLogId {
    term: u64,
    node_id: u64,
    pub(super) index: u64,
}

impl From<&LogId> for WalLogId {
    fn from(id: &LogId) -> Self {
        Self { term: id.leader_id.term, node_id: id.leader_id.node_id, index: id.index }
    }
}

impl From<&WalLogId> for LogId {
    fn from(id: &WalLogId) -> Self {
        Self::new(LeaderId::new(id.term, id.node_id), id.index)
    }
}

impl Encode for WalLogId {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        w.write_all(&[ID_FORMAT])?;
        w.write_all(&self.term.to_be_bytes())?;
        w.write_all(&self.node_id.to_be_bytes())?;
        w.write_all(&self.index.to_be_bytes())?;
        Ok(25)
    }
}

impl Decode for WalLogId {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        expect_format(&mut r)?;
        Ok(Self { term: read_u64(&mut r)?, node_id: read_u64(&mut r)?, index: read_u64(&mut r)? })
    }
}

/// A vote, in the order of openraft's votes with `leader_id_adv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub(super) struct WalVote {
    term: u64,
    node_id: u64,
    committed: bool,
}

impl From<&Vote> for WalVote {
    fn from(vote: &Vote) -> Self {
        Self { term: vote.leader_id.term, node_id: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<&WalVote> for Vote {
    fn from(vote: &WalVote) -> Self {
        Self { leader_id: LeaderId::new(vote.term, vote.node_id), committed: vote.committed }
    }
}

impl Encode for WalVote {
    fn encode<W: Write>(&self, mut w: W) -> io::Result<usize> {
        w.write_all(&[ID_FORMAT])?;
        w.write_all(&self.term.to_be_bytes())?;
        w.write_all(&self.node_id.to_be_bytes())?;
        w.write_all(&[u8::from(self.committed)])?;
        Ok(18)
    }
}

impl Decode for WalVote {
    fn decode<R: Read>(mut r: R) -> io::Result<Self> {
        expect_format(&mut r)?;
        let term = read_u64(&mut r)?;
        let node_id = read_u64(&mut r)?;
        let mut committed = [0];
        r.read_exact(&mut committed)?;
        Ok(Self { term, node_id, committed: committed[0] != 0 })
    }
}

/// Writes the length, its checksum, and the bytes.
fn write_framed<W: Write>(mut w: W, bytes: &[u8]) -> io::Result<usize> {
    let length = u32::try_from(bytes.len())
        .ok()
        .filter(|_| bytes.len() <= PAYLOAD_BYTES_MAX)
        .ok_or_else(|| invalid(format!("a record of {} bytes is too large", bytes.len())))?
        .to_be_bytes();
    w.write_all(&length)?;
    w.write_all(&crc32fast::hash(&length).to_be_bytes())?;
    w.write_all(bytes)?;
    Ok(8 + bytes.len())
}

fn read_framed<R: Read>(mut r: R) -> io::Result<Bytes> {
    let mut length = [0; 4];
    r.read_exact(&mut length)?;
    let mut checksum = [0; 4];
    r.read_exact(&mut checksum)?;
    if crc32fast::hash(&length).to_be_bytes() != checksum {
        return Err(invalid("the checksum of a length does not match".into()));
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > PAYLOAD_BYTES_MAX {
        return Err(invalid(format!("a record of {length} bytes is too large")));
    }
    let mut bytes = vec![0; length];
    r.read_exact(&mut bytes)?;
    Ok(bytes.into())
}

/// Checks and removes the format byte.
fn message(bytes: &Bytes) -> Result<Bytes, DecodeError> {
    match bytes.first() {
        Some(&PAYLOAD_FORMAT) => Ok(bytes.slice(1..)),
        Some(other) => {
            Err(DecodeError::Invalid(format!("unknown payload format {other}: written by a newer version?")))
        }
        None => Err(DecodeError::Invalid("an empty payload".into())),
    }
}

fn payload(message: &impl prost::Message) -> Bytes {
    let mut bytes = Vec::with_capacity(1 + message.encoded_len());
    bytes.push(PAYLOAD_FORMAT);
    message.encode_raw(&mut bytes);
    bytes.into()
}

/// A stored entry: the format byte and the protobuf message.
#[derive(Clone)]
pub(super) struct WalEntry(Bytes);

impl std::fmt::Debug for WalEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WalEntry({} bytes)", self.0.len())
    }
}

impl WalEntry {
    pub(super) fn encode(entry: Entry) -> Self {
        Self(payload(&proto::Entry::from(entry)))
    }

    pub(super) fn decode(&self) -> Result<Entry, DecodeError> {
        proto::Entry::decode(message(&self.0)?)?.into_entry()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Encode for WalEntry {
    fn encode<W: Write>(&self, w: W) -> io::Result<usize> {
        write_framed(w, &self.0)
    }
}

impl Decode for WalEntry {
    fn decode<R: Read>(r: R) -> io::Result<Self> {
        read_framed(r).map(Self)
    }
}

/// The owner of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WalIdentity {
    pub(super) cluster_id: String,
    pub(super) node_id: u64,
}

impl Encode for WalIdentity {
    fn encode<W: Write>(&self, w: W) -> io::Result<usize> {
        let identity = proto::Identity { cluster_id: self.cluster_id.clone(), node_id: self.node_id };
        write_framed(w, &payload(&identity))
    }
}

impl Decode for WalIdentity {
    fn decode<R: Read>(r: R) -> io::Result<Self> {
        let bytes = message(&read_framed(r)?)?;
        let identity = proto::Identity::decode(bytes).map_err(DecodeError::from)?;
        Ok(Self { cluster_id: identity.cluster_id, node_id: identity.node_id })
    }
}
