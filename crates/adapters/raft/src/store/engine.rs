//! The key-value engine on disk: ordered tables, atomic durable batches, point-in-time views.
//!
//! A small trait, so that redb can be replaced by another engine, or by one in memory that loses data like a
//! crashed disk.

use redb::{Database, Durability, ReadableDatabase, TableDefinition, TableError};
use std::fmt;
use std::io;
use std::ops::Bound;
use std::path::Path;

/// Size of redb's cache, in bytes.
const CACHE_BYTES: usize = 128 * 1024 * 1024;

/// The tables. The number is part of the snapshot format.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// The rows of the state.
    State = 1,
    /// All versions of configs, with their documents.
    Configs = 2,
    /// All versions of schemas, with their bodies.
    Schemas = 3,
    /// The audit entries by revision.
    Audit = 4,
    /// What this node has applied. Differs between nodes; not hashed.
    Marker = 5,
    /// The config and version of each change, by revision and index.
    Changes = 6,
}

impl Table {
    /// The tables that are equal on all nodes, in the order in which they are streamed and hashed.
    pub const REPLICATED: [Self; 5] = [Self::State, Self::Configs, Self::Schemas, Self::Audit, Self::Changes];

    /// The table with this number; `None` if there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::REPLICATED.into_iter().chain([Self::Marker]).find(|table| *table as u8 == number)
    }

    fn definition(self) -> TableDefinition<'static, &'static [u8], &'static [u8]> {
        TableDefinition::new(match self {
            Self::State => "state",
            Self::Configs => "configs",
            Self::Schemas => "schemas",
            Self::Audit => "audit",
            Self::Marker => "marker",
            Self::Changes => "changes",
        })
    }
}

/// Changes that become durable together or not at all.
#[derive(Debug, Default)]
pub struct Batch {
    /// The keys to write (`Some`) or remove (`None`).
    pub changes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

/// Visits a key and its value; returns whether to continue.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> io::Result<bool>;

/// A consistent view of all tables.
pub trait EngineView: Send + Sync {
    /// The value of a key; `None` if it does not exist.
    fn get(&self, table: Table, key: &[u8]) -> io::Result<Option<Vec<u8>>>;

    /// Visits the keys from `from` upwards, or downwards from `to` if `reverse`, until the visitor stops.
    fn scan(
        &self,
        table: Table,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        reverse: bool,
        visit: Visit<'_>,
    ) -> io::Result<()>;
}

/// An ordered key-value store. All errors are failures of the disk or the file.
pub trait Engine: Send + Sync + fmt::Debug {
    /// Commits a batch durably.
    fn commit(&self, batch: &Batch) -> io::Result<()>;

    /// A view that later commits do not change.
    fn view(&self) -> io::Result<Box<dyn EngineView>>;

    /// Removes everything, writes the batches of `fill` until it returns `None`, and commits all of it
    /// atomically.
    fn replace(&self, fill: &mut dyn FnMut() -> io::Result<Option<Batch>>) -> io::Result<()>;
}

/// The redb engine: one file, copy-on-write, with checksums.
pub struct RedbEngine {
    database: Database,
}

impl fmt::Debug for RedbEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedbEngine")
    }
}

impl RedbEngine {
    /// Opens or creates the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(path).map_err(other)?;
        Ok(Self { database })
    }

    /// Opens or creates a database on another kind of disk.
    pub fn open_on(disk: impl redb::StorageBackend) -> io::Result<Self> {
        let builder = Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(disk);
        Ok(Self { database: builder.map_err(other)? })
    }

    fn transaction(&self) -> io::Result<redb::WriteTransaction> {
        let mut transaction = self.database.begin_write().map_err(other)?;
        transaction.set_durability(Durability::Immediate).map_err(other)?;
        // Stores the allocator's state in the commit, so that opening after a crash needs no repair scan.
        transaction.set_quick_repair(true);
        Ok(transaction)
    }
}

impl Engine for RedbEngine {
    fn commit(&self, batch: &Batch) -> io::Result<()> {
        let transaction = self.transaction()?;
        write(&transaction, batch)?;
        transaction.commit().map_err(other)
    }

    fn view(&self) -> io::Result<Box<dyn EngineView>> {
        Ok(Box::new(RedbView { transaction: self.database.begin_read().map_err(other)? }))
    }

    fn replace(&self, fill: &mut dyn FnMut() -> io::Result<Option<Batch>>) -> io::Result<()> {
        let transaction = self.transaction()?;
        for table in Table::REPLICATED.into_iter().chain([Table::Marker]) {
            transaction.delete_table(table.definition()).map_err(other)?;
        }
        while let Some(batch) = fill()? {
            write(&transaction, &batch)?;
        }
        transaction.commit().map_err(other)
    }
}

fn write(transaction: &redb::WriteTransaction, batch: &Batch) -> io::Result<()> {
    let mut changes = batch.changes.iter().peekable();
    while let Some((table, ..)) = changes.peek().copied() {
        let mut open = transaction.open_table(table.definition()).map_err(other)?;
        while let Some((_, key, value)) = changes.next_if(|(next, ..)| next == table) {
            match value {
                Some(value) => open.insert(key.as_slice(), value.as_slice()).map_err(other)?,
                None => open.remove(key.as_slice()).map_err(other)?,
            };
        }
    }
    Ok(())
}

struct RedbView {
    transaction: redb::ReadTransaction,
}

impl RedbView {
    fn table(&self, table: Table) -> io::Result<Option<redb::ReadOnlyTable<&'static [u8], &'static [u8]>>> {
        match self.transaction.open_table(table.definition()) {
            Ok(open) => Ok(Some(open)),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(other(error)),
        }
    }
}

impl EngineView for RedbView {
    fn get(&self, table: Table, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let Some(open) = self.table(table)? else { return Ok(None) };
        Ok(open.get(key).map_err(other)?.map(|guard| guard.value().to_vec()))
    }

    fn scan(
        &self,
        table: Table,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        reverse: bool,
        visit: Visit<'_>,
    ) -> io::Result<()> {
        let Some(open) = self.table(table)? else { return Ok(()) };
        let mut range = open.range::<&[u8]>(range).map_err(other)?;
        while let Some(entry) = if reverse { range.next_back() } else { range.next() } {
            let (key, value) = entry.map_err(other)?;
            if !visit(key.value(), value.value())? {
                break;
            }
        }
        Ok(())
    }
}

fn other(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
