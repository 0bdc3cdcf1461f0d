//! Snapshot files: damaged ones are refused and change nothing; well-formed ones with senseless records never
//! panic, and are restored or refused as a whole.

use crate::commands::settled_commands;
use crate::scratch;
use adapter_raft::codec::command::encode_command;
use adapter_raft::codec::row;
use adapter_raft::store::{Change, Item, RedbEngine, Store, snapshot};
use adapter_raft::type_config::{LeaderId, LogId};
use domain::{Digest, Row};
use fuzz::{Source, Target};
use openraft::vote::RaftLeaderId as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A store on a disk of its own, with something in it.
struct Place {
    dir: TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let dir = scratch::folder();
        let store = open(&dir.path().join("state.redb"));
        let place = Self { dir, store };
        let items = (1..).zip(settled_commands()).map(|(index, command)| {
            let bytes = encode_command(&command).expect("a command can be written");
            Item { log_id: LogId::new(LeaderId::new(1, 1), index), change: Change::Command(bytes.into()) }
        });
        place.store.apply(items.collect()).expect("fixtures can be applied");
        place
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("fuzz.snap")
    }

    /// A snapshot of what is here.
    fn sound(&self) -> Vec<u8> {
        self.store.write_snapshot(&self.file()).expect("a snapshot can be written");
        fs::read(self.file()).expect("it is there")
    }

    fn hash(&self) -> Digest {
        self.store.state_hash().expect("the state can be read")
    }

    /// Offers these bytes as a snapshot; whether they were taken.
    fn install(&self, bytes: &[u8]) -> bool {
        scratch::write(&self.file(), bytes);
        let verified = snapshot::verify(&self.file());
        // Reading only the beginning may find nothing wrong, but never panics.
        let _ = snapshot::head(&self.file());
        let installed = self.store.install(&self.file());
        assert!(verified.is_ok() || installed.is_err(), "what is damaged was installed");
        installed.is_ok()
    }
}

fn open(path: &Path) -> Store {
    let engine = RedbEngine::open(path).expect("a state file");
    Store::open(Arc::new(engine)).expect("a store")
}

/// Each flipped bit and each cut of a whole snapshot, one by one.
#[test]
fn every_damage_is_refused_and_changes_nothing() {
    let place = Place::new();
    let (sound, before) = (place.sound(), place.hash());
    assert!((1000..20_000).contains(&sound.len()), "{} bytes: small, but not empty", sound.len());
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut damaged = sound.clone();
            damaged[at] ^= 1 << bit;
            assert!(!place.install(&damaged), "bit {bit} of byte {at} was not missed");
        }
        assert!(!place.install(&sound[..at]), "the bytes from {at} on were not missed");
    }
    assert_eq!(place.hash(), before);
    assert!(place.install(&sound), "the undamaged file is taken");
    assert_eq!(place.hash(), before);
}

#[test]
fn snapshot() {
    let place = Place::new();
    let (sound, before) = (place.sound(), place.hash());
    Target::new("snapshot").bytes_max(64 * 1024).check(|bytes| {
        // A kept input is a list of damages, or a whole file.
        let file = if bytes.starts_with(b"GDNSNAP1") { bytes.to_vec() } else { damaged(&sound, bytes) };
        if place.install(&file) {
            assert!(file.starts_with(&sound), "a file that nobody wrote was taken");
        }
        assert_eq!(place.hash(), before, "a refused snapshot changed something");
    });
}

/// The file after what the input says happened to it.
pub fn damaged(sound: &[u8], input: &[u8]) -> Vec<u8> {
    let mut source = Source::new(input);
    let mut file = sound.to_vec();
    while !source.is_empty() {
        let at = source.below(file.len() + 1);
        let end = (at + source.below(600)).min(file.len());
        match source.below(7) {
            0 if at < file.len() => file[at] ^= 1 << source.below(8),
            1 if at < file.len() => file[at] = source.byte(),
            2 => file.truncate(at),
            3 => file[at..end].fill(0),
            4 => drop(file.drain(at..end)),
            5 => {
                let part = file[at..end].to_vec();
                let to = source.below(file.len() + 1);
                drop(file.splice(to..to, part));
            }
            _ => {
                let foreign = source.bytes(16).to_vec();
                drop(file.splice(at..at, foreign));
            }
        }
    }
    file
}

/// Records with correct checksums, as a peer with a defect could send them.
fn composed(source: &mut Source<'_>, rows: &[Row]) -> Vec<u8> {
    let mut records = Vec::new();
    let mut hashed = Vec::new();
    while !source.is_empty() {
        let table = source.one_of(&[1_u8, 1, 2, 3, 4, 5, 0, 9]);
        let row = &rows[source.below(rows.len())];
        let (key, value) = match source.below(4) {
            0 => (source.bytes(12).to_vec(), source.bytes(40).to_vec()),
            1 => (row.key().to_bytes(), source.bytes(40).to_vec()),
            2 => (
                row.key().to_bytes(),
                damaged(&row::encode(row).expect("a row can be written"), source.bytes(6)),
            ),
            _ => (row.key().to_bytes(), row::encode(row).expect("a row can be written")),
        };
        records.push(table);
        hashed.push(table);
        for part in [&key, &value] {
            let length = u32::try_from(part.len()).expect("it is short");
            records.extend_from_slice(&length.to_le_bytes());
            records.extend_from_slice(part);
            hashed.extend_from_slice(&u64::from(length).to_le_bytes());
            hashed.extend_from_slice(part);
        }
    }
    let mut file = b"GDNSNAP1".to_vec();
    let mut frame = |kind: u8, body: &[u8]| {
        let whole = [&[kind], body].concat();
        file.extend_from_slice(&u32::try_from(whole.len()).expect("it is short").to_le_bytes());
        file.extend_from_slice(&crc32fast::hash(&whole).to_le_bytes());
        file.extend_from_slice(&whole);
    };
    // The marker of a node that never applied anything, with a membership of nobody.
    frame(0, &[0x12, 0x02, 0x12, 0x00]);
    frame(1, &records);
    frame(2, &Digest::of(&[&hashed]).0);
    file
}

#[test]
fn snapshot_records() {
    let place = Place::new();
    let (sound, before) = (place.sound(), place.hash());
    let rows: Vec<Row> = place.store.published().state.rows().collect();
    Target::new("snapshot_records").bytes_max(512).check(|bytes| {
        let file = composed(&mut Source::new(bytes), &rows);
        place.install(&file);
        // Rows that this program cannot read are noticed only once they are on the disk, so a refusal of such a
        // file is not without consequence; but a sound snapshot always puts things right.
        assert!(place.install(&sound), "the store takes nothing any more");
        assert_eq!(place.hash(), before, "something of another snapshot is left");
    });
}
