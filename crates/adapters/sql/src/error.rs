//! Errors of the database, and their meaning for the ports.

use application::ports::identity::IdentityError;
use sqlx::error::ErrorKind;

/// The reason why a statement failed. Contains the server's message, but no values from its details.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    /// The connection was dead or was closed by the server. A retry on another connection may succeed.
    #[error("{0}")]
    Lost(String),
    /// The database is unreachable, too slow, or asks to retry later.
    #[error("{0}")]
    Unavailable(String),
    /// A unique constraint was violated.
    #[error("a unique constraint was violated")]
    Unique,
    /// A foreign key constraint was violated.
    #[error("a foreign key constraint was violated")]
    Foreign,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl SqlError {
    /// A stored value is not allowed.
    pub(crate) fn corrupt(column: &str) -> Self {
        Self::Failed(format!("the column {column} holds what it must not"))
    }
}

/// SQLSTATE classes of temporary errors: connection exceptions, insufficient resources, operator intervention
/// (including cancelled statements), serialization failures and deadlocks, unavailable locks.
const NOT_NOW: &[&str] = &["08", "53", "57", "40", "55"];
/// SQLSTATE codes of temporary errors: an idle transaction was ended; a server was read-only, after a
/// fail-over.
const NOT_NOW_EXACT: &[&str] = &["25P03", "25006"];
/// SQLSTATE codes of a closed connection: by an administrator, a crash, a shutdown.
const ENDED: &[&str] = &["57P01", "57P02", "57P03"];
/// Primary SQLite codes of temporary errors: busy, locked, I/O, full, cannot open.
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
        // A wrong password (class 28) may be temporary while it is being changed, so it is safe to wait.
        return NOT_NOW.iter().any(|class| code.starts_with(class))
            || NOT_NOW_EXACT.contains(&&*code)
            || code.starts_with("28");
    }
    // The lowest byte of an extended code is the primary code.
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

/// Converts violated constraints to the error of the statement at hand.
pub(crate) trait Meaning<T> {
    /// A violated unique constraint means that the value of `field` is in use.
    fn or_taken(self, field: &'static str) -> Result<T, IdentityError>;

    /// A violated foreign key means that the entity of this `kind` does not exist.
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

/// The reason why a database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings name no supported database.
    #[error("the database settings are not usable: {0}")]
    Settings(&'static str),
    /// The database is currently unreachable.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema is older than this release needs.
    #[error("the database has schema version {found}, but this program needs {needed}: migrate it first")]
    Older {
        /// The schema version of the database; 0 without a schema.
        found: i64,
        /// The schema version of this release.
        needed: i64,
    },
    /// The schema is newer than this release supports.
    #[error(
        "the database has schema version {found}, but this program knows only {known}: use a newer program"
    )]
    Newer {
        /// The schema version of the database.
        found: i64,
        /// The schema version of this release.
        known: i64,
    },
    /// A migration failed, or an applied migration differs from that of this release.
    #[error("the database could not be migrated")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl OpenError {
    /// Whether the database may only be temporarily unavailable.
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
