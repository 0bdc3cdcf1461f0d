//! Snapshot files: all replicated tables as framed records, with a checksum for each frame and the digest of
//! all records at the end.
//!
//! Layout: `GDNSNAP1`, then frames of `u32 length, u32 CRC-32, body`. The first body is the marker. The last
//! has no records, but the count and the digest. Numbers are little-endian.

use super::tables::{self, Marker};
use super::{Batch, Engine, EngineView, Table};
#[cfg(feature = "simulation")]
use crate::planted_faults::{Fault, is};
use crate::type_config::LogId;
use domain::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::Bound;
use std::path::Path;

const MAGIC: &[u8; 8] = b"GDNSNAP1";
/// Approximate size of a frame, in bytes.
const FRAME_BYTES: usize = 256 * 1024;
/// Largest allowed size of a frame, in bytes: one document with its history record, and a frame.
const FRAME_BYTES_MAX: u32 = 16 * 1024 * 1024;

const KIND_MARKER: u8 = 0;
const KIND_RECORDS: u8 = 1;
const KIND_END: u8 = 2;

/// What a snapshot file covers.
#[derive(Clone, Debug)]
pub struct Written {
    pub(crate) marker: Marker,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

/// The digest of all replicated tables.
pub fn hash(view: &dyn EngineView) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    each_record(view, &mut |table, key, value| {
        hasher.add(table, key, value);
        Ok(())
    })?;
    Ok(hasher.finish())
}

/// Writes a snapshot of `view`. The file is on disk when this returns.
pub fn write(view: &dyn EngineView, path: &Path) -> io::Result<Written> {
    let marker = tables::marker(view)?;
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(MAGIC)?;
    write_frame(&mut out, KIND_MARKER, &marker.encode())?;
    let mut hasher = Hasher::default();
    let mut frame = Vec::with_capacity(FRAME_BYTES * 2);
    each_record(view, &mut |table, key, value| {
        #[cfg(feature = "simulation")]
        if table == Table::Schemas && is(Fault::SnapshotWithoutSchemas) {
            return Ok(());
        }
        hasher.add(table, key, value);
        put_record(&mut frame, table, key, value)?;
        if frame.len() >= FRAME_BYTES {
            write_frame(&mut out, KIND_RECORDS, &frame)?;
            frame.clear();
        }
        Ok(())
    })?;
    if !frame.is_empty() {
        write_frame(&mut out, KIND_RECORDS, &frame)?;
    }
    write_frame(&mut out, KIND_END, &hasher.finish().0)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(Written { marker, bytes: file.metadata()?.len() })
}

/// Verifies the whole file and returns its marker.
pub fn verify(path: &Path) -> io::Result<Written> {
    let mut reader = Reader::open(path)?;
    let mut hasher = Hasher::default();
    while let Some(records) = reader.next_records()? {
        for (table, key, value) in &records {
            hasher.add(*table, key, value);
        }
    }
    if reader.digest != Some(hasher.finish()) {
        return Err(damaged(path, "its digest does not match its records"));
    }
    Ok(Written { marker: reader.marker, bytes: std::fs::metadata(path)?.len() })
}

/// Verifies the whole file, and that it covers the log up to `expected`.
pub fn verify_covers(path: &Path, expected: Option<LogId>) -> io::Result<()> {
    if verify(path)?.marker.applied == expected {
        Ok(())
    } else {
        Err(damaged(path, "it does not cover what its sender said"))
    }
}

/// Opens a snapshot file and reads its marker, without verifying the rest.
pub fn head(path: &Path) -> io::Result<(Written, File)> {
    let reader = Reader::open(path)?;
    let file = reader.input.into_inner();
    let bytes = file.metadata()?.len();
    Ok((Written { marker: reader.marker, bytes }, file))
}

/// Replaces the content of the engine by that of the file, durably. Changes nothing if the file is damaged.
pub(super) fn restore(path: &Path, engine: &dyn Engine) -> io::Result<()> {
    verify(path)?;
    let mut reader = Reader::open(path)?;
    let mut marker = Some(reader.marker.encode());
    engine.replace(&mut || {
        if let Some(marker) = marker.take() {
            return Ok(Some(Batch { changes: vec![tables::marker_change(&marker)] }));
        }
        let records = reader.next_records()?;
        Ok(records.map(|records| Batch {
            changes: records.into_iter().map(|(table, key, value)| (table, key, Some(value))).collect(),
        }))
    })
}

type VisitRecord<'a> = &'a mut dyn FnMut(Table, &[u8], &[u8]) -> io::Result<()>;

fn each_record(view: &dyn EngineView, visit: VisitRecord<'_>) -> io::Result<()> {
    for table in Table::REPLICATED {
        view.scan(table, (Bound::Unbounded, Bound::Unbounded), false, &mut |key, value| {
            visit(table, key, value)?;
            Ok(true)
        })?;
    }
    Ok(())
}

#[derive(Default)]
struct Hasher(Sha256);

impl Hasher {
    fn add(&mut self, table: Table, key: &[u8], value: &[u8]) {
        self.0.update([table as u8]);
        self.0.update((key.len() as u64).to_le_bytes());
        self.0.update(key);
        self.0.update((value.len() as u64).to_le_bytes());
        self.0.update(value);
    }

    fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

fn put_record(frame: &mut Vec<u8>, table: Table, key: &[u8], value: &[u8]) -> io::Result<()> {
    frame.push(table as u8);
    for part in [key, value] {
        frame.extend_from_slice(&u32::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes());
        frame.extend_from_slice(part);
    }
    Ok(())
}

fn write_frame(out: &mut impl Write, kind: u8, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 1).map_err(io::Error::other)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind]);
    crc.update(body);
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&crc.finalize().to_le_bytes())?;
    out.write_all(&[kind])?;
    out.write_all(body)
}

type Record = (Table, Vec<u8>, Vec<u8>);

struct Reader<'a> {
    path: &'a Path,
    input: BufReader<File>,
    marker: Marker,
    digest: Option<Digest>,
}

impl<'a> Reader<'a> {
    fn open(path: &'a Path) -> io::Result<Self> {
        let mut input = BufReader::new(File::open(path)?);
        let mut magic = [0; 8];
        input.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(damaged(path, "it does not start like a snapshot"));
        }
        let mut reader = Self { path, input, marker: Marker::default(), digest: None };
        match reader.frame()? {
            (KIND_MARKER, body) => reader.marker = Marker::decode(&body)?,
            _ => return Err(damaged(path, "its first frame is not the marker")),
        }
        Ok(reader)
    }

    /// The next records; `None` after the last frame, when `digest` is set.
    fn next_records(&mut self) -> io::Result<Option<Vec<Record>>> {
        match self.frame()? {
            (KIND_RECORDS, body) => self.records(&body).map(Some),
            (KIND_END, body) => {
                let digest =
                    <[u8; 32]>::try_from(body).map_err(|_| damaged(self.path, "its end is malformed"))?;
                self.digest = Some(Digest(digest));
                Ok(None)
            }
            _ => Err(damaged(self.path, "it has a frame of unknown kind")),
        }
    }

    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 8];
        self.input.read_exact(&mut head)?;
        let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length == 0 || length > FRAME_BYTES_MAX {
            return Err(damaged(self.path, "a frame has an impossible length"));
        }
        let mut body = vec![0; length as usize];
        self.input.read_exact(&mut body)?;
        if crc32fast::hash(&body) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(damaged(self.path, "a frame's checksum does not match"));
        }
        let kind = body.remove(0);
        Ok((kind, body))
    }

    fn records(&self, mut body: &[u8]) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        while let Some((&number, rest)) = body.split_first() {
            let table =
                Table::from_number(number).ok_or_else(|| damaged(self.path, "a record of no known table"))?;
            let (key, rest) = self.part(rest)?;
            let (value, rest) = self.part(rest)?;
            records.push((table, key.to_vec(), value.to_vec()));
            body = rest;
        }
        Ok(records)
    }

    fn part<'b>(&self, bytes: &'b [u8]) -> io::Result<(&'b [u8], &'b [u8])> {
        let cut = || damaged(self.path, "a record is cut short");
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)
    }
}

fn damaged(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the snapshot {} is damaged: {why}", path.display()))
}
