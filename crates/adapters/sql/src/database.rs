//! The database: its pools, reads and transactions.

use crate::connection::Connection;
use crate::error::{OpenError, SqlError};
use crate::migrations;
use crate::row::Row;
use crate::settings::{ANSWER_SLACK, Settings, Target};
use crate::statement::{Statement, Value};
use crate::waiters::Waiters;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Executor};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Most retries of a read on another connection. Changes are never retried.
const READ_RETRIES: u32 = 2;
/// Longest lifetime of a connection to a server, so that a changed address is picked up.
const LIFETIME_MAX: Duration = Duration::from_mins(30);

/// All identity stores, in one database. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Database {
    pools: Pools,
    settings: Settings,
    migrate: bool,
    /// Set once the schema version was checked. Nothing is read or written before.
    prepared: Arc<OnceCell<()>>,
    /// Sign-ins that wait for pending attempts.
    pub(crate) waiters: Arc<Waiters>,
}

/// The connections of this process to its database.
#[derive(Clone, Copy, Debug)]
pub struct Connections {
    /// The number of open connections.
    pub open: u32,
    /// The number of idle connections.
    pub idle: usize,
}

#[derive(Clone, Debug)]
enum Pools {
    Postgres(PgPool),
    /// SQLite has one writer at a time. Waiting for it in the pool is fair and event-driven. Waiting for the
    /// lock of the file is neither, and only happens for writers of other processes.
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
    },
}

impl Database {
    /// Opens the database; with `migrate`, brings its schema up to date first. Otherwise the schema must have
    /// the version of this release already. One version newer is accepted in both cases.
    pub async fn open(settings: &Settings, migrate: bool) -> Result<Self, OpenError> {
        let database = Self::open_later(settings, migrate)?;
        database.prepare().await?;
        Ok(database)
    }

    /// As [`Self::open`], for a node that starts while its database is unavailable: [`Self::ping`] opens it
    /// later. Until then all calls fail with
    /// [`IdentityError::Unavailable`](application::ports::identity::IdentityError::Unavailable).
    pub fn open_later(settings: &Settings, migrate: bool) -> Result<Self, OpenError> {
        let pools = match settings.target()? {
            Target::Postgres => Pools::Postgres(postgres_pool(settings)?),
            Target::Sqlite(path) => {
                let options = sqlite_options(settings, &path);
                let pool = |connections| {
                    let options = SqlitePoolOptions::new().max_connections(connections);
                    options.acquire_timeout(settings.acquire_timeout)
                };
                Pools::Sqlite {
                    readers: pool(settings.connections_max)
                        .connect_lazy_with(options.clone().pragma("query_only", "ON")),
                    writer: pool(1).connect_lazy_with(options),
                }
            }
        };
        Ok(Self {
            pools,
            settings: settings.clone(),
            migrate,
            prepared: Arc::default(),
            waiters: Arc::default(),
        })
    }

    /// Migrates the schema if requested, and checks its version.
    async fn prepare(&self) -> Result<(), OpenError> {
        let prepare = async || {
            if self.migrate {
                migrations::migrate(&self.settings).await?;
            }
            migrations::check(&mut self.any_writer().await?).await
        };
        self.prepared.get_or_try_init(prepare).await?;
        Ok(())
    }

    /// Checks that the database responds and is usable.
    pub async fn ping(&self) -> Result<(), OpenError> {
        self.prepare().await?;
        self.reader().await?.rows("SELECT number FROM audit_chain", &[]).await?;
        Ok(())
    }

    /// The numbers of open and idle connections.
    pub fn connections(&self) -> Connections {
        match &self.pools {
            Pools::Postgres(pool) => Connections { open: pool.size(), idle: pool.num_idle() },
            Pools::Sqlite { readers, writer } => Connections {
                open: readers.size() + writer.size(),
                idle: readers.num_idle() + writer.num_idle(),
            },
        }
    }

    /// Closes all connections as they become free.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Postgres(pool) => pool.close().await,
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }

    /// Reads. Retries on another connection if one is dead, but not if none is available or the response
    /// takes too long.
    pub(crate) async fn read(
        &self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<Vec<Row>, SqlError> {
        let statement = statement.into();
        let mut retries = 0;
        loop {
            let mut connection = self.reader().await?;
            match connection.rows(statement, values).await {
                Err(SqlError::Lost(error)) if retries < READ_RETRIES => {
                    retries += 1;
                    tracing::debug!(error, retries, "a read is tried again");
                }
                other => return other,
            }
        }
    }

    /// Reads the first row.
    pub(crate) async fn read_one(
        &self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<Option<Row>, SqlError> {
        Ok(self.read(statement, values).await?.into_iter().next())
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&self) -> Result<Connection, SqlError> {
        let mut connection = self.writer().await?;
        connection.begin().await?;
        Ok(connection)
    }

    /// Begins a transaction that changes users, groups, organisations or roles: one at a time.
    pub(crate) async fn begin_directory(&self) -> Result<Connection, SqlError> {
        let mut transaction = self.begin().await?;
        transaction.lock_directory().await?;
        Ok(transaction)
    }

    async fn reader(&self) -> Result<Connection, SqlError> {
        self.must_be_prepared()?;
        match &self.pools {
            Pools::Postgres(pool) => Ok(Connection::postgres(pool.acquire().await?, self.answer_limit())),
            Pools::Sqlite { readers, .. } => {
                Ok(Connection::sqlite(readers.acquire().await?, self.answer_limit()))
            }
        }
    }

    async fn writer(&self) -> Result<Connection, SqlError> {
        self.must_be_prepared()?;
        self.any_writer().await
    }

    fn must_be_prepared(&self) -> Result<(), SqlError> {
        if self.prepared.initialized() {
            return Ok(());
        }
        Err(SqlError::Unavailable("the database was not opened yet".into()))
    }

    /// A connection that may write, without checking the schema version.
    async fn any_writer(&self) -> Result<Connection, SqlError> {
        match &self.pools {
            Pools::Postgres(pool) => Ok(Connection::postgres(pool.acquire().await?, self.answer_limit())),
            Pools::Sqlite { writer, .. } => {
                Ok(Connection::sqlite(writer.acquire().await?, self.answer_limit()))
            }
        }
    }

    fn answer_limit(&self) -> Duration {
        self.settings.statement_timeout + ANSWER_SLACK
    }
}

/// The options for connecting to a server.
pub(crate) fn postgres_options(settings: &Settings) -> Result<PgConnectOptions, OpenError> {
    let options = PgConnectOptions::from_str(settings.url.expose_secret())
        .map_err(|_| OpenError::Settings("the address of the PostgreSQL database cannot be read"))?;
    Ok(options
        .application_name("guardian")
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, settings.slow_statement))
}

fn postgres_pool(settings: &Settings) -> Result<PgPool, OpenError> {
    let limits = [settings.statement_timeout, settings.idle_in_transaction_timeout]
        .map(|limit| i64::try_from(limit.as_millis()).unwrap_or(i64::MAX).to_string());
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections_max)
        .acquire_timeout(settings.acquire_timeout)
        .max_lifetime(LIFETIME_MAX)
        // Set on each connection rather than by start-up options, which some poolers refuse.
        .after_connect(move |connection, _| {
            let [statement, idle] = limits.clone();
            Box::pin(async move {
                let set = "SELECT set_config('statement_timeout', $1, false),
                           set_config('idle_in_transaction_session_timeout', $2, false),
                           set_config('lock_timeout', $1, false)";
                connection.execute(sqlx::query(set).bind(statement).bind(idle)).await?;
                Ok(())
            })
        });
    Ok(pool.connect_lazy_with(postgres_options(settings)?))
}

/// The options for opening a file. It must exist: [`migrations::migrate`] creates it.
pub(crate) fn sqlite_options(settings: &Settings, path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        // Acknowledged changes survive a power failure.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(settings.acquire_timeout)
        .log_statements(log::LevelFilter::Trace)
        .log_slow_statements(log::LevelFilter::Warn, settings.slow_statement)
}
