//! What a database says when it does not do what it was asked, and what that means to the ports.

use application::ports::identity::IdentityError;
use sqlx::error::ErrorKind;

/// Why a statement was not carried out. Keeps the server's message but no values from its details.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    /// The connection was found dead, or the server ended it: another one may do.
    #[error("{0}")]
    Lost(String),
    /// The database cannot be reached, does not answer in time, or asks to try again later.
    #[error("{0}")]
    Unavailable(String),
    /// Another row has this key.
    #[error("a unique constraint was violated")]
    Unique,
    /// The row names another one that is not there.
    #[error("a foreign key constraint was violated")]
    Foreign,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl SqlError {
    /// What is kept is not what it must be.
    pub(crate) fn corrupt(column: &str) -> Self {
        Self::Failed(format!("the column {column} holds what it must not"))
    }
}

/// SQLSTATE classes that mean: not now. Connection exceptions, insufficient resources, operator intervention
/// (with a statement that was cancelled for its time), serialization failures and deadlocks, locks not had.
const NOT_NOW: &[&str] = &["08", "53", "57", "40", "55"];
/// An idle transaction was ended, a read-only server (after a fail-over) was asked to write.
const NOT_NOW_EXACT: &[&str] = &["25P03", "25006"];
/// The server ended the connection: an administrator, a crash, a shutdown.
const ENDED: &[&str] = &["57P01", "57P02", "57P03"];
/// SQLite's primary codes: busy, locked, I/O, full, cannot open.
const SQLITE_NOT_NOW: &[i32] = &[5, 6, 10, 13, 14];

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Self::Lost(text),
            sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::Unavailable(text)
            }
            sqlx::Error::Database(error) => match error.kind() {
                ErrorKind::UniqueViolation => Self::Unique,
                ErrorKind::ForeignKeyViolation => Self::Foreign,
                _ if error.code().is_some_and(|code| ENDED.contains(&&*code)) => Self::Lost(text),
                _ if is_not_now(error.as_ref()) => Self::Unavailable(text),
                _ => Self::Failed(text),
            },
            _ => Self::Failed(text),
        }
    }
}

fn is_not_now(error: &dyn sqlx::error::DatabaseError) -> bool {
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        // A password that is wrong now (28) may be one that is being changed: nothing is lost by waiting.
        return NOT_NOW.iter().any(|class| code.starts_with(class))
            || NOT_NOW_EXACT.contains(&&*code)
            || code.starts_with("28");
    }
    // The extended code holds the primary one in its lowest byte.
    code.parse::<i32>().is_ok_and(|code| SQLITE_NOT_NOW.contains(&(code & 0xff)))
}

impl From<SqlError> for IdentityError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Lost(_) | SqlError::Unavailable(_) => Self::Unavailable(Box::new(error)),
            _ => Self::Failed(Box::new(error)),
        }
    }
}

/// Gives violated constraints the meaning that they have where the statement stands.
pub(crate) trait Meaning<T> {
    /// A violated unique constraint means that another has this `field`.
    fn or_taken(self, field: &'static str) -> Result<T, IdentityError>;

    /// A violated foreign key means that there is no such `kind`.
    fn or_missing(self, kind: &'static str) -> Result<T, IdentityError>;
}

impl<T> Meaning<T> for Result<T, SqlError> {
    fn or_taken(self, field: &'static str) -> Result<T, IdentityError> {
        self.map_err(|error| match error {
            SqlError::Unique => IdentityError::Taken(field),
            other => other.into(),
        })
    }

    fn or_missing(self, kind: &'static str) -> Result<T, IdentityError> {
        self.map_err(|error| match error {
            SqlError::Foreign => IdentityError::Missing(kind),
            other => other.into(),
        })
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings name no database that we know.
    #[error("the database settings are not usable: {0}")]
    Settings(&'static str),
    /// It cannot be reached now.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema is older than the program needs.
    #[error("the database has schema version {found}, but this program needs {needed}: migrate it first")]
    Older {
        /// The newest version in the database; 0 when there is none.
        found: i64,
        /// The newest version that the program knows.
        needed: i64,
    },
    /// The schema is newer than the program knows.
    #[error(
        "the database has schema version {found}, but this program knows only {known}: use a newer program"
    )]
    Newer {
        /// The newest version in the database.
        found: i64,
        /// The newest version that the program knows.
        known: i64,
    },
    /// A migration that was carried out is not the one that the program knows, or it failed.
    #[error("the database could not be migrated")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OpenError {
    /// Whether the database may only be away for a while.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<SqlError> for OpenError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Lost(_) | SqlError::Unavailable(_) => Self::Unavailable(Box::new(error)),
            _ => Self::Failed(Box::new(error)),
        }
    }
}
