//! A connection to either database, and transactions on it.

use crate::error::SqlError;
use crate::row::Row;
use crate::statement::{Statement, Value, bind_all};
use sqlx::pool::PoolConnection;
use sqlx::{Postgres, Sqlite};
use std::time::Duration;

/// A connection of the pool.
enum Kind {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

impl Kind {
    async fn execute(&mut self, statement: Statement, values: &[Value]) -> Result<u64, sqlx::Error> {
        match self {
            Self::Postgres(one) => {
                let query = bind_all!(sqlx::query::<Postgres>(statement.postgres), values);
                query.execute(&mut **one).await.map(|done| done.rows_affected())
            }
            Self::Sqlite(one) => {
                let query = bind_all!(sqlx::query::<Sqlite>(statement.sqlite), values);
                query.execute(&mut **one).await.map(|done| done.rows_affected())
            }
        }
    }

    async fn rows(&mut self, statement: Statement, values: &[Value]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Postgres(one) => {
                let query = bind_all!(sqlx::query::<Postgres>(statement.postgres), values);
                let rows = query.fetch_all(&mut **one).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
            Self::Sqlite(one) => {
                let query = bind_all!(sqlx::query::<Sqlite>(statement.sqlite), values);
                let rows = query.fetch_all(&mut **one).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    fn close_on_drop(&mut self) {
        match self {
            Self::Postgres(one) => one.close_on_drop(),
            Self::Sqlite(one) => one.close_on_drop(),
        }
    }
}

/// In SQLite a deferred transaction that reads first and then writes could fail because another one wrote
/// meanwhile.
const BEGIN: Statement = Statement { postgres: "BEGIN", sqlite: "BEGIN IMMEDIATE" };
const COMMIT: Statement = Statement { postgres: "COMMIT", sqlite: "COMMIT" };
const ROLLBACK: Statement = Statement { postgres: "ROLLBACK", sqlite: "ROLLBACK" };

/// A connection that is returned to the pool only if it is usable.
///
/// If a statement is cancelled while it runs (request dropped, or time-out), the state of the connection is
/// unknown and it is closed. A dropped transaction is rolled back.
pub(crate) struct Connection {
    /// `None` only while the connection is dropped.
    kind: Option<Kind>,
    answer_limit: Duration,
    in_transaction: bool,
    busy: bool,
}

/// The advisory lock for changes of users, groups, organisations and roles.
const DIRECTORY: i64 = 0x6775_6172_0001;

impl Connection {
    pub(crate) fn postgres(connection: PoolConnection<Postgres>, answer_limit: Duration) -> Self {
        Self { kind: Some(Kind::Postgres(connection)), answer_limit, in_transaction: false, busy: false }
    }

    pub(crate) fn sqlite(connection: PoolConnection<Sqlite>, answer_limit: Duration) -> Self {
        Self { kind: Some(Kind::Sqlite(connection)), answer_limit, in_transaction: false, busy: false }
    }

    /// Begins a transaction that may write.
    pub(crate) async fn begin(&mut self) -> Result<(), SqlError> {
        // Set first, so that a cancelled `BEGIN` is rolled back, too.
        self.in_transaction = true;
        self.execute(BEGIN, &[]).await?;
        Ok(())
    }

    /// Commits the transaction.
    pub(crate) async fn commit(mut self) -> Result<(), SqlError> {
        self.execute(COMMIT, &[]).await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Runs a statement. Returns the number of changed rows.
    pub(crate) async fn execute(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<u64, SqlError> {
        let statement = statement.into();
        self.guarded(async |kind| kind.execute(statement, values).await).await
    }

    /// Runs a statement and returns its rows.
    pub(crate) async fn rows(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<Vec<Row>, SqlError> {
        let statement = statement.into();
        self.guarded(async |kind| kind.rows(statement, values).await).await
    }

    /// Runs a statement and returns its first row.
    pub(crate) async fn row(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<Option<Row>, SqlError> {
        Ok(self.rows(statement, values).await?.into_iter().next())
    }

    /// Runs a statement that returns a count in the column `n`.
    pub(crate) async fn count(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<u64, SqlError> {
        self.row(statement, values).await?.map_or(Ok(0), |row| row.count("n"))
    }

    /// Whether a statement returns any row.
    pub(crate) async fn any(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value],
    ) -> Result<bool, SqlError> {
        Ok(!self.rows(statement, values).await?.is_empty())
    }

    /// Takes the lock for changes of users, groups, organisations and roles, until the transaction ends. Not
    /// needed in SQLite, which has one writer at a time.
    pub(crate) async fn lock_directory(&mut self) -> Result<(), SqlError> {
        if matches!(self.kind, Some(Kind::Postgres(_))) {
            self.rows("SELECT pg_advisory_xact_lock($1)", &[Value::from(DIRECTORY)]).await?;
        }
        Ok(())
    }

    async fn guarded<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Kind) -> Result<T, sqlx::Error>,
    ) -> Result<T, SqlError> {
        let kind = self.kind.as_mut().expect("it is there until this is dropped");
        self.busy = true;
        let done = tokio::time::timeout(self.answer_limit, work(kind)).await;
        match done {
            Ok(result) => {
                self.busy = false;
                result.map_err(SqlError::from)
            }
            Err(_) => Err(SqlError::Unavailable("the database did not answer in time".into())),
        }
    }
}

// The transactions of the pool do not release their connection, and one that hangs must be closed. So
// transactions are begun and ended by plain statements.
impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut kind) = self.kind.take() else { return };
        if self.busy {
            kind.close_on_drop();
        } else if self.in_transaction {
            let limit = self.answer_limit;
            tokio::spawn(async move {
                let done = tokio::time::timeout(limit, kind.execute(ROLLBACK, &[])).await;
                if !matches!(done, Ok(Ok(_))) {
                    kind.close_on_drop();
                }
            });
        }
    }
}
