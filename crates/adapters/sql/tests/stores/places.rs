//! Databases for tests.

use adapter_sql::{Database, Settings, migrate};
use application::testing::identity_contract::Stores;
use postgres_fixture::Server;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// The kinds of database.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    Postgres(&'a Server),
    Sqlite,
}

impl Kind<'static> {
    /// The PostgreSQL server that all tests share.
    pub fn postgres() -> Self {
        Self::Postgres(Server::shared())
    }
}

/// Creates databases; their folders are deleted on drop.
#[derive(Debug)]
pub struct Places<'a> {
    kind: Kind<'a>,
    folders: Mutex<Vec<TempDir>>,
}

impl<'a> Places<'a> {
    pub fn new(kind: Kind<'a>) -> Self {
        Self { kind, folders: Mutex::default() }
    }

    /// Settings of a new database without a schema.
    pub fn empty(&self) -> Settings {
        match self.kind {
            Kind::Postgres(server) => patient(server.empty()),
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a folder");
                let settings = file(folder.path());
                self.folders.lock().expect("no test panicked here").push(folder);
                settings
            }
        }
    }

    /// Settings of a new database with the newest schema.
    pub async fn migrated(&self) -> Settings {
        match self.kind {
            Kind::Postgres(server) => patient(server.copy_of("identity", migrate_elsewhere)),
            Kind::Sqlite => {
                let settings = self.empty();
                migrate(&settings).await.expect("an empty database can be migrated");
                settings
            }
        }
    }

    /// The stores on a new database.
    pub async fn stores(&self) -> Stores {
        let settings = self.migrated().await;
        stores(&Database::open(&settings, false).await.expect("a migrated database can be opened"))
    }
}

/// The stores on a database.
pub fn stores(database: &Database) -> Stores {
    let one = Arc::new(database.clone());
    Stores {
        users: one.clone(),
        emails: one.clone(),
        admissions: one.clone(),
        outbox: one.clone(),
        roles: one.clone(),
        groups: one.clone(),
        organisations: one.clone(),
        sessions: one.clone(),
        factors: one.clone(),
        external: one.clone(),
        throttle: one.clone(),
        key_uses: one.clone(),
        audit: one,
    }
}

/// Settings of an SQLite file in a folder.
pub fn file(folder: &Path) -> Settings {
    patient(format!("sqlite:{}", folder.join("identity.db").display()))
}

/// Settings with longer timeouts, for slow test machines, and several connections.
fn patient(url: String) -> Settings {
    let waits = Duration::from_secs(20);
    Settings { acquire_timeout: waits, statement_timeout: waits, ..Settings::new(url.into()) }
}

/// Migrates on a separate thread, outside the test's runtime.
fn migrate_elsewhere(url: &str) {
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(migrate(&patient(url.to_owned())))
        });
        work.join().expect("no panic").expect("an empty database can be migrated");
    });
}
